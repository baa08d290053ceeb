import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { LONG, scaled } from "../support/speed.ts";
import type { Running } from "../support/workspace.ts";
import { Workspace } from "../support/workspace.ts";

const MISBEHAVES = join(import.meta.dirname, "../fixtures/pi/misbehaves.js");
/** What any machine sends within the minute of the limit; a daemon that kept it would show. */
const FLOOD_BYTES = Math.floor(300e6 / scaled(1));
/** A live pi answers within a millisecond. */
const SILENCE_MS = scaled(400);
const LINUX = process.platform === "linux" ? false : "only Linux shows another process's environment";

let place: Workspace;
/** Gives the tests of a group a place, and its daemon these limits. */
function havePlace(limits = ""): void {
  before(() => {
    chmodSync(MISBEHAVES, 0o755);
    place = new Workspace();
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, `[limits]\n${limits}\n`);
  });
  after(() => place.dispose());
}

/** A scenario with these replies, as a model. */
function scripted(name: string, responses: object[][]): string {
  const path = join(place.root, `${name}.json`);
  writeFileSync(path, JSON.stringify({ responses }));
  return `scripted/${path}`;
}

/** A tool call that runs a command in pi's bash. */
const bash = (command: string) => [{ tool: "bash", args: { command } }];

async function show(id: string): Promise<SessionInfo> {
  return (await place.ask("get_session", { sessionId: id })).session;
}

/** Starts a session with a prompt, and the daemon with it. @returns its id */
async function begin(model: string, message: string): Promise<string> {
  const args = ["prompt", "--new", "--model", model, message];
  return (await place.json<{ sessionId: string }>(args)).sessionId;
}

async function agentPid(id: string): Promise<number> {
  return (await show(id)).agentPid ?? assert.fail("the session has no agent");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function pidIn(name: string): Promise<number> {
  const path = join(place.cwd, name);
  await until(() => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"));
  return Number(readFileSync(path, "utf8"));
}

/** It ended with code 6 and AGENT_DIED, saying this. */
async function died(running: Running, says: RegExp): Promise<void> {
  const result = await running.done;
  assert.equal(result.code, 6, running.transcript());
  assert.match(result.stderr, /\[AGENT_DIED\]/);
  assert.match(result.stderr, says);
}

describe("an agent that is killed", { timeout: scaled(120_000) }, () => {
  havePlace();

  it("ends its turn and its tool, disturbs no other session, and goes on with all that pi wrote", {
    skip: LINUX,
  }, async () => {
    const model = scripted("tool", [
      [{ text: "I will run it." }],
      bash("echo $$ > tool.pid; exec sleep 600"),
      [{ text: "That was {{turn}}." }],
    ]);
    const id = await begin(model, "remember 42");
    const other = place.start(["prompt", "--new", "--model", place.scenario("long-turn.json"), "go"]);
    await other.until("stdout", /\S/);
    const running = place.start(["prompt", "-s", id, "run the tool"]);
    const tool = await pidIn("tool.pid");
    process.kill(await agentPid(id), "SIGKILL");
    await died(running, /SIGKILL/);
    await until(() => !isAlive(tool));
    const session = await show(id);
    assert.deepEqual([session.state, session.interrupted], ["parked", true]);
    assert.match(await place.ok(["session", "show", id]), /State: +cut\b[\s\S]*last turn was cut/);
    assert.match(await place.ok(["session", "list", "--all"]), new RegExp(`${id.slice(0, 4)}\\S* .* cut `));
    const again = await place.ok(["prompt", "-s", id, "--model", "scripted/echo", "again"]);
    assert.match(again, /messages so far, the first was: remember 42/);
    assert.equal((await show(id)).interrupted, undefined);
    const length = other.stdout.length;
    await until(() => other.stdout.length > length);
    other.child.kill("SIGINT");
    await other.done;
  });

  it("tells the last of its stderr, and holds nobody up with what keeps its pipes open", {
    skip: LINUX,
  }, async () => {
    const env = { PICTL_PI: MISBEHAVES };
    const running = place.start(["prompt", "--new", "a child that holds its pipes"], { env });
    try {
      await died(running, /SIGKILL in the middle of the turn:\nkilled for its memory/);
    } finally {
      // It has cleared its environment, so that nothing tells whose it is (docs/reliability.md).
      process.kill(Number(readFileSync(join(place.cwd, "holder.pid"), "utf8")), "SIGKILL");
    }
    await died(
      place.start(["prompt", "half a record"], { env }),
      /SIGKILL in the middle of the turn:\nout of memory/,
    );
    assert.equal(await place.ok(["prompt", "something else"], { env }), "done");
  });

  it("tells why it crashed, whatever comes before and after the reason", async () => {
    const running = place.start(["prompt", "--new", "an exception"], { env: { PICTL_PI: MISBEHAVES } });
    await died(running, /exit code 1 in the middle of the turn:[\s\S]*TypeError: the widget has no handle/);
    assert.doesNotMatch(running.stderr, /^\s+at /m);
    assert.ok(running.stderr.split("\n").length < 16, running.stderr);
  });

  it("tells why it didn't start, and nothing that pi says because of pictl", async () => {
    const extension = join(place.root, "extension.ts");
    const create = ["session", "create", "--model", "scripted/echo", "--", "-e", extension];
    const faults: (readonly [source: string, says: RegExp])[] = [
      ["export default function (pi) {\n  const = 3;\n}\n", /Failed to load extension .*extension\.ts/],
      // Told as the one before.
      ...(LONG
        ? [["import 'no-such-package';\nexport default () => {};\n", /no-such-package/] as const]
        : []),
      [
        "setTimeout(() => { throw new RangeError('too far'); });\nexport default async () => { await new Promise(() => {}); };\n",
        /RangeError: too far/,
      ],
      ["process.abort();\n", /was ended by SIGABRT before it was ready/],
    ];
    for (const [source, says] of faults) {
      writeFileSync(extension, source);
      const result = await place.run(create);
      assert.equal(result.code, 6, result.stderr);
      assert.match(result.stderr, /\[AGENT_START_FAILED\]/);
      assert.match(result.stderr, says);
      assert.doesNotMatch(result.stderr, /No project session found|^\s+at /m);
    }
  });
});

describe("an agent that is stuck", { timeout: scaled(120_000) }, () => {
  havePlace(`agent_silence = "${SILENCE_MS}ms"`);

  it("is ended in the middle of a turn, and when it doesn't accept a prompt", async () => {
    const running = place.start(["prompt", "--new", "--model", place.scenario("long-turn.json"), "go"]);
    await running.until("stdout", /\S/);
    const { id } = (await place.ask("get_session", { cwd: place.cwd })).session;
    process.kill(await agentPid(id), "SIGSTOP");
    await died(
      running,
      /stopped answering \(not a byte for [^)]*\), so it was ended, in the middle of the turn/,
    );
    // One that is stopped says as little as the one below.
    if (LONG) {
      const { text } = await place.turn({ sessionId: id, model: "scripted/echo", message: "and now" });
      assert.match(text, /^echo: and now/);
      process.kill(await agentPid(id), "SIGSTOP");
      await died(place.start(["prompt", "-s", id, "once more"]), /stopped answering/);
    }
    await died(
      place.start(["prompt", "--new", "no answer"], { env: { PICTL_PI: MISBEHAVES } }),
      /stopped answering/,
    );
  });

  it("is told from one whose model or tool is slow", async () => {
    const model = scripted("slow", [
      [{ pauseMs: 3 * SILENCE_MS }, ...bash(`sleep ${(3 * SILENCE_MS) / 1_000}; echo slept`)],
      [{ text: "All done." }],
    ]);
    const before = place.log().length;
    const answer = await place.ok(["prompt", "--new", "--model", model, "take your time"]);
    assert.match(answer, /All done\./);
    assert.doesNotMatch(place.log().slice(before), /stopped answering/);
  });

  it("is ended when it doesn't answer a command in time", async () => {
    const id = await place.ok(["session", "create"], { env: { PICTL_PI: MISBEHAVES } });
    process.kill(await agentPid(id), "SIGSTOP");
    const result = await place.run(["session", "stats", id]);
    assert.equal(result.code, 6, result.stderr);
    assert.match(result.stderr, /stopped answering[\s\S]*\[AGENT_DIED\]/);
  });
});

describe("an agent that sends what it shouldn't", { timeout: scaled(120_000) }, () => {
  havePlace();
  const env = { PICTL_PI: MISBEHAVES };

  it("is ended for garbage without end, and for a broken record, but not for a few odd lines", async () => {
    assert.equal(await place.ok(["prompt", "a few lines"], { env }), "done");
    await died(
      place.start(["prompt", "garbage"], { env }),
      /more than 1000 lines in a minute that are not RPC/,
    );
    await died(
      place.start(["prompt", "a broken record"], { env }),
      /sent a broken record \(\{"type":"message_end"/,
    );
    await died(
      place.start(["prompt", "a line without end"], { env }),
      /sent a record of more than \d+ bytes/,
    );
    const status = await place.ask("get_daemon_status", {});
    assert.ok(status.memoryBytes < 600e6, `the daemon has grown to ${status.memoryBytes}`);
    assert.equal(await place.ok(["prompt", "something else"], { env }), "done");
  });
});

describe("an agent that sends too much", { timeout: scaled(120_000) }, () => {
  havePlace(`max_agent_bytes_per_minute = ${FLOOD_BYTES}`);

  it("is ended for a flood, which grows no memory and starves no other session", async () => {
    const id = await place.ok(["session", "create", "--model", "scripted/echo"]);
    const running = place.start(["prompt", "--new", "--format", "stream-json", "flood"], {
      env: { PICTL_PI: MISBEHAVES },
    });
    await running.until("stdout", "turn_started");
    const begun = performance.now();
    const { text } = await place.turn({ sessionId: id, message: "still there?" });
    assert.equal(text, "echo: still there?");
    const took = performance.now() - begun;
    await died(running, new RegExp(`sent more than ${FLOOD_BYTES} bytes in a minute`));
    assert.ok(took < scaled(10_000), `the other session's prompt took ${took} ms`);
    const status = await place.ask("get_daemon_status", {});
    assert.ok(status.memoryBytes < 200e6, `the daemon has grown to ${status.memoryBytes}`);
  });
});

// Counted as that of any other program.
if (LONG)
  describe("a real pi that sends too much", { timeout: scaled(120_000) }, () => {
    havePlace("max_agent_bytes_per_minute = 2000000");

    it("is ended", async () => {
      const running = place.start(["prompt", "--new", "--model", place.scenario("flood.json"), "go"]);
      await died(running, /sent more than 2000000 bytes in a minute/);
    });
  });

describe("the restarts of a session", { timeout: scaled(120_000) }, () => {
  havePlace();

  it("wait longer after each death, say why, and don't after a turn that ended well", async () => {
    const env = { PICTL_PI: MISBEHAVES };
    const id = await place.ok(["session", "create"], { env });
    assert.equal((await place.turn({ sessionId: id, message: "something else" }, env)).text, "done");
    // Until all of them are in line: one that came later might have nothing to wait for.
    const agent = await agentPid(id);
    process.kill(agent, "SIGSTOP");
    const prompts = Array.from({ length: 4 }, () =>
      place.start(["prompt", "-s", id, "half a record"], { env }),
    );
    while ((await place.ask("get_daemon_status", {})).queued < 3)
      await new Promise((resolve) => setTimeout(resolve, 10));
    process.kill(agent, "SIGCONT");
    for (const prompt of prompts) await died(prompt, /out of memory/);
    const told = prompts.map(({ stderr }) =>
      /Waiting: its agent has died(?: (\d) times in a row)?, the next/.exec(stderr),
    );
    assert.deepEqual(
      told
        .filter(Boolean)
        .map((match) => match?.[1] ?? "1")
        .sort(),
      ["1", "2", "3"],
    );
    const delays = place
      .log()
      .split("\n")
      .filter((line) => line.includes("agent start delayed") && line.includes(id))
      .map((line) => (JSON.parse(line) as { delayMs: number }).delayMs);
    for (const [index, delay] of delays.entries()) {
      const whole = 250 * 2 ** index;
      assert.ok(delay > whole / 2 && delay <= whole, `delay ${index + 1} was ${delay} ms`);
    }
    assert.equal((await place.turn({ sessionId: id, message: "something else" }, env)).text, "done");
    await assert.rejects(place.turn({ sessionId: id, message: "half a record" }, env), /out of memory/);
    const after = place.start(["prompt", "-s", id, "something else"], { env });
    await after.done;
    assert.doesNotMatch(after.stderr, /times in a row/);
  });

  it("are given up by an abort", async () => {
    const env = { PICTL_PI: MISBEHAVES };
    const id = await place.ok(["session", "create"], { env });
    for (let times = 0; times < 5; times++)
      await assert.rejects(place.turn({ sessionId: id, message: "half a record" }, env), /died|out of/);
    const waits = place.start(["prompt", "-s", id, "something else"], { env });
    await waits.until("stderr", /Waiting: its agent has died 5 times/);
    const started = async () => (await place.ask("get_daemon_status", {})).agentsStarted;
    const before = await started();
    await place.ask("abort", { sessionId: id });
    assert.equal((await waits.done).code, 6);
    assert.equal(await started(), before, "the abort waited for the restart");
  });
});

describe("what an agent leaves running", { skip: LINUX, timeout: scaled(120_000) }, () => {
  havePlace();

  const background = (name: string) =>
    bash(
      `sleep 600 >/dev/null 2>&1 & echo $! > ${name}; setsid sh -c 'trap "" TERM; echo $$ > ${name}.stubborn; while :; do sleep 1; done' >/dev/null 2>&1 &`,
    );

  async function leave(name: string): Promise<{ id: string; pids: number[] }> {
    const model = scripted(name, [background(name), [{ text: "It runs." }]]);
    const id = await begin(model, "start it");
    const pids = [await pidIn(name), await pidIn(`${name}.stubborn`)];
    assert.ok(pids.every(isAlive), "it ended with its turn");
    return { id, pids };
  }

  it("ends when the session is closed or deleted, before the command returns", async () => {
    // A deletion closes the session first.
    for (const how of [...(LONG ? [["close"]] : []), ["delete", "--yes"]]) {
      const { id, pids } = await leave(how[0] ?? "");
      await place.ok(["session", ...how, id]);
      assert.deepEqual(pids.filter(isAlive), [], how.join(" "));
    }
  });

  it("ends when its agent dies, and when the daemon stops", async () => {
    const first = await leave("first");
    const second = await leave("second");
    process.kill(await agentPid(first.id), "SIGKILL");
    await until(() => !first.pids.some(isAlive));
    assert.deepEqual(second.pids.filter(isAlive), second.pids, "the other session's went with it");
    await place.ok(["daemon", "stop"]);
    assert.deepEqual(second.pids.filter(isAlive), []);
  });

  it("is ended by the next daemon when the daemon was killed, with agents that don't end by themselves", async () => {
    const { id, pids } = await leave("third");
    const agent = await agentPid(id);
    process.kill(agent, "SIGSTOP");
    process.kill(place.daemonPid() ?? 0, "SIGKILL");
    // Which starts the next daemon.
    assert.match(await place.ok(["session", "show", id]), /State: +parked/);
    assert.deepEqual([agent, ...pids].filter(isAlive), []);
    assert.match(place.log(), /ended what a daemon that died has left/);
  });
});
