import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, mock, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Agent, type AgentExit, type AgentStart } from "../../src/lib/agent/agent.ts";
import { launchArguments, type SessionPlace } from "../../src/lib/agent/launch-arguments.ts";
import { findOrphanedAgents } from "../../src/lib/agent/orphans.ts";
import type { AgentRecord } from "../../src/lib/agent/rpc-channel.ts";
import type { AgentSandbox } from "../../src/lib/agent/sandbox/agent-sandbox.ts";
import { scriptedModelArgs } from "../../src/lib/agent/scripted-model/model-id.ts";
import type { PictlError } from "../../src/lib/core/errors.ts";
import { firstAndLastPis } from "../support/pis.ts";
import { scaled } from "../support/speed.ts";

const EXTENSION = fileURLToPath(new URL("../../src/lib/agent/scripted-model/extension.ts", import.meta.url));
const FIXTURES = fileURLToPath(new URL("../fixtures/pi/", import.meta.url));
/** Bounds each test: a hang must show as a failure. */
const timeout = scaled(60_000);
const ID = "0191d2c4-0000-7000-8000-000000000001";

/** An agent and all that it says. */
class Watched {
  readonly records: AgentRecord[] = [];
  readonly exited: Promise<AgentExit>;
  readonly options: AgentStart;
  #changed: () => void = () => undefined;

  constructor(options: Omit<AgentStart, "onRecord" | "onExit">) {
    const { promise, resolve } = Promise.withResolvers<AgentExit>();
    this.exited = promise;
    this.options = {
      ...options,
      onRecord: (record) => {
        this.records.push(record);
        this.#changed();
      },
      onExit: resolve,
    };
  }

  /** The first record of a type with a text in it, at or behind a place, and its place. */
  async find(type: string, from = 0, text = ""): Promise<{ record: AgentRecord; index: number }> {
    const fits = (record: AgentRecord) => record.type === type && JSON.stringify(record).includes(text);
    for (;;) {
      const index = this.records.findIndex((record, at) => at >= from && fits(record));
      const record = this.records[index];
      if (record !== undefined) return { record, index };
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended stays as a zombie until somebody has asked how.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Waits until a process is gone that was killed: the kernel takes a moment after its streams have closed. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

let root: string;
let env: Record<string, string>;
let live: Agent[];

/** Ends whatever a test has left and removes its place. */
async function cleanUp(): Promise<void> {
  mock.timers.reset();
  await Promise.all(live.map((agent) => agent.stop({ immediately: true })));
  rmSync(root, { recursive: true, force: true });
}

function makePlace(): void {
  root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-agent-")));
  live = [];
  for (const dir of ["pi", "work"]) mkdirSync(join(root, dir));
  env = {
    PATH: process.env.PATH ?? "",
    HOME: root,
    PI_CODING_AGENT_DIR: join(root, "pi"),
    PI_OFFLINE: "1",
    PICTL_AGENT_OF: root,
    PICTL_DAEMON_PID: String(process.pid),
  };
}

async function start(watched: Watched) {
  const { agent, state } = await Agent.start(watched.options);
  live.push(agent);
  return { agent, state };
}

for (const { name, cli, skip } of firstAndLastPis) {
  describe(`Agent with ${name}`, { skip, timeout: 4 * timeout }, () => {
    let built: string;
    let extension: string;

    before(async () => {
      built = mkdtempSync(join(tmpdir(), "pictl-extension-"));
      extension = join(built, "scripted-model.js");
      await build({
        entryPoints: [EXTENSION],
        outfile: extension,
        bundle: true,
        format: "esm",
        platform: "node",
        external: ["@earendil-works/*"],
        logLevel: "silent",
      });
    });
    after(() => rmSync(built, { recursive: true, force: true }));
    beforeEach(makePlace);
    afterEach(cleanUp);

    /** What starts this pi on a scripted model: the echo, or a scenario of these replies. */
    function scripted(
      responses?: object[][],
      place: SessionPlace = { kind: "new", id: ID, name: "named" },
    ): Watched {
      let model = "scripted/echo";
      if (responses !== undefined) {
        writeFileSync(join(root, "scenario.json"), JSON.stringify({ responses }));
        model = `scripted/${join(root, "scenario.json")}`;
      }
      const args = launchArguments(place, {}, scriptedModelArgs(model, extension));
      return new Watched({ command: [process.execPath, cli], args, cwd: join(root, "work"), env });
    }

    test("starts with the id and name it is given, in its directory, saves there; two prompts: accepted, its events, settled; a second agent goes on from the file", {
      timeout,
    }, async () => {
      const watched = scripted();
      const { agent, state } = await start(watched);
      assert.equal(state.sessionId, ID);
      assert.equal(state.sessionName, "named");
      assert.equal(state.isStreaming, false);
      assert.ok(state.sessionFile?.startsWith(join(root, "pi")), state.sessionFile);
      assert.equal(existsSync(state.sessionFile ?? ""), false, "pi writes a session with its first answer");
      let from = 0;
      for (const message of ["first", "second"]) {
        const accepted = await agent.request({ type: "prompt", message });
        assert.equal(accepted.success, true);
        from = (await watched.find("agent_settled", from)).index + 1;
      }
      const types = watched.records.map((record) => record.type);
      assert.equal(types.filter((type) => type === "agent_settled").length, 2);
      assert.ok(types.indexOf("agent_start") < types.indexOf("message_update"));
      assert.ok(types.indexOf("message_end") < types.indexOf("agent_settled"));
      const exit = await agent.stop();
      assert.deepEqual([exit.code, exit.signal, exit.expected], [0, null, true]);
      const path = state.sessionFile ?? "";
      const again = await start(scripted(undefined, { kind: "file", path }));
      assert.equal(again.state.sessionId, ID);
      assert.equal(again.state.sessionName, "named");
      const { messages } = (await again.agent.call({ type: "get_messages" })) as {
        messages: { role: string; content: unknown }[];
      };
      const prompts = messages
        .filter(({ role }) => role === "user")
        .map(({ content }) => JSON.stringify(content));
      assert.equal(prompts.length, 2);
      assert.match(prompts.join(), /first.*second/);
    });

    test("what pi refuses is told in its own words; an abort settles a long turn", { timeout }, async () => {
      const watched = scripted([
        [{ text: "begun " }, { repeat: { text: "more ", times: 10_000, delayMs: 50 } }],
      ]);
      const { agent } = await start(watched);
      await assert.rejects(agent.call({ type: "no_such_command" }), {
        code: "AGENT_COMMAND_FAILED",
        message: /no_such_command/,
      });
      await agent.request({ type: "prompt", message: "go" });
      await watched.find("message_update");
      await agent.call({ type: "clear_queue" });
      await agent.call({ type: "abort" });
      await watched.find("agent_settled");
      const ends = watched.records
        .filter((record) => record.type === "message_end")
        .map((record) => record.message);
      assert.equal((ends.at(-1) as { stopReason?: string }).stopReason, "aborted");
    });

    test("stop in the middle of a turn ends the command that its tool runs", { timeout }, async () => {
      const pidFile = join(root, "sleeper.pid");
      const command = `echo $$ > ${pidFile}; echo it "is" running; exec sleep 600`;
      const watched = scripted([[{ tool: "bash", args: { command } }], [{ text: "never said" }]]);
      const { agent } = await start(watched);
      await agent.request({ type: "prompt", message: "go" });
      await watched.find("tool_execution_update", 0, "is running");
      const sleeper = Number(readFileSync(pidFile, "utf8"));
      assert.ok(isAlive(sleeper), "the command isn't running");
      try {
        const exit = await agent.stop();
        assert.equal(exit.expected, true);
        await gone(agent.pid);
        await gone(sleeper);
      } finally {
        if (isAlive(sleeper)) process.kill(sleeper, "SIGKILL");
      }
    });

    test("a killed agent fails its requests, says how it ended, and is no orphan any more", {
      timeout,
    }, async () => {
      const watched = scripted([[{ pauseMs: 600_000 }]]);
      const { agent } = await start(watched);
      if (process.platform === "linux") {
        const orphan = { pid: agent.pid, daemonPid: process.pid };
        assert.deepEqual(findOrphanedAgents(root, 1), [orphan]);
      }
      await agent.request({ type: "prompt", message: "go" });
      // Stopped first, so that it can't answer before it is killed.
      process.kill(agent.pid, "SIGSTOP");
      const waiting = agent.request({ type: "get_state" });
      waiting.catch(() => undefined);
      process.kill(agent.pid, "SIGKILL");
      const exit = await watched.exited;
      assert.deepEqual([exit.code, exit.signal, exit.expected], [null, "SIGKILL", false]);
      await assert.rejects(waiting, { code: "AGENT_DIED", retryable: true });
      await assert.rejects(agent.request({ type: "get_state" }), { code: "AGENT_DIED" });
      assert.equal(agent.hasEnded, true);
      assert.deepEqual(findOrphanedAgents(root, 1) ?? [], []);
    });
  });
}

describe("Agent with something that isn't a working pi", { timeout: 4 * timeout }, () => {
  beforeEach(makePlace);
  afterEach(cleanUp);

  function program(script: string): Watched {
    const path = join(root, "fake-pi");
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return new Watched({
      command: [path],
      args: [],
      cwd: join(root, "work"),
      env: { ...env, MY_API_KEY: "the-secret-value" },
    });
  }

  test("one that dies at its start: the end of its stderr, without secrets", { timeout }, async () => {
    const watched = program('echo "bad key $MY_API_KEY" >&2; exit 7');
    await assert.rejects(Agent.start(watched.options), (error: PictlError) => {
      assert.equal(error.code, "AGENT_START_FAILED");
      assert.equal(error.exitCode, 6);
      assert.match(error.message, /exit code 7 before it was ready:\nbad key \[redacted:MY_API_KEY\]/);
      assert.equal(error.details?.exitCode, 7);
      assert.doesNotMatch(JSON.stringify(error.toBody()), /the-secret-value/);
      return true;
    });
  });

  test("one that prints garbage for ever is ended, and shows it", { timeout }, async () => {
    cpSync(join(FIXTURES, "garbage.sh"), join(root, "garbage.sh"));
    const { options } = program("");
    await assert.rejects(Agent.start({ ...options, command: ["/bin/sh", join(root, "garbage.sh")] }), {
      code: "AGENT_START_FAILED",
      message: /SIGKILL before it was ready:\nthis is not JSON/,
    });
  });

  test("one that refuses its first command is ended with all that it started", { timeout }, async () => {
    const state = JSON.stringify({ sessionId: ID, isStreaming: false, isCompacting: false, messageCount: 0 });
    const watched = program(`state='${state}'; sleep 600 & echo $! > ${join(root, "pid")}
      read line; id=$(printf %s "$line" | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
      echo "{\\"type\\":\\"response\\",\\"id\\":\\"$id\\",\\"command\\":\\"get_state\\",\\"success\\":false,\\"error\\":\\"no state\\"}"; sleep 600`);
    await assert.rejects(Agent.start(watched.options), { code: "AGENT_START_FAILED", message: /no state/ });
    await gone(Number(readFileSync(join(root, "pid"), "utf8")));
  });

  /** Agents that take as long to exit as the test wants; the clock of this process is the test's from here on. */
  async function exitsLate(count: number) {
    const { options } = program("");
    const command = [process.execPath, join(FIXTURES, "exits-late.js")];
    const agents = [];
    for (let made = 0; made < count; made++) {
      const watched = new Watched({ ...options, command });
      agents.push({ watched, ...(await start(watched)) });
    }
    mock.timers.enable({ apis: ["setTimeout"] });
    return agents;
  }

  test("one that takes long to exit is left alone, then gets one signal", { timeout }, async () => {
    const agents = await exitsLate(2);
    const stopped = agents.map(({ agent }) => agent.stop());
    for (const { watched } of agents) await watched.find("stdin_end");
    mock.timers.tick(19_999);
    process.kill(agents[0]?.agent.pid ?? 0, "SIGUSR2");
    assert.deepEqual(await stopped[0], { code: 0, signal: null, stderr: "", expected: true });
    mock.timers.tick(1);
    await agents[1]?.watched.find("signal");
    // Whoever is in a hurry now sends no second one, at which pi would exit without cleaning up.
    void agents[1]?.agent.stop({ immediately: true });
    mock.timers.tick(9_999);
    process.kill(agents[1]?.agent.pid ?? 0, "SIGUSR2");
    assert.equal((await stopped[1])?.code, 1);
  });

  test("one that is ended at once gets one signal, and its time when it still answers", {
    timeout,
  }, async () => {
    for (const { watched, agent } of await exitsLate(1)) {
      const stopped = agent.stop({ immediately: true });
      void agent.stop({ immediately: true });
      await watched.find("signal");
      // The answer that shows that it doesn't hang comes before the answer to this.
      await agent.call({ type: "get_state" });
      mock.timers.tick(29_999);
      process.kill(agent.pid, "SIGUSR2");
      assert.equal((await stopped).code, 1);
    }
  });

  test("one that hangs is killed: soon when it is ended at once, else in the end", { timeout }, async () => {
    const agents = await exitsLate(2);
    for (const { agent } of agents) process.kill(agent.pid, "SIGSTOP");
    const stopped = agents.map(({ agent }, index) => agent.stop({ immediately: index === 0 }));
    mock.timers.tick(3_000);
    assert.equal((await stopped[0])?.signal, "SIGKILL");
    assert.equal(agents[1]?.agent.hasEnded, false);
    mock.timers.tick(27_000);
    assert.equal((await stopped[1])?.signal, "SIGKILL");
  });

  test("one that ignores the end of its stdin is ended, its children with it", { timeout }, async () => {
    const state = JSON.stringify({ sessionId: ID, isStreaming: false, isCompacting: false, messageCount: 0 });
    const watched = program(`state='${state}'; sleep 600 & echo $! > ${join(root, "pid")}
      read line; id=$(printf %s "$line" | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
      echo "{\\"type\\":\\"response\\",\\"id\\":\\"$id\\",\\"command\\":\\"get_state\\",\\"success\\":true,\\"data\\":$state}"; wait`);
    const { agent } = await start(watched);
    const child = Number(readFileSync(join(root, "pid"), "utf8"));
    assert.equal(isAlive(child), true);
    mock.timers.enable({ apis: ["setTimeout"] });
    const stopped = agent.stop();
    mock.timers.tick(20_000);
    const exit = await stopped;
    assert.deepEqual([exit.signal, exit.expected], ["SIGTERM", true]);
    await gone(child);
    assert.deepEqual(await watched.exited, exit);
  });

  test("a program that isn't there and a directory that is gone are told apart", { timeout }, async () => {
    const { options } = program("");
    await assert.rejects(Agent.start({ ...options, command: [join(root, "nothing")] }), {
      code: "PI_NOT_FOUND",
    });
    await assert.rejects(Agent.start({ ...options, cwd: join(root, "nothing") }), {
      code: "DIRECTORY_NOT_FOUND",
      exitCode: 4,
    });
    await assert.rejects(Agent.start({ ...options, command: [] }), { code: "PI_NOT_FOUND" });
  });

  test("a sandbox that can't be made for it is closed", { timeout }, async () => {
    const closed = mock.fn(async () => {});
    const refusal = new Error("exchanged");
    const spawn = () => {
      throw refusal;
    };
    const sandbox = { spawn, close: closed } as unknown as AgentSandbox;
    await assert.rejects(Agent.start({ ...program("").options, sandbox }), refusal);
    assert.equal(closed.mock.callCount(), 1);
  });

  test("sees the environment that it is given and nothing of this process", { timeout }, async () => {
    const { options } = program(`env | sort > ${join(root, "env")}; exit 1`);
    await assert.rejects(Agent.start({ ...options, env: { ONLY: "this" } }));
    const names = readFileSync(join(root, "env"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split("=", 1)[0]);
    // The shell's own.
    assert.deepEqual(
      names.filter((each) => !["PWD", "SHLVL", "_", "OLDPWD", "PATH"].includes(each ?? "")),
      ["ONLY"],
    );
  });
});
