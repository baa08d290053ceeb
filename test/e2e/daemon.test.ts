import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonStatus } from "../../src/lib/protocol/requests.ts";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { LONG, scaled } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("daemon", () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
  });
  afterEach(() => place.dispose());

  const status = () => place.json<DaemonStatus & { running: boolean }>(["daemon", "status"]);
  const daemons = () => place.processes().filter((each) => /daemon\/(main|entry)/.test(each.command));

  it("starts, tells its state and stops", async () => {
    assert.equal((await place.run(["daemon", "status"])).code, 9);
    assert.equal(daemons().length, 0, "status started a daemon");
    await place.ok(["daemon", "start"]);
    const { pid, socket } = await status();
    assert.equal(pid, place.daemonPid());
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.equal(statSync(place.paths.runtimeDir).mode & 0o777, 0o700);
    await place.ok(["daemon", "start"]);
    assert.equal(place.daemonPid(), pid);
    await place.ok(["daemon", "stop"]);
    assert.ok(!existsSync(socket));
    assert.equal(daemons().length, 0);
    assert.match(await place.ok(["daemon", "stop"]), /no daemon is running/i);
  });

  it("leaves no directory under the temporary one when its socket moved there, and starts again at once", async (t) => {
    const moved = new Workspace();
    t.after(() => moved.dispose());
    const tmp = join(moved.root, "tmp");
    mkdirSync(tmp);
    Object.assign(moved.env, { PICTL_HOME: join(moved.root, "x".repeat(100)), TMPDIR: tmp });
    const ownDirs = () => readdirSync(tmp).filter((name) => name.startsWith("pictl-"));
    await moved.ok(["session", "list"]);
    assert.equal(ownDirs().length, 1);
    // The next one starts while this one ends. A command that still reaches this one may be refused, or cut.
    const list = async () => {
      for (let code: number | null = 9; code === 9; ) {
        const listed = await moved.run(["session", "list"]);
        if (listed.code !== 0) assert.match(listed.stderr, /\[DAEMON_(SHUTTING_DOWN|UNREACHABLE)\]/);
        code = listed.code;
      }
    };
    const stopped = moved.run(["daemon", "stop", "--now"]);
    await Promise.all([list(), list(), list()]);
    assert.equal((await stopped).code, 0);
    await moved.ok(["daemon", "stop", "--now"]);
    assert.deepEqual(ownDirs(), []);
  });

  it("many commands at once end with one daemon, and all succeed", async () => {
    const results = await Promise.all(
      Array.from({ length: LONG ? 50 : 8 }, () => place.run(["session", "list", "--json"])),
    );
    for (const result of results) {
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(JSON.parse(result.stdout), { sessions: [] });
    }
    // One that came too late may still be on its way out.
    const end = performance.now() + scaled(10_000);
    while (daemons().length > 1 && performance.now() < end) await sleep(20);
    assert.equal(daemons().length, 1);
  });

  it("a turn that was cut by kill -9 is told as interrupted, and its agent ends; the next prompt goes on with all the history, and so does the one after a restart", async () => {
    const scenario = join(place.root, "long-second.json");
    const responses = [[{ text: "I will." }], [{ text: "Starting. " }, { pauseMs: 600_000 }]];
    writeFileSync(scenario, JSON.stringify({ responses }));
    await place.ok(["prompt", "--model", `scripted/${scenario}`, "remember 42"]);
    const running = place.start(["prompt", "go"]);
    await running.until("stdout", /\S/);
    const pid = place.daemonPid() ?? 0;
    process.kill(pid, "SIGKILL");
    const result = await running.done;
    assert.equal(result.code, 9, running.transcript());
    assert.match(result.stderr, /\[DAEMON_UNREACHABLE\]/);
    const { session } = await place.json<{ session: SessionInfo }>(["session", "show"]);
    assert.equal(session.interrupted, true);
    assert.equal(session.state, "parked");
    assert.notEqual(place.daemonPid(), pid);
    assert.match(await place.ok(["prompt", "--model", "scripted/echo", "again"]), /remember 42/);
    const next = place.daemonPid();
    await place.ok(["daemon", "restart"]);
    assert.notEqual(place.daemonPid(), next);
    assert.match(await place.ok(["prompt", "once more"]), /remember 42/);
  });

  it("is not misled by a stale socket, a dead pid or a half-written lock", async (t) => {
    mkdirSync(place.paths.runtimeDir, { recursive: true, mode: 0o700 });
    const server = createServer().listen(place.paths.socket);
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    writeFileSync(place.paths.pid, "999999\n");
    writeFileSync(place.paths.lock, "");
    // A socket file that nobody listens on: what a killed daemon leaves.
    const { renameSync } = await import("node:fs");
    renameSync(place.paths.socket, `${place.paths.socket}.kept`);
    await new Promise((resolve) => server.close(resolve));
    if (existsSync(`${place.paths.socket}.kept`))
      renameSync(`${place.paths.socket}.kept`, place.paths.socket);
    assert.deepEqual(await place.json(["session", "list"]), { sessions: [] });
  });

  it("shows the reason when it can't start", async () => {
    mkdirSync(place.paths.stateDir, { recursive: true, mode: 0o700 });
    writeFileSync(
      place.paths.registry,
      "this is not a database, and it is long enough to be taken for one. ".repeat(50),
    );
    const result = await place.run(["session", "list"]);
    assert.equal(result.code, 9, result.stderr);
    assert.match(result.stderr, /\[DAEMON_START_FAILED\]/);
    assert.match(result.stderr, /not a database/);
    await place.allProcessesGone();
  });

  it("doesn't start with so few descriptors that it would hear nobody, and names their limit", async (t) => {
    const few = new Workspace();
    t.after(() => few.dispose());
    // From too few for its own socket up to too few for an agent.
    for (const count of LONG ? [26, 29, 30, 34] : [26, 34]) {
      const { code, stderr } = await few.run(["prompt", "--model", "scripted/echo", "hi"], {
        shell: `ulimit -n ${count}`,
      });
      assert.equal(code, 8, `${count}: ${stderr}`);
      assert.match(stderr, /^Error: Too many open files: .*\[LIMIT_EXCEEDED\]\n/);
    }
    await few.ok(["daemon", "start"]);
  });

  it("shows why it crashed at its start, which Node prints before the stack", async () => {
    const root = join(place.root, "broken");
    for (const part of ["dist", "bin", "package.json"])
      cpSync(join(ROOT, part), join(root, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
    writeFileSync(join(root, "dist/lib/daemon/main.js"), "import 'no-such-package';\n");
    const env = place.env as NodeJS.ProcessEnv;
    const args = [join(root, "bin/run.js"), "session", "list"];
    const result = spawnSync(process.execPath, args, { cwd: place.cwd, env, encoding: "utf8" });
    assert.equal(result.status, 9, result.stderr);
    assert.match(
      result.stderr,
      /could not start: it ended with exit code 1:[\s\S]*Cannot find package 'no-such-package'/,
    );
    assert.doesNotMatch(result.stderr, /^\s+at /m);
  });

  it("says what stands where its files should be, and waits for nothing", async () => {
    const file = join(place.root, "file");
    writeFileSync(file, "");
    mkdirSync(place.paths.stateDir, { recursive: true });
    const refused = async (says: RegExp, home = place.home) => {
      const { code, stderr } = await place.run(["session", "list"], { env: { PICTL_HOME: home } });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /\[STORAGE_UNAVAILABLE\]/);
      assert.match(stderr, says);
    };
    await refused(/file\/run.*not a directory/, file);
    // Nothing can be made there, also for root.
    if (existsSync("/proc/self")) await refused(/\/proc\/pictl-test\/run/, "/proc/pictl-test");
    mkdirSync(place.paths.log);
    await refused(/daemon\.log: a directory is in its place/);
    rmdirSync(place.paths.log);
    execFileSync("mkfifo", [place.paths.log]);
    await refused(/daemon\.log as a log: it is a pipe/);
    assert.equal((await place.run(["daemon", "logs"])).code, 1);
    rmSync(place.paths.log);
  });

  it("a relative PICTL_HOME means the same to the daemon, to its agents and to systemd's units", async () => {
    const env = { PICTL_HOME: "../h" };
    await place.ok(["daemon", "start"], { env });
    assert.equal((await status()).pid, place.daemonPid());
    const seen = await place.ok(["session", "create", "--model", "scripted/echo"], { env });
    assert.match(await place.ok(["session", "bash", "-s", seen, "echo $PICTL_HOME"], { env }), /^\/.*\/h$/m);
    const printed = await place.ok(["daemon", "install", "--print"], { env });
    assert.ok(printed.includes(`"PICTL_HOME=${place.home}"`), printed);
  });

  it("refuses a socket directory that others can enter or that is a link", async () => {
    mkdirSync(place.paths.runtimeDir, { recursive: true });
    chmodSync(place.paths.runtimeDir, 0o755);
    const open = await place.run(["session", "list"]);
    assert.equal(open.code, 9);
    assert.match(open.stderr, /\[UNSAFE_DIRECTORY\][\s\S]*chmod 700/);
    chmodSync(place.paths.runtimeDir, 0o700);

    const other = new Workspace();
    try {
      mkdirSync(join(other.root, "target"), { mode: 0o700 });
      symlinkSync(join(other.root, "target"), other.paths.runtimeDir);
      const linked = await other.run(["session", "list"]);
      assert.equal(linked.code, 9);
      assert.match(linked.stderr, /symbolic link/);
    } finally {
      const { unlinkSync } = await import("node:fs");
      unlinkSync(other.paths.runtimeDir);
      await other.dispose();
    }
  });

  it("names the line and the key of a malformed config, and exits 2", async () => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, "[daemon]\nidle_timeout = \n");
    const syntax = await place.run(["session", "list"]);
    assert.equal(syntax.code, 2, syntax.stderr);
    assert.match(syntax.stderr, /config\.toml:2\b.*\[INVALID_CONFIG\]/);
    writeFileSync(place.paths.config, "[daemon]\nidle_timout = '5m'\n");
    const key = await place.run(["session", "list"]);
    assert.equal(key.code, 2);
    assert.match(key.stderr, /config\.toml:2\b.*daemon\.idle_timout/);
    writeFileSync(place.paths.config, "");
  });

  it("leaves by itself after its idle time, with its agents", async () => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, '[daemon]\nidle_timeout = "500ms"\n');
    await place.ok(["prompt", "--model", "scripted/echo", "hello"]);
    await place.allProcessesGone();
    assert.match(place.log(), /"reason":"idle"/);
    assert.ok(!existsSync(place.paths.socket));
  });

  it("run stays in the foreground, logs what happens and no secret, ends on SIGTERM, and is refused beside another", async () => {
    const running = place.start(["daemon", "run"]);
    await running.until("stderr", "listening");
    const second = await place.run(["daemon", "run"]);
    assert.equal(second.code, 9);
    assert.match(second.stderr, /\[DAEMON_BUSY\]/);
    const secret = "sk-test-0123456789abcdefghij";
    await place.ok(["prompt", "--model", "scripted/echo", "hello"], { env: { OPENAI_API_KEY: secret } });
    assert.match(await place.ok(["daemon", "logs"]), /agent started/);
    running.child.kill("SIGTERM");
    assert.equal((await running.done).code, 0, running.transcript());
    assert.ok(!readFileSync(place.paths.log, "utf8").includes(secret));
    assert.deepEqual(place.processes(), []);
  });

  it("refuses an agent over the limit at once when nothing would make room, and stops all the same, which the waiting prompts are told", async () => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, "[limits]\nmax_live_agents = 1\n");
    await place.ok(["session", "create", "--ephemeral", "--model", "scripted/echo"]);
    const refused = await place.run(["prompt", "--new", "--model", "scripted/echo", "hi"]);
    assert.equal(refused.code, 8, refused.stderr);
    assert.match(refused.stderr, /max_live_agents/);
    await place.ok(["session", "close"]);
    // With a long turn in the only place, the next one waits, and must not start while everything ends.
    const first = place.start(["prompt", "--new", "--model", place.scenario("long-turn.json"), "go"]);
    await first.until("stdout", /\S/);
    const second = place.start([
      "prompt",
      "--new",
      "--model",
      "scripted/echo",
      "--format",
      "stream-json",
      "hi",
    ]);
    const client = await place.client();
    try {
      for (let waiting = 0; waiting < 2; ) {
        const { sessions } = await client.request("list_sessions", {});
        waiting = sessions.filter((each) => each.state === "working" || each.state === "starting").length;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } finally {
      client.close();
    }
    await place.ok(["daemon", "stop", "--now"]);
    const cut = await first.done;
    assert.equal(cut.code, 6, first.transcript());
    assert.match(cut.stderr, /aborted/);
    assert.notEqual((await second.done).code, 0);
    assert.deepEqual(place.processes(), []);
  });
});
