import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Client } from "../../src/lib/client/client.ts";
import { buildInfo } from "../../src/lib/core/build-info.ts";
import type { DaemonStatus } from "../../src/lib/protocol/requests.ts";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { PROTOCOL_VERSION } from "../../src/lib/protocol/version.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { LONG } from "../support/speed.ts";
import { type Running, SCENARIOS, Workspace } from "../support/workspace.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STUCK_PI = fileURLToPath(new URL("../fixtures/pi/says-nothing.sh", import.meta.url));

interface LastLine {
  message: string;
  requests: DaemonStatus["requests"];
  connections: { accepted: number; refused: number; closed: number };
  turns: DaemonStatus["turns"];
  agents: { started: number; ended: number };
}

describe("shutdown", () => {
  let place: Workspace;
  const clients: Client[] = [];
  beforeEach(() => {
    place = new Workspace();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await place.dispose();
  });

  function configure(text: string): void {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, text);
  }
  /** A daemon in the foreground, whose exit code can be seen. */
  async function foreground(): Promise<Running> {
    const running = place.start(["daemon", "run"]);
    await running.until("stderr", "listening");
    return running;
  }
  async function connect(): Promise<Client> {
    const client = await place.client();
    clients.push(client);
    return client;
  }
  /** A session whose turns go on for minutes. */
  async function longTurn(
    client: Client,
  ): Promise<{ sessionId: string; ended: Promise<Record<string, unknown>> }> {
    const { responses } = JSON.parse(readFileSync(join(SCENARIOS, "long-turn.json"), "utf8")) as {
      responses: object[];
    };
    const scenario = join(place.root, "long-turns.json");
    writeFileSync(scenario, JSON.stringify({ responses: [...responses, ...responses] }));
    const options = { model: `scripted/${scenario}` };
    const { sessionId } = await client.request("create_session", { cwd: place.cwd, options });
    const ended = new Promise<Record<string, unknown>>((resolve) => {
      client.onRecord((record) => {
        if (record.type === "turn" && record.sessionId === sessionId && record.turn.state === "ended")
          resolve({ ...record.turn });
      });
    });
    await client.request("prompt", { sessionId, message: "go", subscribe: true });
    return { sessionId, ended };
  }
  function lastLine(): LastLine {
    return JSON.parse(place.log().trimEnd().split("\n").at(-1) ?? "") as LastLine;
  }
  function assertNothingLeft(): void {
    assert.ok(!existsSync(place.paths.socket), "the socket is left");
    assert.ok(!existsSync(place.paths.pid), "the pid file is left");
    assert.deepEqual(place.processes(), []);
  }
  /** Every figure of what has come is that of what has gone. */
  function assertAddsUp({ message, requests, connections, turns, agents }: LastLine): void {
    assert.equal(message, "stopped");
    assert.equal(requests.received, requests.answered + requests.failed + requests.dropped, "requests");
    assert.equal(connections.accepted, connections.closed, "connections");
    const { started, ...outcomes } = turns;
    assert.equal(
      started,
      Object.values(outcomes).reduce((sum, count) => sum + count, 0),
      "turns",
    );
    assert.equal(agents.started, agents.ended, "agents");
  }

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    it(`${signal}, also again and again, ends all with code 0`, async (t) => {
      // Else it ends by itself when the turn has had its time.
      configure('[daemon]\ndrain_timeout = "1h"\n');
      const daemon = await foreground();
      const client = await connect();
      const told = new Promise((resolve) => client.onClose(resolve));
      // What a signal ends doesn't depend on which it is.
      const turn = signal === "SIGTERM" || LONG ? await longTurn(client) : undefined;
      for (let i = 0; i < 5; i++) {
        daemon.child.kill(signal);
        // Sent at once, they would arrive as one.
        await client.request("get_daemon_status", {}).catch(() => undefined);
      }
      // To the very end: not one of its moments may be without a listener.
      const storm = setInterval(() => daemon.child.kill(signal), 1);
      t.after(() => clearInterval(storm));
      if (turn !== undefined) assert.equal((await turn.ended).outcome, "aborted");
      assert.equal((await daemon.done).code, 0, daemon.transcript());
      assert.match(String(await told), new RegExp(`it is stopping \\(${signal}\\)`));
      assertNothingLeft();
      assertAddsUp(lastLine());
    });
  }

  it("lets the running turn end, refuses new work and says that it stops", async () => {
    const scenario = join(place.root, "gate.json");
    const gate = join(place.root, "gate");
    const wait = `while [ ! -e ${gate} ]; do sleep 0.05; done`;
    const responses = [[{ tool: "bash", args: { command: wait } }], [{ text: "made it" }]];
    writeFileSync(scenario, JSON.stringify({ responses }));
    const daemon = await foreground();
    const running = place.start([
      "prompt",
      "--model",
      `scripted/${scenario}`,
      "--format",
      "stream-json",
      "go",
    ]);
    await running.until("stdout", "tool");
    const raw = await RawConnection.open(place.paths.socket, {});
    daemon.child.kill("SIGTERM");
    while (!raw.records.some(({ type }) => type === "server_shutdown")) await once(raw.socket, "data");
    const refused = await place.run(["prompt", "--new", "--model", "scripted/echo", "more"]);
    assert.equal(refused.code, 9, refused.stderr);
    assert.match(refused.stderr, /DAEMON_SHUTTING_DOWN/);
    assert.match(await place.ok(["session", "list"]), /working/);
    writeFileSync(gate, "");
    const { code, stdout } = await running.done;
    assert.equal(code, 0, running.transcript());
    assert.match(stdout, /made it/);
    assert.equal((await daemon.done).code, 0);
    await raw.closed;
    assertNothingLeft();
    assertAddsUp(lastLine());
  });

  it("aborts what is left after daemon.drain_timeout, and stop waits for that long", async () => {
    configure('[daemon]\ndrain_timeout = "400ms"\n');
    const daemon = await foreground();
    const { ended } = await longTurn(await connect());
    const began = performance.now();
    assert.match(await place.ok(["daemon", "stop"]), /Stopped/);
    assert.equal((await ended).outcome, "aborted");
    const took = performance.now() - began;
    assert.ok(took >= 390, `${took} ms`);
    assert.equal((await daemon.done).code, 0);
    assert.equal(lastLine().turns.aborted, 1);
    assertNothingLeft();
    assertAddsUp(lastLine());
  });

  it("stop --now doesn't wait for the turn, nor for a pi that never comes up", async () => {
    configure('[daemon]\ndrain_timeout = "1h"\n');
    const daemon = await foreground();
    const { ended } = await longTurn(await connect());
    const stuck = place.start(["prompt", "--new", "hi"], { env: { PICTL_PI: STUCK_PI } });
    while (!place.processes().some(({ command }) => command.includes("says-nothing")))
      await new Promise((resolve) => setImmediate(resolve));
    assert.match(await place.ok(["daemon", "stop", "--now"]), /Stopped/);
    assert.equal((await ended).outcome, "aborted");
    assert.notEqual((await stuck.done).code, 0);
    assert.equal((await daemon.done).code, 0);
    assertNothingLeft();
    assertAddsUp(lastLine());
  });

  it("stop --force ends an agent that hangs, in order", async () => {
    configure('[daemon]\ndrain_timeout = "1h"\n');
    const daemon = await foreground();
    const client = await connect();
    const { sessionId, ended } = await longTurn(client);
    // Nobody's but the daemon's, which ends it by itself and says so before its last line.
    const stray = "env -u PICTL_AGENT_ID setsid sleep 1000 >/dev/null 2>&1 &";
    await client.command("bash", { sessionId, command: stray });
    const { agents } = await client.request("get_daemon_status", {});
    process.kill(Number(agents[0]?.pid), "SIGSTOP");
    assert.match(await place.ok(["daemon", "stop", "--force"]), /Stopped/);
    const { outcome, error } = await ended;
    assert.deepEqual([outcome, (error as { code: string }).code], ["aborted", "TURN_ABORTED"]);
    assert.equal((await daemon.done).code, 0, daemon.transcript());
    assertNothingLeft();
    assertAddsUp(lastLine());
    assert.match(place.log(), /ended what agents have left/);
  });

  it("pi has time to save what it has begun, however it is ended", async () => {
    // As a login that is refreshed meanwhile. Longer than an agent ever had before it was cut off.
    const saves = `import { writeFileSync } from "node:fs";
      export default (pi) => pi.on("session_shutdown", async (event, ctx) => {
        await new Promise((resolve) => setTimeout(resolve, 6_000));
        writeFileSync(${JSON.stringify(place.root)} + "/saved-" + ctx.sessionManager.getSessionId(), "");
      });`;
    mkdirSync(join(place.agentDir, "extensions"));
    writeFileSync(join(place.agentDir, "extensions", "saves.ts"), saves);
    await foreground();
    const client = await connect();
    const ids: string[] = [];
    for (let made = 0; made < 3; made++) {
      const options = { model: "scripted/echo" };
      ids.push((await client.request("create_session", { cwd: place.cwd, options })).sessionId);
    }
    const [closed = "", deleted = ""] = ids;
    // Each is answered, or learns that the daemon stops.
    const ends = Promise.allSettled([
      client.request("close_session", { sessionId: closed }),
      client.request("delete_session", { sessionId: deleted }),
    ]);
    await place.ok(["daemon", "stop", "--now"]);
    await ends;
    const isSaved = (id: string) => existsSync(join(place.root, `saved-${id}`));
    assert.deepEqual(ids.map(isSaved), [true, true, true]);
    assertNothingLeft();
  });

  it("stop --force kills a daemon that hangs", async () => {
    await place.ok(["prompt", "--model", "scripted/echo", "hello"]);
    process.kill(place.daemonPid() ?? 0, "SIGSTOP");
    const hung = await place.run(["prompt", "hello"]);
    assert.match(hung.stderr, /DAEMON_UNREACHABLE[\s\S]*pictl daemon stop --force/);
    assert.match(await place.ok(["daemon", "stop", "--force"]), /Stopped/);
    await place.allProcessesGone();
    const { sessions } = await place.json<{ sessions: SessionInfo[] }>(["session", "list"]);
    assert.deepEqual(
      sessions.map(({ firstMessage, state }) => [firstMessage, state]),
      [["hello", "parked"]],
    );
  });

  it("the figures of its last line are those of what was asked for", async () => {
    const daemon = await foreground();
    const scenario = join(place.root, "fails.json");
    const responses = [[{ text: "fine" }], [{ error: "invalid_request: refused" }]];
    writeFileSync(scenario, JSON.stringify({ responses }));
    const create = { options: { model: `scripted/${scenario}` } };
    const one = await place.turn({ cwd: place.cwd, fresh: true, create, message: "one" });
    await assert.rejects(place.turn({ sessionId: one.sessionId, message: "two" }), /refused/);
    const client = await connect();
    await assert.rejects(client.request("get_session", { sessionId: "nobody" }), {
      code: "SESSION_NOT_FOUND",
    });
    const { sessionId, ended } = await longTurn(client);
    // A client that goes while it waits for an answer.
    const gone = await RawConnection.open(place.paths.socket, {});
    const wait = { id: "1", type: "wait", sessionId, for: ["question"] };
    gone.write(`${JSON.stringify(wait)}\n${JSON.stringify({ id: "2", type: "get_daemon_status" })}\n`);
    while (gone.records.length === 0) await once(gone.socket, "data");
    gone.socket.destroy();
    // And one that waits to the end.
    client.request("wait", { sessionId, for: ["question"] }).catch(() => undefined);
    await client.request("get_daemon_status", {});
    daemon.child.kill("SIGTERM");
    await place.run(["daemon", "stop", "--now"]);
    assert.equal((await ended).outcome, "aborted");
    assert.equal((await daemon.done).code, 0);
    const last = lastLine();
    assertAddsUp(last);
    const { completed, failed, aborted, started } = last.turns;
    assert.deepEqual(
      { started, completed, failed, aborted },
      { started: 3, completed: 1, failed: 1, aborted: 1 },
    );
    assert.equal(last.requests.dropped, 2);
    assert.equal(last.requests.failed, 1);
    assert.ok(last.requests.answered >= 6);
    assert.ok(last.agents.started >= 2);
  });

  it("restart --when-idle gives up after --timeout with code 3; else lets everything in until nothing runs, and restarts then", async () => {
    await place.ok(["daemon", "start"]);
    const before = place.daemonPid();
    const client = await connect();
    const { sessionId } = await longTurn(client);
    const late = await place.run(["daemon", "restart", "--when-idle", "--timeout", "300ms"]);
    assert.equal(late.code, 3, late.stderr);
    assert.match(late.stderr, /busy all the time.*\[TIMEOUT\]/);
    // The wish went with the command that had it.
    await client.request("abort", { sessionId });
    await client.request("wait", { sessionId, for: ["idle"] });
    await client.command("bash", { sessionId, command: "true" });
    assert.equal(place.daemonPid(), before);
    assert.doesNotMatch(place.log(), /"stopping"/);

    await client.request("prompt", { sessionId, message: "go" });
    const restart = place.start(["daemon", "restart", "--when-idle", "--json"]);
    let now = await client.request("get_daemon_status", {});
    while (now.connections < 2) now = await client.request("get_daemon_status", {});
    // Twice the time in which it looks whether nothing runs.
    const create = { options: { model: "scripted/echo" } };
    const { text } = await place.turn({ cwd: place.cwd, fresh: true, create, message: "still let in" });
    assert.match(text, /still let in/);
    assert.equal(place.daemonPid(), before);
    await client.request("abort", { sessionId });
    const { stdout: result, code } = await restart.done;
    assert.equal(code, 0, restart.transcript());
    assert.equal((JSON.parse(result) as { previousPid: number }).previousPid, before);
    assert.notEqual(place.daemonPid(), before);
    const { sessions } = await place.ask("list_sessions", {});
    assert.ok(sessions.some(({ firstMessage }) => firstMessage === "still let in"));
  });

  describe("another build", () => {
    /** This pictl as one of another build and an older version. */
    let root: string;
    before(() => {
      root = mkdtempSync(join(tmpdir(), "pictl-older-"));
      for (const part of ["dist", "bin", "package.json", "oclif.manifest.json"]) {
        cpSync(join(ROOT, part), join(root, part), { recursive: true });
      }
      symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
      const files = globSync("dist/**/*.js", { cwd: root }).map((file) => join(root, file));
      let changed = 0;
      for (const file of files) {
        const text = readFileSync(file, "utf8");
        const other = text.replace(/\{version:"[^"]+",build:"[0-9a-f]{16}"\}/g, () => {
          changed += 1;
          return '{version:"0.0.9",build:"0123456789abcdef"}';
        });
        if (other !== text) writeFileSync(file, other);
      }
      assert.ok(changed > 0, "the build id was not found");
    });
    after(() => rmSync(root, { recursive: true }));

    async function older(args: string[]): Promise<{ code: number | null; stderr: string }> {
      const child = spawn(process.execPath, [join(root, "bin/run.js"), ...args], {
        cwd: place.cwd,
        env: place.env as NodeJS.ProcessEnv,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      child.stdout.resume();
      const [code] = (await once(child, "close")) as [number | null];
      return { code, stderr };
    }

    it("an idle daemon of an older one is replaced without a word, and the session goes on", async () => {
      assert.equal((await older(["prompt", "--model", "scripted/echo", "remember 42"])).code, 0);
      const before = place.daemonPid();
      const { stdout, stderr } = await place.run(["prompt", "again"]);
      assert.match(stdout, /remember 42/);
      assert.equal(stderr, "");
      assert.notEqual(place.daemonPid(), before);
      // The other way round it stays: the newer daemon serves the older command.
      const now = place.daemonPid();
      assert.equal((await older(["session", "list"])).code, 0);
      assert.equal(place.daemonPid(), now);
    });

    it("one with an ephemeral session or a running turn is used as it is, and what to do is said", async () => {
      const ephemeral = ["prompt", "--ephemeral", "--model", "scripted/echo", "remember 42"];
      assert.equal((await older(ephemeral)).code, 0);
      const before = place.daemonPid();
      const again = await place.run(["prompt", "again"]);
      assert.match(again.stdout, /remember 42/);
      assert.match(again.stderr, /daemon restart --when-idle/);
      const client = await connect();
      await client.request("close_session", { cwd: place.cwd });
      const { sessionId } = await longTurn(client);
      const { code, stderr } = await place.run(["session", "list"]);
      assert.equal(code, 0);
      assert.match(stderr, /older \(0\.0\.9\) and busy.*pictl daemon restart --when-idle/);
      assert.equal(place.daemonPid(), before);
      const restart = place.start(["daemon", "restart", "--when-idle"]);
      await client.request("abort", { sessionId });
      assert.equal((await restart.done).code, 0, restart.transcript());
      assert.equal((await place.run(["session", "list"])).stderr, "");
    });
  });

  describe("another protocol", () => {
    it("of the client: both versions are named, and the connection ends", async () => {
      await place.ok(["daemon", "start"]);
      const raw = await RawConnection.open(place.paths.socket);
      const data = { version: "9.1.2", protocolVersion: "2.7", environment: {} };
      raw.write(`${JSON.stringify({ type: "client_ready", data })}\n`);
      await raw.closed;
      const { error } = raw.records.find(({ type }) => type === "response") as {
        error: Record<string, string>;
      };
      assert.equal(error.code, "PROTOCOL_MISMATCH");
      for (const named of ["2.7", PROTOCOL_VERSION, "9.1.2", buildInfo().version]) {
        assert.ok(error.message?.includes(named), `${error.message} doesn't name ${named}`);
      }
      assert.ok(error.hint);
    });

    it("of the daemon: both versions are named, with what to do", async () => {
      mkdirSync(place.paths.runtimeDir, { recursive: true, mode: 0o700 });
      const server = createServer((socket) => {
        const data = { version: "9.1.2", build: "b", protocolVersion: "2.7", pid: process.pid, busy: true };
        socket.write(`${JSON.stringify({ type: "server_ready", data })}\n`);
        socket.on("error", () => undefined);
      }).listen(place.paths.socket);
      await once(server, "listening");
      try {
        const { code, stderr } = await place.run(["session", "list"]);
        assert.equal(code, 9, stderr);
        for (const named of ["2.7", PROTOCOL_VERSION, "9.1.2", buildInfo().version]) {
          assert.ok(stderr.includes(named), `${stderr} doesn't name ${named}`);
        }
        assert.match(stderr, /\[PROTOCOL_MISMATCH\]\n.*daemon restart/);
      } finally {
        server.close();
        await once(server, "close");
      }
    });
  });
});
