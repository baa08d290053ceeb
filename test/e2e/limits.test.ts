import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "../../src/lib/client/client.ts";
import type { PictlError } from "../../src/lib/core/errors.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import type { Json } from "../support/streams.ts";
import { Workspace } from "../support/workspace.ts";

/** A pi that costs next to nothing, for what needs many agents and nothing of their work. */
const QUIET_PI = fileURLToPath(new URL("../fixtures/pi/quiet.sh", import.meta.url));

const ASKS = `
export default function (pi) {
  pi.registerCommand("ask", { handler: async (_args, ctx) => void (await ctx.ui.confirm("Sure?", "Really?")) });
}`;

interface Refusal {
  code: string;
  hint: string;
  details: { limit: string; value: number; retryAfterMs?: number };
  retryable: boolean;
}

/** What the requests that were refused say, which must all be the same limit's refusal. */
function refusals(
  results: readonly PromiseSettledResult<unknown>[],
  limit: string,
  value: number,
): Refusal[] {
  const refused = results.flatMap((result) =>
    result.status === "rejected" ? [(result.reason as PictlError).toBody() as unknown as Refusal] : [],
  );
  for (const { code, hint, details } of refused) {
    assert.deepEqual([code, details.limit, details.value], ["LIMIT_EXCEEDED", limit, value]);
    assert.match(hint, new RegExp(`pictl config set limits\\.${limit} N.*daemon restart`));
  }
  return refused;
}

describe("limits", () => {
  let place: Workspace;
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await place.dispose();
  });

  /** A daemon with these settings. */
  async function daemon(config: string, env: Record<string, string> = {}): Promise<void> {
    place = new Workspace(env);
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, config);
    await place.ok(["daemon", "start"]);
  }
  async function connect(): Promise<Client> {
    const client = await place.client();
    clients.push(client);
    return client;
  }
  /** Has a new session answer. */
  const say = (message: string) =>
    place.turn({ cwd: place.cwd, fresh: true, create: { options: { model: "scripted/echo" } }, message });
  const create = (client: Client, options: object = {}) =>
    client.request("create_session", { cwd: place.cwd, current: false, options });
  const status = () => place.ask("get_daemon_status", {});

  describe("sessions", () => {
    const most = LONG ? 100 : 15;
    const settings = `[limits]\nmax_sessions = ${most}\nmax_live_agents = ${most}\nspare_agents = 0\n`;

    it("twice as many creates at once as there may be sessions, all on one connection, make exactly that many", async () => {
      await daemon(settings, { PICTL_PI: QUIET_PI });
      const client = await connect();
      const results = await Promise.allSettled(Array.from({ length: 2 * most }, () => create(client)));
      assert.equal(refusals(results, "max_sessions", most).length, most);
      const { sessions, limits, agentsStarted } = await status();
      assert.deepEqual([sessions, agentsStarted], [most, most]);
      assert.deepEqual(limits.max_sessions, { value: most, used: most });
      // The command says the same, and the session of a prompt is one more, too.
      for (const args of [
        ["session", "create"],
        ["prompt", "--new", "hi"],
      ]) {
        const refused = await place.run(args);
        assert.equal(refused.code, 8, refused.stderr);
        assert.ok(refused.stderr.includes(`${most} sessions`), refused.stderr);
        assert.match(refused.stderr, /\[LIMIT_EXCEEDED\]\n.*config set limits\.max_sessions/);
      }
    });

    it("twice as many creates at once, each on a connection of its own, make exactly that many", async () => {
      await daemon(settings, { PICTL_PI: QUIET_PI });
      const all = await Promise.all(Array.from({ length: 2 * most }, connect));
      const results = await Promise.allSettled(all.map((client) => create(client)));
      assert.equal(refusals(results, "max_sessions", most).length, most);
      assert.equal((await status()).sessions, most);
    });

    it("clones count from the moment they are asked for, and those whose file is gone don't", async () => {
      await daemon("[limits]\nmax_sessions = 2\n");
      await say("hello");
      const client = await connect();
      const clone = () => client.request("clone", { cwd: place.cwd });
      const results = await Promise.allSettled([clone(), clone(), clone()]);
      assert.equal(refusals(results, "max_sessions", 2).length, 2);
      const { sessions } = await client.request("list_sessions", { cwd: place.cwd });
      assert.equal(sessions.length, 2);
      const [doomed] = sessions.filter(({ current }) => !current);
      await client.request("close_session", { sessionId: String(doomed?.id) });
      await client.request("delete_session", { sessionId: String(doomed?.id) });
      await clone();
    });
  });

  it("a client beyond the allowed number is told so, and the daemon can be stopped all the same", async () => {
    await daemon("[limits]\nmax_connections = 2\n");
    const first = await connect();
    await first.request("get_daemon_status", {});
    const second = await connect();
    await second.request("get_daemon_status", {});
    const refused = await place.run(["session", "list"]);
    assert.equal(refused.code, 8, refused.stderr);
    assert.match(refused.stderr, /2 clients.*\[LIMIT_EXCEEDED\]\n.*config set limits\.max_connections/);
    const third = await place.client();
    const results = await Promise.allSettled([third.request("list_sessions", {})]);
    assert.equal(refusals(results, "max_connections", 2).length, 1);
    assert.equal((await first.request("get_daemon_status", {})).connections, 2);
    second.close();
    await place.ok(["session", "list"]);
    // Its command has ended; that its connection has, the daemon may still have to hear.
    while ((await first.request("get_daemon_status", {})).connections > 1);
    await (await connect()).request("get_daemon_status", {});
    assert.match(await place.ok(["daemon", "stop"]), /Stopped/);
  });

  describe("requests a minute", () => {
    const bash = (client: Client, sessionId: string) =>
      client.command("bash", { sessionId, command: "true" });

    it("of a session: tells when to come again, and lets the others, looking and ending through", async () => {
      await daemon("[limits]\nmax_session_requests_per_minute = 3\n", { PICTL_PI: QUIET_PI });
      const client = await connect();
      const { sessionId } = await create(client);
      const other = await create(client);
      const results = await Promise.allSettled(Array.from({ length: 10 }, () => bash(client, sessionId)));
      const refused = refusals(results, "max_session_requests_per_minute", 3);
      assert.equal(refused.length, 7);
      for (const { retryable, details } of refused) {
        assert.ok(retryable);
        assert.ok(Number(details.retryAfterMs) > 10_000 && Number(details.retryAfterMs) <= 20_000);
      }
      await bash(client, other.sessionId);
      for (let i = 0; i < 10; i++) await client.request("get_session", { sessionId });
      await client.command("abort_bash", { sessionId });
      await client.request("abort", { sessionId });
      await client.request("close_session", { sessionId });
      const command = await place.run(["session", "stats", sessionId]);
      assert.equal(command.code, 8, command.stderr);
    });

    it("of all sessions: what is wrong, and what a session's own limit refuses, isn't counted", async () => {
      const limits = "[limits]\nmax_requests_per_minute = 6\nmax_session_requests_per_minute = 2\n";
      await daemon(limits, { PICTL_PI: QUIET_PI });
      const client = await connect();
      const { sessionId } = await create(client);
      const other = await create(client);
      const wrong = Array.from({ length: 20 }, () => client.command("bash", { sessionId: "nobody" }));
      for (const result of await Promise.allSettled(wrong)) assert.equal(result.status, "rejected");
      const own = await Promise.allSettled(Array.from({ length: 20 }, () => bash(client, sessionId)));
      assert.equal(refusals(own, "max_session_requests_per_minute", 2).length, 18);
      // Two creates and two commands are counted by now.
      await bash(client, other.sessionId);
      await bash(client, other.sessionId);
      const results = await Promise.allSettled([create(client)]);
      assert.equal(refusals(results, "max_requests_per_minute", 6).length, 1);
    });
  });

  it("a connection may have so many requests unanswered", async () => {
    await daemon("[limits]\nmax_pending_requests = 5\n", { PICTL_PI: QUIET_PI });
    const client = await connect();
    const { sessionId } = await create(client);
    const waiting = Array.from({ length: 5 }, () => client.request("wait", { sessionId, for: ["question"] }));
    for (const each of waiting) each.catch(() => undefined);
    const results = await Promise.allSettled([client.request("list_sessions", {})]);
    assert.equal(refusals(results, "max_pending_requests", 5).length, 1);
    // Another connection has its own.
    assert.deepEqual((await status()).limits.max_pending_requests, { value: 5, used: 5 });
  });

  it("the environment of a shell may be larger than a message, and one without a bound is refused", async () => {
    await daemon("[limits]\nmax_message_bytes = 65536\n");
    const env = { BIG: "x".repeat(100_000) };
    await place.ok(["session", "list"], { env });
    await place.ok(["daemon", "restart"], { env });
    const client = await Client.connect(place.paths.socket);
    assert.throws(() => client?.introduce("0.0.0-test", { BIG: "x".repeat(10_000_000) }), {
      code: "MESSAGE_TOO_LARGE",
      details: { limit: "handshake", value: 8 * 1024 * 1024 },
    });
    const raw = await RawConnection.open(place.paths.socket);
    raw.write("x".repeat(8 * 1024 * 1024 + 1));
    const answer = await raw.until(({ type }) => type === "response");
    assert.deepEqual((answer.error as unknown as Refusal).details, {
      limit: "handshake",
      value: 8 * 1024 * 1024,
    });
  });

  it("a client may leave so many bytes unread before it is passed over", async () => {
    await daemon("[limits]\nmax_subscriber_bytes = 10000\nmax_history_records = 50\n");
    const scenario = join(place.root, "long.json");
    const text = "a line of some length that goes on and on ".repeat(5);
    // About 2 MB of records: more than a socket holds, less than the default.
    const responses = [[{ repeat: { text, times: 1_000, delayMs: 0 } }]];
    writeFileSync(scenario, JSON.stringify({ responses }));
    const { sessionId: session } = await create(await connect(), { model: `scripted/${scenario}` });
    const raw = await RawConnection.open(place.paths.socket, place.env);
    raw.write(`${JSON.stringify({ id: "1", type: "subscribe", sessionId: session })}\n`);
    while (raw.records.length === 0) await once(raw.socket, "data");
    raw.socket.pause();
    await place.turn({ sessionId: session, message: "go" });
    raw.socket.resume();
    const isEnd = ({ type, turn }: Json) => type === "turn" && (turn as { state: string }).state === "ended";
    while (!raw.records.some(isEnd)) await once(raw.socket, "data");
    raw.socket.destroy();
    const gap = raw.records.find(({ type }) => type === "gap");
    assert.ok(gap, "it got everything");
  });

  it("the log is rotated at its size", async () => {
    await daemon("[limits]\nmax_log_bytes = 2000\n[daemon]\nlog_level = 'debug'\n");
    const client = await connect();
    for (let i = 0; i < 50; i++) await client.request("get_daemon_status", {});
    for (const file of [place.paths.log, `${place.paths.log}.1`, `${place.paths.log}.2`]) {
      assert.ok(statSync(file).size <= 2_500, `${file} has ${statSync(file).size} bytes`);
    }
    assert.equal((await status()).limits.max_log_bytes?.value, 2_000);
  });

  describe("pictl daemon status", () => {
    it("shows every limit, the sessions, the agents and what waits, in 80 columns", async () => {
      await daemon("[limits]\nmax_live_agents = 1\nspare_agents = 0\n");
      const client = await connect();
      const { sessionId } = await create(client, { model: place.scenario("long-turn.json") });
      await client.request("prompt", { sessionId, message: "go" });
      const queued = Promise.allSettled([client.request("prompt", { sessionId, message: "next" })]);
      const second = create(client, { model: "scripted/echo" });
      let now = await status();
      while (now.waitingForAgent.length === 0) now = await status();
      const [agent] = now.agents;
      assert.equal(agent?.sessionId, sessionId);
      assert.equal(agent?.state, "working");
      assert.ok(Number(agent?.memoryBytes) > 20e6, "memory of the agent");
      assert.equal(agent?.idleSince, undefined);
      assert.equal(now.queued, 1);
      assert.deepEqual(now.states.working, 1);
      assert.equal(now.turns.started, 1);
      assert.deepEqual(now.limits.max_live_agents, { value: 1, used: 1 });
      const text = await place.ok(["daemon", "status"]);
      for (const part of [
        /AGENT +SESSION +STATE +MEMORY +IDLE\n *\d+ +\w+ +working +\d+\.\d MB/,
        /a turn: 1 prompt/,
        /an agent: /,
      ]) {
        assert.match(text, part);
      }
      const config = await place.ok(["config", "show"]);
      const limits = [...config.matchAll(/^limits\.(\S+)/gm)].map(([, name]) => name);
      assert.ok(limits.length > 10);
      for (const limit of limits) assert.match(text, new RegExp(`^${limit} `, "m"));
      const long = text.split("\n").filter((line) => line.length > 80 && !/^(Socket|Log):/.test(line));
      assert.deepEqual(long, []);
      await client.request("clear_queue", { sessionId });
      await client.request("abort", { sessionId });
      const [taken] = await queued;
      assert.equal(taken?.status === "rejected" && taken.reason.code, "TURN_ABORTED");
      await second;
      const idle = (await status()).agents.find(({ state }) => state === "idle");
      assert.ok(Math.abs(Number(idle?.idleSince) - Date.now()) < 60_000);
    });

    it("one id follows a prompt from the socket to the agent, in a log that has a level", async () => {
      await daemon("", { PICTL_LOG_LEVEL: "debug" });
      const session = writeSession(place, ["hi"]);
      await place.turn({ sessionId: session, message: "hello" });
      const logs = await place.ok(["daemon", "logs", "--level", "debug", "--lines", "1000"]);
      const [, id] = /request=(c\d+-\d+) .*command=prompt/.exec(logs) ?? [];
      const story = logs.split("\n").filter((line) => line.includes(`request=${id} `));
      const steps = [
        /debug request .*client=\d+ id=\S+ command=prompt/,
        /prompt taken .*turn=/,
        /turn begins .*turn=/,
        /agent started .*agent=\d+/,
        /prompt sent .*turn=\S+ agent=\d+/,
        /prompt accepted .*agent=\d+/,
        /answered .*command=prompt ms=\d+/,
        /turn ended .*outcome=completed/,
      ];
      const found = steps.map((step) => story.findIndex((line) => step.test(line)));
      assert.ok(!found.includes(-1), `${found}\n${story.join("\n")}`);
      assert.equal(story.filter((line) => line.includes(`session=${session}`)).length > 4, true);
    });

    it("by default the log has no debug lines, and a bad level is refused by name", async () => {
      await daemon("");
      await place.ok(["session", "list"]);
      assert.doesNotMatch(readFileSync(place.paths.log, "utf8"), /"level":"debug"/);
      await place.ok(["daemon", "stop"]);
      const wrong = await place.run(["daemon", "start"], { env: { PICTL_LOG_LEVEL: "loud" } });
      assert.equal(wrong.code, 2, wrong.stderr);
      assert.match(wrong.stderr, /PICTL_LOG_LEVEL.*loud/);
    });
  });
});

describe("limits of one daemon", () => {
  let place: Workspace;
  let client: Client;
  /** Its first turn is long; it has a command that asks. */
  let sessionId: string;
  before(async () => {
    place = new Workspace();
    mkdirSync(place.paths.configDir, { recursive: true });
    const limits = ["max_waiting_prompts = 2", "max_history_records = 8", 'question_lifetime = "300ms"'];
    writeFileSync(place.paths.config, ["[limits]", ...limits, "max_message_bytes = 1000000", ""].join("\n"));
    writeFileSync(join(place.root, "asks.ts"), ASKS);
    await place.ok(["daemon", "start"]);
    client = await place.client();
    const options = { model: place.scenario("long-turn.json"), piArgs: ["-e", join(place.root, "asks.ts")] };
    ({ sessionId } = await client.request("create_session", { cwd: place.cwd, options }));
  });
  after(async () => {
    client.close();
    await place.dispose();
  });

  it("so many prompts may wait for a session", async () => {
    await client.request("prompt", { sessionId, message: "go" });
    const results = Promise.allSettled(
      Array.from({ length: 4 }, () => client.request("prompt", { sessionId, message: "next" })),
    );
    const { limits, queues } = await client.request("get_daemon_status", {});
    assert.deepEqual(limits.max_waiting_prompts, { value: 2, used: 2 });
    assert.deepEqual(queues, [{ sessionId, waiting: 2 }]);
    await client.request("clear_queue", { sessionId });
    await client.request("abort", { sessionId });
    const refused = (await results).slice(2);
    assert.equal(refusals(refused, "max_waiting_prompts", 2).length, 2);
  });

  it("so many records of a session are kept for who was away", async () => {
    await place.turn({ sessionId, message: "hello" });
    const gap = new Promise<{ fromSeq: number; toSeq: number }>((resolve) => {
      client.onRecord((record) => record.type === "gap" && resolve(record));
    });
    await client.request("subscribe", { sessionId, since: 0 });
    const { fromSeq, toSeq } = await gap;
    assert.equal(fromSeq, 1);
    const last = (await client.request("subscribe", { sessionId })).seq;
    assert.ok(last - toSeq <= 8, `${last - toSeq} records were kept`);
  });

  it("a question that nobody answers expires when its life is over", async () => {
    const args = ["prompt", "-s", sessionId, "--on-question", "wait", "--format", "stream-json", "/ask"];
    assert.match(await place.ok(args), /"expired"/);
  });

  it("a message may have so many bytes", async () => {
    const input = "x".repeat(1_000_001);
    const refused = await place.json<{ error: Refusal }>(["prompt", "--model", "scripted/echo"], { input });
    assert.equal(refused.error.code, "MESSAGE_TOO_LARGE");
    assert.equal(refused.error.details.value, 1_000_000);
    assert.match(refused.error.hint, /config set limits\.max_message_bytes N/);
    assert.equal((await place.run(["prompt", "--model", "scripted/echo"], { input })).code, 8);
  });
});
