import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bundledPiCli } from "../../src/lib/agent/pi/bundled-pi.ts";
import type { PassedThrough } from "../../src/lib/protocol/requests.ts";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { MAX_PAUSE_MS } from "../../src/lib/session/other-pis.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import { type Result, Workspace } from "../support/workspace.ts";

const PI = process.env.PICTL_TEST_PI ?? bundledPiCli();
const EXTENSION = join(import.meta.dirname, "../../dist/scripted-model.js");
const PI_ARGS = [PI, "-e", EXTENSION, "--model", "scripted/echo"];
/** An entry of an extension's own, written while nothing runs. */
const NOTES = `export default (pi) => pi.registerCommand("note", {
  description: "note", handler: async () => { pi.appendEntry("note", { at: Date.now() }); } });`;

function isAlive(pid: number): boolean {
  try {
    // A zombie is one that nobody has asked about yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Every entry's parent is the entry before it. */
function assertChain(file: string): void {
  const entries = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as { id: string; parentId: string | null; type: string });
  assert.deepEqual(
    entries.map(({ parentId }) => parentId),
    [null, ...entries.slice(0, -1).map(({ id }) => id)],
    entries.map(({ type }) => type).join(),
  );
}

/** A pi of its own, as another program would run it. */
class OtherPi {
  readonly child: ChildProcess;
  readonly #closed: Promise<unknown>;
  output = "";

  constructor(place: Workspace, args: readonly string[], cwd = place.cwd) {
    this.child = spawn(process.execPath, [...PI_ARGS, "--mode", "rpc", ...args], {
      cwd,
      env: place.env as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#closed = once(this.child, "close");
    this.child.stdout?.on("data", (chunk: Buffer) => {
      this.output += chunk.toString("utf8");
    });
  }

  get pid(): number {
    return this.child.pid ?? assert.fail("pi did not start");
  }

  /** Resolves when it has opened its session. */
  async ready(): Promise<void> {
    this.child.stdin?.write('{"id":"s","type":"get_state"}\n');
    while (!this.output.includes('"get_state"'))
      await Promise.race([once(this.child.stdout ?? assert.fail(), "data"), this.#closed]);
  }

  async prompt(message: string): Promise<void> {
    const before = this.output.length;
    this.child.stdin?.write(`${JSON.stringify({ id: "p", type: "prompt", message })}\n`);
    while (!this.output.slice(before).includes('"agent_settled"')) {
      await Promise.race([once(this.child.stdout ?? assert.fail(), "data"), this.#closed]);
      assert.equal(this.child.exitCode, null, this.output);
    }
  }

  async end(): Promise<void> {
    this.child.stdin?.end();
    await this.#closed;
  }
}

describe("one writer", () => {
  let place: Workspace;
  let other: Workspace;
  let pis: OtherPi[];
  const makePlaces = () => {
    place = new Workspace();
    other = new Workspace({ PI_CODING_AGENT_DIR: place.agentDir });
  };
  const removePlaces = async () => {
    for (const each of [other, place]) if (existsSync(each.root)) await each.dispose();
  };
  beforeEach(() => {
    pis = [];
  });
  const endPis = async () => {
    for (const pi of pis) await pi.end();
  };

  const otherPi = (...args: ConstructorParameters<typeof OtherPi>) => {
    const pi = new OtherPi(...args);
    pis.push(pi);
    return pi;
  };
  const info = async (sessionId: string, at = place) =>
    (await at.ask("get_session", { sessionId, cwd: place.cwd })).session;
  const file = async (id: string) => (await info(id)).file ?? assert.fail("no file");
  const locks = () => readdirSync(join(place.agentDir, "pictl", "locks"));
  async function session(model = "scripted/echo"): Promise<string> {
    if (place.daemonPid() === undefined) await place.ok(["daemon", "start"]);
    const create = { options: { model } };
    return (await place.turn({ cwd: place.cwd, fresh: true, create, message: "first words" })).sessionId;
  }
  /** Goes on with a session and gives the answer. */
  const say = async (sessionId: string, message: string, at = place) =>
    (await at.turn({ sessionId, cwd: place.cwd, message })).text;
  const close = (sessionId: string, at = place) => at.ask("close_session", { sessionId });
  const prompt = (at: Workspace, id: string, text: string, ...flags: string[]) =>
    at.run(["prompt", "-s", id, ...flags, text], { cwd: place.cwd });
  const assertInUse = ({ code, stderr }: Result, ...named: (string | number | undefined)[]) => {
    assert.equal(code, 11, stderr);
    assert.match(stderr, /\[SESSION_IN_USE\]/);
    assert.match(stderr, /--fork/);
    for (const each of named) assert.ok(stderr.includes(String(each)), `${each} in ${stderr}`);
  };
  /** The same of what was asked without a command. */
  const assertRefused = (asked: Promise<unknown>, pid: number | undefined) =>
    assert.rejects(asked, { code: "SESSION_IN_USE", message: new RegExp(`\\b${pid}\\b`) });
  /** Has the agent of a session do a command of pi's. */
  const command = async (type: PassedThrough, params: Record<string, unknown>, at = place) => {
    const client = await at.client();
    try {
      return await client.command(type, params);
    } finally {
      client.close();
    }
  };

  /** The session takes in a turn that pi has added, by an agent of its own that is kept then. */
  async function goesOnAfterPi(id: string, messages: number, agentPid?: number): Promise<void> {
    await say(id, "and in pictl");
    const after = await info(id);
    assert.equal(after.messages, messages + 4);
    assert.notEqual(after.agentPid, agentPid);
    assert.match(await say(id, "once more"), new RegExp(`${messages / 2 + 3} messages so far`));
    assertChain(await file(id));
    assert.equal((await info(id)).agentPid, after.agentPid, "reloaded without need");
  }

  /** As a pi that hasn't written its title over its arguments yet. */
  async function piWith(
    args: readonly string[],
    env = place.env,
  ): Promise<{ pid: number; end: () => Promise<void> }> {
    const code = "console.log('ready'); process.stdin.resume()";
    const pi = spawn(process.execPath, ["-e", code, "--", ...args], {
      argv0: "pi",
      cwd: place.cwd,
      env: env as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const closed = once(pi, "close");
    await once(pi.stdout, "data");
    await sleep(MAX_PAUSE_MS);
    const end = async () => {
      pi.stdin.end();
      await closed;
    };
    return { pid: pi.pid ?? assert.fail("it did not start"), end };
  }

  describe("with the same two daemons", () => {
    before(async () => {
      makePlaces();
      for (const each of [place, other]) await each.ok(["daemon", "start"]);
    });
    afterEach(endPis);
    after(removePlaces);

    it("of two daemons at once one gets the session, the other is told who has it", async () => {
      const id = writeSession(place, ["first words"], { name: "shared" });
      const path = await file(id);
      const both = await Promise.all([place, other].map((at) => prompt(at, id, "who?")));
      assert.deepEqual(both.map(({ code }) => code).sort(), [0, 11], both.map((each) => each.stderr).join());
      const [winner, loser] = both[0]?.code === 0 ? [place, other] : [other, place];
      const at = { cwd: place.cwd };
      assertInUse(both[winner === place ? 1 : 0] ?? assert.fail(), winner.daemonPid(), winner.home);
      assert.deepEqual(locks().sort(), [id, `${id}.json`].sort());

      // What only reads goes on.
      const { messages } = await loser.ask("get_session", { sessionId: id, messages: true });
      assert.match(JSON.stringify(messages), /first words/);
      assert.match(await loser.ok(["session", "export", id, "-f", "md"], at), /who\?/);
      const { sessions } = await loser.ask("list_sessions", { cwd: place.cwd });
      assert.deepEqual(
        sessions.map(({ name }) => name),
        ["shared"],
      );
      // What would write or remove doesn't.
      const before = readFileSync(path, "utf8");
      const of = { sessionId: id, cwd: place.cwd };
      for (const ask of [
        () => loser.ask("set_session_name", { ...of, name: "mine" }),
        () => loser.ask("delete_session", of),
        () => loser.ask("close_session", of),
        () => command("bash", { ...of, command: "true" }, loser),
      ])
        await assertRefused(ask(), winner.daemonPid());
      const copied = await prompt(loser, id, "elsewhere", "--fork");
      assert.equal(copied.code, 0, copied.stderr);
      assert.match(copied.stdout, /elsewhere .*3 messages so far/);
      const [copy] = /[0-9a-f-]{36}/.exec(copied.stderr) ?? assert.fail(copied.stderr);
      assert.notEqual(copy, id);
      assert.ok(locks().includes(copy));
      assert.equal((await info(copy, loser)).name, "shared (clone)");
      assert.equal(readFileSync(path, "utf8"), before, "the fork wrote to its parent");

      await close(id, winner);
      const next = await prompt(loser, id, "now me");
      assert.equal(next.code, 0, next.stderr);
      assert.match(next.stdout, /3 messages so far/);
      assertChain(path);
      for (const each of [id, copy]) await close(each, loser);
      assert.deepEqual(locks(), [], "left behind by closed sessions");
    });

    it("takes in what pi has added, and names a pi that writes to the file and lives; --fork goes on, and so does the session when it has ended", async () => {
      const id = await session();
      const path = await file(id);
      const idle = await info(id);
      const ran = spawnSync(process.execPath, [...PI_ARGS, "-p", "--session", path, "said in pi"], {
        cwd: place.cwd,
        env: place.env as NodeJS.ProcessEnv,
        encoding: "utf8",
        input: "",
      });
      assert.equal(ran.status, 0, ran.stderr);
      await goesOnAfterPi(id, idle.messages ?? 0, idle.agentPid);

      const { agentPid, messages = 0 } = await info(id);
      const pi = otherPi(place, ["--continue"]);
      await pi.prompt("typed in pi");
      assertInUse(await prompt(place, id, "in between"), pi.pid);
      await assertRefused(command("bash", { sessionId: id, command: "true" }), pi.pid);
      const before = readFileSync(path, "utf8");
      const copied = await prompt(place, id, "elsewhere", "--fork");
      assert.equal(copied.code, 0, copied.stderr);
      assert.match(copied.stdout, /6 messages so far/);
      assert.equal(readFileSync(path, "utf8"), before);
      // Also where this pictl has no agent that would notice.
      await close(id);
      assertInUse(await prompt(place, id, "in between"), pi.pid);
      await pi.end();
      await goesOnAfterPi(id, messages, agentPid);
    });

    it("warns once of a pi that may have the session open, and refuses while the arguments of one name it", async () => {
      const id = await session();
      const path = await file(id);
      const apart = await piWith([], { ...place.env, PI_CODING_AGENT_DIR: join(place.root, "another") });
      try {
        const { stderr } = await prompt(place, id, "one");
        assert.doesNotMatch(stderr, /Warning/, "a pi of another agent directory");
      } finally {
        await apart.end();
      }
      const pi = otherPi(place, ["--session", path]);
      await pi.ready();
      await sleep(MAX_PAUSE_MS);
      const warned = await prompt(place, id, "two");
      assert.equal(warned.code, 0, warned.stderr);
      assert.match(warned.stderr, new RegExp(`Warning: pi \\(process ${pi.pid}\\) runs in ${place.cwd} too`));
      assert.doesNotMatch((await prompt(place, id, "three", "--format", "json")).stderr, /Warning/);
      await pi.end();
      for (const args of [["--session", path], [`--session=${id.slice(0, 8)}`], ["--continue"]]) {
        const named = await piWith(args);
        try {
          assertInUse(await prompt(place, id, "again"), named.pid);
          // What refuses them is the same, however that pi was found.
          if (args[0] !== "--session") continue;
          const before = readFileSync(path, "utf8");
          for (const ask of [
            () => command("bash", { sessionId: id, command: "true" }),
            () => place.ask("set_session_name", { sessionId: id, name: "x" }),
            () => command("set_thinking_level", { sessionId: id, level: "low" }),
            () => command("compact", { sessionId: id }),
          ])
            await assertRefused(ask(), named.pid);
          assert.equal(readFileSync(path, "utf8"), before, "a command has written");
        } finally {
          await named.end();
        }
      }
      await say(id, "again");
    });

    it("--fork leaves the session and the current one alone, also while it works", async () => {
      const scenario = join(place.root, "long-second.json");
      const responses = [[{ text: "Ready." }], [{ text: "Starting. " }, { pauseMs: 600_000 }]];
      writeFileSync(scenario, JSON.stringify({ responses }));
      const id = await session(`scripted/${scenario}`);
      await place.ask("prompt", { sessionId: id, message: "run" });
      const copied = await place.run([
        "prompt",
        "--fork",
        "--name",
        "mine",
        "--model",
        "scripted/echo",
        "meanwhile",
      ]);
      assert.equal(copied.code, 0, copied.stderr);
      assert.match(copied.stdout, /meanwhile/);
      const { session: current } = await place.ask("get_session", { cwd: place.cwd });
      assert.equal(current.id, id);
      assert.equal(current.state, "working");
      assert.equal((await info("mine")).id, /[0-9a-f-]{36}/.exec(copied.stderr)?.[0]);
      for (const flags of [["--new"], ["--steer"], ["--tools", "read"]]) {
        assert.equal((await place.run(["prompt", "--fork", ...flags, "x"])).code, 2, flags.join(" "));
      }
      await place.ask("abort", { sessionId: id });
    });

    it("a daemon that is killed leaves nothing held, and its agent is gone before the next one starts", async () => {
      const id = await session();
      const path = await file(id);
      const { agentPid = assert.fail() } = await info(id);
      // It can't end by itself when its stdin does.
      process.kill(agentPid, "SIGSTOP");
      process.kill(place.daemonPid() ?? assert.fail(), "SIGKILL");
      const next = await prompt(other, id, "after that");
      assert.equal(next.code, 0, next.stderr);
      assert.match(next.stdout, /2 messages so far, the first was: first words/);
      assert.ok(!isAlive(agentPid), "two agents had the session");
      assertChain(path);
      await place.ok(["daemon", "start"]);
      assertInUse(await prompt(place, id, "and here"), other.daemonPid(), other.home);
      await assertRefused(place.ask("delete_session", { sessionId: id }), other.daemonPid());
      assert.equal((await info(id)).origin, "pictl", "forgotten by a delete that was refused");
    });
  });

  describe("with daemons of their own", () => {
    beforeEach(makePlaces);
    afterEach(async () => {
      await endPis();
      await removePlaces();
    });

    it("a turn that another daemon of the same state runs is neither cut nor written about", async () => {
      // Two shells of one user, one with XDG_RUNTIME_DIR and one without, as cron's: they differ in the socket alone.
      const env = { PICTL_HOME: undefined, XDG_RUNTIME_DIR: join(place.root, "r") };
      Object.assign(place.env, env);
      const id = await place.ok(["session", "create", "--model", place.scenario("long-turn.json")]);
      const bare = new Workspace({
        PICTL_HOME: undefined,
        PI_CODING_AGENT_DIR: place.agentDir,
        HOME: place.root,
        TMPDIR: join(place.root, "t"),
      });
      mkdirSync(join(place.root, "t"));
      try {
        await place.ask("prompt", { sessionId: id, message: "go" });
        assert.match(await bare.ok(["session", "list", "--all"]), /elsewhere/);
        const shown = await info(id, bare);
        assert.deepEqual([shown.usedElsewhere, shown.interrupted], [true, undefined]);
        const refused = await bare.run(["prompt", "-s", id, "mine"]);
        assertInUse(refused, `XDG_RUNTIME_DIR=${join(place.root, "r")} pictl prompt -s ${id}`);
        await bare.ok(["daemon", "stop"]);
        assert.equal((await place.ask("abort", { sessionId: id })).aborted, true);
        await place.ask("wait", { sessionId: id, for: ["idle"] });
        const after = (await bare.json<{ session: SessionInfo }>(["session", "show", id])).session;
        assert.deepEqual([after.usedElsewhere, after.interrupted], [undefined, undefined]);
      } finally {
        await bare.dispose();
      }
    });

    it("a parked session is held by nobody, wherever its agent goes, and one goes on where no lock can be made", async () => {
      mkdirSync(join(place.paths.config, ".."), { recursive: true });
      writeFileSync(place.paths.config, "[limits]\nmax_live_agents = 1\n");
      const id = await session();
      const { agentPid } = await info(id);
      const next = writeSession(place, ["before"]);
      await say(next, "takes the only place");
      assert.equal((await info(next)).agentPid, agentPid);
      assert.equal((await info(id)).state, "parked");
      assert.deepEqual(locks().sort(), [next, `${next}.json`].sort());
      const elsewhere = await prompt(other, id, "and elsewhere");
      assert.equal(elsewhere.code, 0, elsewhere.stderr);
      assertInUse(await prompt(place, id, "back here"), other.daemonPid());
      rmSync(join(place.agentDir, "pictl"), { recursive: true });
      writeFileSync(join(place.agentDir, "pictl"), "");
      const free = writeSession(place, ["before"]);
      await say(free, "without a lock");
      assert.match(place.log(), /no lock for a session/);
    });

    it("takes nothing of its own agent for somebody else's, with a pi beside it", async () => {
      mkdirSync(join(place.agentDir, "extensions"));
      writeFileSync(join(place.agentDir, "extensions", "notes.ts"), NOTES);
      const compaction = { enabled: true, keepRecentTokens: 1, reserveTokens: 1_000 };
      writeFileSync(join(place.agentDir, "settings.json"), JSON.stringify({ compaction }));
      const pi = otherPi(place, []);
      await pi.prompt("a session of its own");
      const id = await session();
      const path = await file(id);
      const { agentPid } = await info(id);
      const client = await place.client();
      for (const [type, params] of [
        ["prompt", "again"],
        ["bash", { command: "echo hi" }],
        ["prompt", "/note"],
        ["set_session_name", { name: "other name" }],
        ["prompt", "after the name"],
        ["set_thinking_level", { level: "low" }],
        ["compact", {}],
        ["prompt", "/note"],
        ["prompt", "after all that"],
        ["prompt", "and once more"],
      ] as const) {
        if (typeof params === "string") await say(id, params);
        else await client.command(type as PassedThrough, { sessionId: id, ...params });
        assert.equal((await info(id)).agentPid, agentPid, `${type} ${params} ended the agent`);
      }
      client.close();
      await place.turn({ sessionId: id, model: place.scenario("thinking.json"), message: "another model" });
      // A daemon that stops closes each of its sessions.
      for (const end of ["close", ...(LONG ? ["stop"] : []), "kill"]) {
        await pi.prompt("goes on");
        const daemon = await place.client();
        await daemon.command("bash", { sessionId: id, command: "echo at the end" });
        // At once: what the command wrote hasn't been compared yet.
        if (end === "close") await daemon.request("close_session", { sessionId: id });
        daemon.close();
        if (end === "stop") await place.ok(["daemon", "stop"]);
        if (end === "kill") process.kill(place.daemonPid() ?? assert.fail(), "SIGKILL");
        // Which starts the next daemon.
        await place.ok(["prompt", "-s", id, "back"]);
      }
      assertChain(path);
    });
  });
});
