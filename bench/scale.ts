/**
 * Many sessions on few agents: prompts to random ones from many clients at once. Prints what it took and, after
 * a full run, writes it to docs/performance.md. Usage:
 * npm run bench:scale [-- --quick] [--sessions N] [--prompts N] [--clients N] [--directories N] [--agents N] [--seed N]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client } from "../src/lib/client/client.ts";
import { resolvePaths } from "../src/lib/core/paths.ts";
import { cloneSessions, FIRST_MESSAGE } from "./cloned-sessions.ts";
import { measuredWith, writePerformance } from "./document.ts";
import { Place } from "./place.ts";
import { cpuSecondsOf, memoryOf } from "./process-figures.ts";
import { pick, seededRandom, shuffled } from "./random.ts";

const MB = 1024 * 1024;
const IDLE_MS = 10_000;
/** A prompt that isn't done by then is a hang, and must fail the run instead of holding it. */
const PROMPT_TIMEOUT_MS = 10 * 60_000;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    sessions: { type: "string" },
    prompts: { type: "string" },
    clients: { type: "string", default: "32" },
    directories: { type: "string" },
    agents: { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
  },
});
const sessionCount = Number(values.sessions ?? (values.quick ? 60 : 1_000));
const promptCount = Number(values.prompts ?? sessionCount * 1.5);
const clientCount = Number(values.clients);
const directoryCount = Number(values.directories ?? (values.quick ? 5 : 50));

interface Job {
  sessionId: string;
  message: string;
}

/** Milliseconds from the request: until the turn began, and until it ended. */
interface Timing {
  started: number;
  ended: number;
}

/** Prompts and follows the turn to its end. Throws unless it completed with what the session must remember. */
async function prompt(client: Client, { sessionId, message }: Job): Promise<Timing> {
  const began = performance.now();
  const turnId = crypto.randomUUID();
  const { promise, resolve, reject } = Promise.withResolvers<Timing>();
  let started = Number.NaN;
  const stop = client.onRecord((record) => {
    if (record.type !== "turn" || record.turn.id !== turnId) return;
    if (record.turn.state === "started") started = performance.now() - began;
    if (record.turn.state !== "ended") return;
    const { outcome, text = "", error } = record.turn;
    const remembers = text.includes(message) && text.includes(FIRST_MESSAGE);
    if (outcome === "completed" && remembers) resolve({ started, ended: performance.now() - began });
    else reject(new Error(`${sessionId}: ${outcome}, "${text}" ${error?.message ?? ""}`));
  });
  const closed = client.onClose(reject);
  const timer = setTimeout(() => reject(new Error(`${sessionId}: no end`)), PROMPT_TIMEOUT_MS);
  try {
    const accepted = client.request("prompt", { sessionId, message, turnId, subscribe: true });
    accepted.catch(reject);
    const timing = await promise;
    await accepted;
    await client.request("unsubscribe", { sessionId });
    return timing;
  } finally {
    clearTimeout(timer);
    stop();
    closed();
  }
}

/** Half of the distance isn't of interest here, but the tail is: who waited longest? */
function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return [0.5, 0.95, 1].map((share) => `${(at(share) / 1000).toFixed(2)} s`).join(" / ");
}

async function connect(place: Place): Promise<Client> {
  const client = await Client.connect(place.socket);
  if (client === undefined) throw new Error("the daemon is not running");
  client.introduce("bench", place.env);
  return client;
}

/** Processor time in percent of one core, and what is resident, while nothing is asked. */
async function idle(pid: number): Promise<{ cpu: number; resident: number }> {
  const before = cpuSecondsOf(pid);
  await sleep(IDLE_MS);
  return { cpu: ((cpuSecondsOf(pid) - before) / (IDLE_MS / 1000)) * 100, resident: memoryOf(pid).resident };
}

async function run(place: Place): Promise<string> {
  const paths = resolvePaths(place.env);
  mkdirSync(paths.configDir, { recursive: true });
  writeFileSync(paths.config, `[limits]\nmax_live_agents = ${Number(values.agents)}\n`);
  const sessions = await cloneSessions(place, sessionCount, directoryCount);
  // A daemon of its own for what follows: making the sessions isn't what is measured.
  await place.pictl("daemon", "stop", "--now");
  await place.pictl("session", "list");
  const pid = Number(readFileSync(paths.pid, "utf8"));
  const fresh = await idle(pid);

  const random = seededRandom(Number(values.seed));
  const targets = shuffled(sessions, random);
  while (targets.length < promptCount) targets.push(pick(sessions, random));
  const jobs = targets.slice(0, promptCount).map((sessionId, i) => ({ sessionId, message: `prompt ${i}` }));
  const clients = await Promise.all(Array.from({ length: clientCount }, () => connect(place)));
  const timings: Timing[] = [];
  const answered = new Set<string>();
  let highest = 0;
  const sampler = setInterval(() => {
    highest = Math.max(highest, memoryOf(pid).resident);
  }, 100);
  const began = performance.now();
  const left = jobs.values();
  await Promise.all(
    clients.map(async (client) => {
      // One iterator for all of them: each takes the next.
      for (const job of left) {
        timings.push(await prompt(client, job));
        answered.add(job.sessionId);
        if (timings.length % 100 === 0) process.stderr.write(`${timings.length} of ${jobs.length}\n`);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  clearInterval(sampler);
  const [client] = clients;
  if (client === undefined) throw new Error("there must be a client");
  const status = await client.request("get_daemon_status", {});
  for (const each of clients) each.close();
  const { resident: end, peak } = memoryOf(pid);
  const rested = await idle(pid);
  const mb = (bytes: number) => `${(bytes / MB).toFixed(0)} MB`;
  const row = (what: string, result: string, budget = "", met?: boolean) =>
    `| ${what} | ${result} | ${budget} | ${met === undefined ? "" : met ? "yes" : "**no**"} |`;
  const memoryMet = Math.max(highest, peak) <= 150 * MB;
  const idleRow = (what: string, { cpu, resident }: typeof fresh) =>
    row(
      what,
      `${cpu.toFixed(1)} % of a core, ${mb(resident)}`,
      "0 %, ≤ 80 MB",
      cpu < 0.5 && resident <= 80 * MB,
    );
  return [
    `${sessionCount} sessions in ${directoryCount} directories, ${values.agents} live agents, ${jobs.length} prompts from ${clientCount} clients at once (seed ${values.seed}):`,
    "",
    "| what | result | budget | met |",
    "|---|---|---|---|",
    row(
      "sessions that answered",
      `${answered.size} of ${sessionCount}`,
      "all",
      answered.size === Math.min(sessionCount, jobs.length),
    ),
    row("daemon, resident at most", mb(Math.max(highest, peak)), "≤ 150 MB", memoryMet),
    row("daemon, resident at the end", mb(end)),
    row("prompt until its turn began: p50 / p95 / longest", spread(timings.map(({ started }) => started))),
    row("prompt until its turn ended: p50 / p95 / longest", spread(timings.map(({ ended }) => ended))),
    row("prompts a second", (jobs.length / seconds).toFixed(1)),
    row("agents started", String(status.agentsStarted)),
    row("sessions resumed without starting one", String(moved(paths.log))),
    idleRow(`idle daemon over ${IDLE_MS / 1000} s, before`, fresh),
    idleRow(`idle daemon over ${IDLE_MS / 1000} s, after it`, rested),
  ].join("\n");
}

/** How often an agent was moved to another session, as the daemon's logs say. */
function moved(log: string): number {
  return [`${log}.2`, `${log}.1`, log].reduce((count, path) => {
    try {
      return count + readFileSync(path, "utf8").split('"message":"agent moved"').length - 1;
    } catch {
      // There is no older one.
      return count;
    }
  }, 0);
}

const place = new Place();
try {
  mkdirSync(join(place.root, "projects"));
  const table = await run(place);
  process.stdout.write(`${table}\n`);
  const standard = values.sessions === undefined && values.prompts === undefined && !values.quick;
  if (standard) writePerformance({ scale: `${measuredWith("npm run bench:scale")}\n\n${table}` });
} finally {
  await place.dispose();
}
