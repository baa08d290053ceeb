import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Running, Workspace } from "../support/workspace.ts";

const BIN = fileURLToPath(new URL("../../bin/run.js", import.meta.url));
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
const withoutSystemd = hasSystemd ? false : "systemd-analyze is not installed";

describe("systemd", () => {
  let place: Workspace;
  let units: string;
  beforeEach(() => {
    place = new Workspace();
    place.env.XDG_CONFIG_HOME = join(place.root, "config with 100% $pace");
    place.env.XDG_RUNTIME_DIR = join(place.root, "r");
    units = join(place.env.XDG_CONFIG_HOME, "systemd", "user");
  });
  afterEach(() => place.dispose());

  const install = (...args: string[]) => place.run(["daemon", "install", ...args]);
  const file = (name: string) => join(units, name);

  it("install writes a socket and a service, says what to run next, and uninstall removes them", async () => {
    const printed = await place.ok(["daemon", "install", "--print"]);
    assert.ok(!existsSync(units), "--print wrote something");
    const { stdout, code } = await install();
    assert.equal(code, 0);
    assert.match(stdout, /systemctl --user daemon-reload\n +systemctl --user enable --now pictl\.socket/);
    for (const name of ["pictl.socket", "pictl.service"]) {
      assert.ok(printed.includes(readFileSync(file(name), "utf8").trim()), name);
    }
    const socket = readFileSync(file("pictl.socket"), "utf8");
    assert.ok(socket.includes(`ListenStream=${place.paths.socket}\n`), socket);
    assert.match(socket, /^SocketMode=0600$/m);
    assert.match(socket, /^DirectoryMode=0700$/m);
    // Its own files may be written again.
    assert.equal((await install()).code, 0);
    mkdirSync(join(units, "sockets.target.wants"));
    symlinkSync(file("pictl.socket"), join(units, "sockets.target.wants", "pictl.socket"));
    const removed = await place.json<{ removed: string[] }>(["daemon", "uninstall"]);
    assert.deepEqual(removed.removed, [file("pictl.socket"), file("pictl.service")]);
    for (const name of ["pictl.socket", "pictl.service", "sockets.target.wants/pictl.socket"]) {
      assert.ok(!existsSync(file(name)), `${name} is left`);
    }
    assert.match(await place.ok(["daemon", "uninstall"]), /nothing to remove/);
  });

  it("files that something else wrote are neither replaced nor removed", async () => {
    mkdirSync(units, { recursive: true });
    writeFileSync(file("pictl.service"), "[Service]\nExecStart=/bin/true\n");
    const { code, stderr } = await install();
    assert.equal(code, 2);
    assert.match(stderr, /pictl\.service was not written by pictl.*\[INVALID_INPUT\]/);
    assert.ok(!existsSync(file("pictl.socket")), "one of two was written");
    const { stderr: kept } = await place.run(["daemon", "uninstall"]);
    assert.match(kept, /was not written by pictl and stays/);
    assert.ok(existsSync(file("pictl.service")));
  });

  it("systemd finds nothing wrong with them, strange paths included", { skip: withoutSystemd }, async () => {
    await install();
    const verify = promisify(execFile)(
      "systemd-analyze",
      ["--user", "verify", file("pictl.socket"), file("pictl.service")],
      { env: { ...process.env, HOME: place.root, XDG_RUNTIME_DIR: place.root } },
    );
    const { stdout, stderr } = await verify;
    const about = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("pictl"));
    assert.deepEqual(about, []);
  });

  /** Runs the daemon as systemd would: with a listening socket at descriptor 3, and its own pid in the environment. */
  async function activate(t: TestContext): Promise<Running> {
    mkdirSync(place.paths.runtimeDir, { recursive: true, mode: 0o700 });
    const { socket } = place.paths;
    rmSync(socket, { force: true });
    const server = createServer().listen(socket);
    t.after(() => server.close());
    await once(server, "listening");
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const script = `LISTEN_PID=$$ LISTEN_FDS=1 exec '${process.execPath}' '${BIN}' daemon run`;
    const child = spawn("/bin/sh", ["-c", script], {
      cwd: place.cwd,
      env: place.env as NodeJS.ProcessEnv,
      stdio: ["ignore", "pipe", "pipe", fd],
    });
    const daemon = new Running(child, "daemon run");
    // Closing it here must leave the socket's file, as it is still open there.
    renameSync(socket, `${socket}.kept`);
    await new Promise((resolve) => server.close(resolve));
    renameSync(`${socket}.kept`, socket);
    return daemon;
  }

  it("the daemon serves the socket that systemd hands over, and leaves it where it is", async (t) => {
    const daemon = await activate(t);
    const { ino } = statSync(place.paths.socket);
    await daemon.until("stderr", '"activated":true');
    assert.match(await place.ok(["prompt", "--model", "scripted/echo", "hello"]), /hello/);
    const pid = place.daemonPid();
    assert.equal(statSync(place.paths.socket).ino, ino);
    // The lock is the same: no second daemon beside it.
    const second = await place.run(["daemon", "run"]);
    assert.equal(second.code, 9, second.stderr);
    assert.equal(statSync(place.paths.socket).ino, ino);
    assert.match(await place.ok(["daemon", "stop"]), new RegExp(`process ${pid}`));
    assert.equal((await daemon.done).code, 0, daemon.transcript());
    assert.equal(statSync(place.paths.socket).ino, ino, "systemd's socket was removed");
    // Without systemd nobody listens there any more, and the next command starts a daemon of its own.
    assert.match(await place.ok(["prompt", "again"]), /hello/);
  });

  it("variables that are meant for another process are no activation", async () => {
    const running = place.start(["daemon", "run"], { env: { LISTEN_FDS: "1", LISTEN_PID: "1" } });
    await running.until("stderr", "listening");
    assert.doesNotMatch(running.stderr, /activated/);
    assert.match(await place.ok(["daemon", "status"]), /running/);
    running.child.kill("SIGTERM");
    assert.equal((await running.done).code, 0);
  });

  it("one that is activated waits for the daemon before it", async (t) => {
    await place.ok(["daemon", "start"]);
    const before = place.daemonPid() ?? 0;
    const daemon = await activate(t);
    await daemon.until("stderr", "waiting for the daemon before this one");
    process.kill(before, "SIGTERM");
    await daemon.until("stderr", '"activated":true');
    assert.notEqual(place.daemonPid(), before);
    assert.match(await place.ok(["prompt", "--model", "scripted/echo", "hello"]), /hello/);
    assert.match(await place.ok(["daemon", "stop"]), /Stopped/);
    await daemon.done;
    rmSync(place.paths.socket);
  });
});
