/**
 * A daemon under everything at once, for a long time: prompts, agents that are killed, aborts, closes, forks,
 * parking, clients that leave and watchers that hardly read. Fails when a turn ends twice or not at all, when
 * memory or descriptors grow, or when a process is left. Usage: npm run soak [-- --minutes N] [--seed N]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client } from "../src/lib/client/client.ts";
import { PictlError } from "../src/lib/core/errors.ts";
import { resolvePaths } from "../src/lib/core/paths.ts";
import { Place } from "./place.ts";
import { cpuSecondsOf, descriptorsOf, memoryOf, processesWith } from "./process-figures.ts";
import { pick, seededRandom } from "./random.ts";
import { SlowWatcher } from "./slow-watcher.ts";
import { TurnLedger } from "./turn-ledger.ts";

const MB = 1024 * 1024;
const SAMPLE_MS = 2_000;
/** A turn that is accepted and hasn't ended by then hangs: the longest takes two seconds, and many may wait. */
const END_TIMEOUT_MS = 120_000;
/** Of a run that is shorter, growth says nothing: memory settles after some minutes. */
const WARM_SECONDS = 15 * 60;
/** Slow watchers may hold 16 MB, the histories of the live sessions 64 MB. */
const MAX_RESIDENT = 250 * MB;
const PROMPTERS = 6;
const SESSIONS = 12;
const CONFIG = `[limits]
max_live_agents = 4
park_after = "3s"
max_requests_per_minute = 1000000
max_session_requests_per_minute = 1000000
`;
/** Long enough to be killed, aborted and closed in the middle. */
const SLOW_TURNS = {
  description: "Speaks for a second in each turn.",
  responses: [[{ repeat: { text: "word ", times: 400, delayMs: 2 } }]],
  // biome-ignore lint/suspicious/noThenProperty: the scenario format's own name
  then: "repeat-last",
};

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "20" }, seed: { type: "string", default: "1" } },
});
const random = seededRandom(Number(values.seed));
const between = (low: number, high: number) => low + random() * (high - low);

interface Sample {
  seconds: number;
  resident: number;
  descriptors: number;
}

const done: Record<string, number> = {};
const refused: Record<string, number> = {};
const count = (tally: Record<string, number>, what: string) => {
  tally[what] = (tally[what] ?? 0) + 1;
};

async function connect(place: Place): Promise<Client> {
  const client = await Client.connect(place.socket);
  if (client === undefined) throw new Error("the daemon is not running");
  client.introduce("soak", place.env);
  return client;
}

/** Does something again and again until the time is over. What the daemon refuses is counted and no failure. */
async function repeat(until: number, pause: [number, number], action: () => Promise<string>): Promise<void> {
  while (Date.now() < until) {
    await sleep(between(...pause));
    try {
      count(done, await action());
    } catch (error) {
      if (!(error instanceof PictlError)) throw error;
      count(refused, error.code);
      if (error.code === "INTERNAL" || error.code === "DAEMON_UNREACHABLE") throw error;
    }
  }
}

async function run(place: Place): Promise<string[]> {
  const paths = resolvePaths(place.env);
  mkdirSync(paths.configDir, { recursive: true });
  writeFileSync(paths.config, CONFIG);
  const scenario = join(place.root, "slow.json");
  writeFileSync(scenario, JSON.stringify(SLOW_TURNS));
  await place.pictl("daemon", "start");
  const pid = Number(readFileSync(paths.pid, "utf8"));
  const control = await connect(place);
  const sessions: string[] = [];
  for (let i = 0; i < SESSIONS; i++) {
    const cwd = join(place.root, `project-${i % 3}`);
    mkdirSync(cwd, { recursive: true });
    const options = { model: i % 2 === 0 ? "scripted/echo" : `scripted/${scenario}` };
    sessions.push((await control.request("create_session", { cwd, options })).sessionId);
  }
  const ledger = new TurnLedger();
  const observer = await connect(place);
  observer.onRecord((record) => ledger.see(record));
  for (const sessionId of sessions) await observer.request("subscribe", { sessionId });

  const began = Date.now();
  const until = began + Number(values.minutes) * 60_000;
  const samples: Sample[] = [];
  const sample = () =>
    samples.push({
      seconds: (Date.now() - began) / 1000,
      resident: memoryOf(pid).resident,
      descriptors: descriptorsOf(pid),
    });
  sample();
  const sampler = setInterval(sample, SAMPLE_MS);
  const someSession = () => pick(sessions, random);
  const watchers = new Set<SlowWatcher>();

  async function prompt(client: Client): Promise<string> {
    const turnId = crypto.randomUUID();
    const request = { sessionId: someSession(), message: `soak ${turnId}`, turnId };
    const { disposition } = await client.request("prompt", request);
    if (disposition !== "started") return `prompt ${disposition}`;
    ledger.accepted(turnId);
    if (random() < 0.7) await ledger.ended(turnId, END_TIMEOUT_MS);
    return "prompt";
  }

  async function promptAndLeave(): Promise<string> {
    const client = await connect(place);
    const leaving = client.request("prompt", {
      sessionId: someSession(),
      message: "and gone",
      subscribe: true,
    });
    leaving.catch(() => undefined);
    await sleep(between(0, 300));
    client.close();
    return "client that left";
  }

  async function killAgent(): Promise<string> {
    const { agents, spareAgents } = await control.request("get_daemon_status", {});
    const [victim] = [...agents, ...spareAgents].toSorted(() => random() - 0.5);
    if (victim === undefined) return "nothing to kill";
    try {
      process.kill(victim.pid, pick(["SIGKILL", "SIGTERM", "SIGSEGV"] as const, random));
    } catch {
      // It has ended since.
    }
    return "agent killed";
  }

  async function forkAndDelete(): Promise<string> {
    const { sessionId } = await control.request("clone", { sessionId: someSession() });
    await control.request("prompt", { sessionId, message: "in the clone" });
    await control.request("delete_session", { sessionId });
    return "clone made and deleted";
  }

  async function watch(): Promise<string> {
    if (watchers.size >= 4) {
      const [oldest] = watchers;
      if (oldest !== undefined) {
        watchers.delete(oldest);
        oldest.leave();
      }
    }
    watchers.add(await SlowWatcher.open(place, sessions));
    return "slow watcher";
  }

  const clients = await Promise.all(Array.from({ length: PROMPTERS }, () => connect(place)));
  const actors = [
    ...clients.map((client) => repeat(until, [0, 100], () => prompt(client))),
    repeat(until, [500, 2_000], promptAndLeave),
    repeat(until, [1_000, 4_000], killAgent),
    repeat(until, [300, 1_500], async () => {
      await control.request("abort", { sessionId: someSession() });
      return "abort";
    }),
    repeat(until, [2_000, 6_000], async () => {
      await control.request("close_session", { sessionId: someSession() });
      return "close";
    }),
    repeat(until, [3_000, 8_000], forkAndDelete),
    repeat(until, [2_000, 10_000], watch),
    repeat(until, [200, 1_000], async () => {
      await control.request("list_sessions", {});
      return "list";
    }),
  ];
  try {
    await Promise.all(actors);
    await ledger.allEnded(END_TIMEOUT_MS);
  } finally {
    clearInterval(sampler);
    for (const watcher of watchers) watcher.leave();
    for (const client of clients) client.close();
  }
  const problems = ledger.problems();
  for (const sessionId of sessions) await control.request("wait", { sessionId, for: ["idle"] });
  for (const sessionId of sessions) await control.request("close_session", { sessionId });
  const status = await control.request("get_daemon_status", {});
  observer.close();
  const { started, ...ends } = status.turns;
  const ended = Object.values(ends).reduce((sum, each) => sum + each, 0);
  if (started !== ended) problems.push(`${started} turns began and ${ended} ended, says the daemon`);
  await sleep(1_000);
  sample();
  problems.push(...growth(samples));
  process.stdout.write(report({ ledger, samples, status, cpu: cpuSecondsOf(pid), peak: memoryOf(pid).peak }));
  control.close();
  await place.pictl("daemon", "stop");
  const left = processesWith(`PICTL_HOME=${place.env.PICTL_HOME}`);
  if (left.length > 0) problems.push(`left behind: ${left.join(", ")}`);
  const last = readFileSync(paths.log, "utf8").trimEnd().split("\n").at(-1);
  process.stdout.write(`last line of the log: ${last}\n`);
  return problems;
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** The second quarter, when everything is warm, beside the last one. */
function growth(samples: readonly Sample[]): string[] {
  const part = (from: number, to: number) =>
    samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
  const [early, late] = [part(0.25, 0.5), part(0.75, 1)];
  const problems: string[] = [];
  const memory = [early, late].map((each) => median(each.map(({ resident }) => resident)));
  const [before = 0, after = 0] = memory;
  const peak = Math.max(...samples.map(({ resident }) => resident));
  if (peak > MAX_RESIDENT) problems.push(`${(peak / MB).toFixed(0)} MB were resident`);
  const long = (samples.at(-1)?.seconds ?? 0) >= WARM_SECONDS;
  if (long && after > before * 1.15 + 5 * MB)
    problems.push(`memory grew from ${(before / MB).toFixed(0)} to ${(after / MB).toFixed(0)} MB`);
  const first = samples[0]?.descriptors ?? 0;
  const last = samples.at(-1)?.descriptors ?? 0;
  // Each live agent has three; those of the beginning have ended.
  if (last > first) problems.push(`descriptors grew from ${first} to ${last}`);
  return problems;
}

/** Least squares: by how much a figure grows in an hour, from the second quarter on. */
function slopeAnHour(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const warm = samples.slice(Math.floor(samples.length / 4), -1);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(warm.map(({ seconds }) => seconds));
  const y = mean(warm.map(of));
  const covariance = mean(warm.map((each) => (each.seconds - x) * (of(each) - y)));
  return (covariance / mean(warm.map(({ seconds }) => (seconds - x) ** 2))) * 3600;
}

function report(facts: {
  ledger: TurnLedger;
  samples: Sample[];
  status: Awaited<ReturnType<typeof statusOf>>;
  cpu: number;
  peak: number;
}): string {
  const { ledger, samples, status, cpu, peak } = facts;
  const residents = samples.map(({ resident }) => resident / MB);
  const descriptors = samples.map(({ descriptors: open }) => open);
  const range = (numbers: number[]) =>
    `${Math.min(...numbers).toFixed(0)}–${Math.max(...numbers).toFixed(0)}`;
  const words = (tally: Readonly<Record<string, number>>) =>
    Object.entries(tally)
      .map(([what, times]) => `${what} ${times}`)
      .join(", ");
  return [
    `${values.minutes} minutes, seed ${values.seed}`,
    `done: ${words(done)}`,
    `refused: ${words(refused) || "nothing"}`,
    `accepted prompts: ${ledger.acceptedCount}, each ended once: ${words(ledger.outcomes())}`,
    `turns by the daemon's count: ${words(status.turns)}`,
    `agents started ${status.agentsStarted}, ended ${status.agentsEnded}`,
    `resident ${range(residents)} MB (peak ${(peak / MB).toFixed(0)}), slope ${slopeAnHour(samples, ({ resident }) => resident / MB).toFixed(1)} MB an hour`,
    `descriptors ${range(descriptors)}, at the end ${descriptors.at(-1)}, slope ${slopeAnHour(samples, (each) => each.descriptors).toFixed(1)} an hour`,
    `processor time of the daemon: ${cpu.toFixed(0)} s`,
    "",
  ].join("\n");
}

function statusOf(client: Client) {
  return client.request("get_daemon_status", {});
}

const place = new Place();
try {
  const problems = await run(place);
  for (const problem of problems) process.stdout.write(`PROBLEM: ${problem}\n`);
  process.stdout.write(problems.length === 0 ? "nothing was lost and nothing grew\n" : "");
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await place.dispose();
}
