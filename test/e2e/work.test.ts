import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client } from "../../src/lib/client/client.ts";
import type { DaemonStatus, RequestResults } from "../../src/lib/protocol/requests.ts";
import { writeSession } from "../support/session-file.ts";
import { Workspace } from "../support/workspace.ts";

/** Enough round trips for a timer of 1 ms to fire many times. */
const ROUND_TRIPS = 100;

/** The session of a place that is made anew for a few tests, in which `cat go` in a command lasts until `release`. */
let place: Workspace;
let client: Client;
let session: string;

async function open(limits: string): Promise<void> {
  place = new Workspace();
  mkdirSync(place.paths.configDir, { recursive: true });
  writeFileSync(place.paths.config, `[limits]\n${limits}\n`);
  execFileSync("mkfifo", [join(place.cwd, "go")]);
  session = writeSession(place, ["hello"]);
  await place.ok(["daemon", "start"]);
  client = await place.client();
}

async function close(): Promise<void> {
  client.close();
  await place.dispose();
}

const release = () => writeFile(join(place.cwd, "go"), "released\n");

async function state(): Promise<string> {
  return (await client.request("get_session", { sessionId: session })).session.state;
}

async function statusWhen(what: (status: DaemonStatus) => boolean): Promise<DaemonStatus> {
  for (;;) {
    const status = await client.request("get_daemon_status", {});
    if (what(status)) return status;
  }
}

describe("a command that runs beside a turn, where idle agents are parked at once", () => {
  before(() => open('park_after = "1ms"'));
  after(close);

  it("keeps its agent beyond park_after, and the session's state says working", async () => {
    const running = place.start(["session", "bash", "-s", session, "echo on; cat go"]);
    await running.until("stdout", "on\n");
    for (let trip = 0; trip < ROUND_TRIPS; trip++) assert.equal(await state(), "working");
    const waiting = place.start(["session", "wait", session]);
    await release();
    const result = await running.done;
    assert.deepEqual([result.code, result.stdout], [0, "on\nreleased\n"], result.stderr);
    assert.equal((await waiting.done).code, 0);
    // It is parked once nothing runs.
    await statusWhen(({ agents }) => agents.length === 0);
  });

  it("is work also when its client has gone, or no longer waits for it", async () => {
    const started = Promise.withResolvers<void>();
    client.onRecord((record) => {
      if (record.type === "event" && record.event.type === "bash_execution_update") started.resolve();
    });
    const { sessionId } = await client.request("subscribe", { sessionId: session });
    const record = { type: "bash", command: "echo on; cat go; touch ended" };
    const late = client.request("send_record", { sessionId, record, timeoutMs: 1 });
    await assert.rejects(late, /did not answer bash within 1 ms/);
    await started.promise;
    for (let trip = 0; trip < ROUND_TRIPS; trip++) assert.equal(await state(), "working");
    const restart = place.start(["daemon", "restart", "--when-idle", "--timeout", "200ms"]);
    assert.equal((await restart.done).code, 3, restart.transcript());
    const idle = client.request("wait", { sessionId, for: ["idle"] });
    await release();
    await idle;
    execFileSync("ls", [join(place.cwd, "ended")]);
    await place.ok(["daemon", "restart", "--when-idle"]);
  });
});

describe("a command that runs beside a turn, where one agent may live", () => {
  before(() => open("max_live_agents = 1\nspare_agents = 0"));
  after(close);

  it("keeps its agent when another session needs the only one, which waits and says so", async () => {
    const running = place.start(["session", "bash", "-s", session, "echo on; cat go"]);
    await running.until("stdout", "on\n");
    const other = place.start(["prompt", "--new", "--model", "scripted/echo", "second"]);
    await other.until("stderr", "the only agent is busy");
    await release();
    const [first, second] = await Promise.all([running.done, other.done]);
    assert.deepEqual([first.code, first.stdout], [0, "on\nreleased\n"], first.stderr);
    assert.deepEqual([second.code, second.stdout], [0, "echo: second\n"], second.stderr);
  });
});

describe("a command that runs beside a turn", () => {
  before(() => open(""));
  after(close);

  it("is not cut by a prompt for which its agent would have to be replaced", async () => {
    const running = place.start(["session", "bash", "-s", session, "echo on; cat go"]);
    await running.until("stdout", "on\n");
    const prompt = ["prompt", "-s", session, "--model", place.scenario("three-turns.json"), "hello"];
    const refused = await place.run(prompt);
    assert.equal(refused.code, 11, refused.stderr);
    assert.match(refused.stderr, /running a command \(bash\).*\[SESSION_BUSY\]/);
    await place.ok(["prompt", "-s", session, "beside it"]);
    await release();
    assert.equal((await running.done).code, 0, running.transcript());
    assert.equal((await place.run(prompt)).code, 0);
  });

  it("is ended by `session abort`, which says so", async () => {
    const running = place.start(["session", "bash", "-s", session, "echo on; sleep 600"]);
    await running.until("stdout", "on\n");
    assert.equal(await place.ok(["session", "abort", session]), "aborted the command");
    assert.equal((await running.done).code, 6, running.transcript());
    const again = await place.json<RequestResults["abort"]>(["session", "abort", session]);
    assert.deepEqual([again.aborted, again.what], [false, undefined]);
  });

  it("is ended by `session close` as one that was aborted", async () => {
    const running = place.start(["session", "bash", "-s", session, "echo on; sleep 600"]);
    await running.until("stdout", "on\n");
    assert.equal(await place.ok(["session", "close", session]), "closed");
    const { code, stderr } = await running.done;
    assert.equal(code, 6, stderr);
    assert.match(stderr, /ended from elsewhere.*\[TURN_ABORTED\]/);
  });
});

describe("a command that waits for its agent", () => {
  before(async () => {
    await open("");
    const slow = `import { readFile } from "node:fs/promises";
      export default async () => void (await readFile("go"));`;
    writeFileSync(join(place.cwd, "slow.ts"), slow);
    const created = place.start(["session", "create", "--model", "scripted/echo", "--", "-e", "slow.ts"]);
    await release();
    session = (await created.done).stdout.trim();
  });
  after(close);

  it("is ended by `session abort` and `--timeout`, and never runs", async () => {
    await place.ok(["session", "close", session]);
    const bash = ["session", "bash", "-s", session, "touch ran"];
    const aborted = place.start(bash);
    while ((await state()) !== "starting");
    assert.equal(await place.ok(["session", "abort", session]), "aborted the command");
    const { code, stderr } = await aborted.done;
    assert.equal(code, 6, stderr);
    assert.match(stderr, /aborted from elsewhere \(by process \d+\) before it began\. \[TURN_ABORTED\]/);
    const late = await place.run(["session", "bash", "-s", session, "--timeout", "1s", "touch ran"]);
    assert.equal(late.code, 3, late.stderr);
    await release();
    await client.request("wait", { sessionId: session, for: ["idle"] });
    assert.ok(!existsSync(join(place.cwd, "ran")));
  });
});
