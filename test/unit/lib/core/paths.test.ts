import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  checkRuntimeDir,
  directoriesToRepositoryRoot,
  ensurePrivateDir,
  resolvePaths,
} from "../../../../src/lib/core/paths.ts";

function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "pictl-paths-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("places follow the XDG variables", () => {
  const paths = resolvePaths(
    {
      HOME: "/home/u",
      XDG_RUNTIME_DIR: "/run/user/7",
      XDG_STATE_HOME: "/s",
      XDG_DATA_HOME: "/d",
      XDG_CONFIG_HOME: "/c",
    },
    7,
  );
  assert.deepEqual(paths, {
    runtimeDir: "/run/user/7/pictl",
    socket: "/run/user/7/pictl/daemon.sock",
    lock: "/run/user/7/pictl/daemon.lock",
    pid: "/run/user/7/pictl/daemon.pid",
    stateDir: "/s/pictl",
    registry: "/s/pictl/registry.db",
    log: "/s/pictl/daemon.log",
    sandboxLog: "/s/pictl/sandbox.log",
    agentPlaces: "/s/pictl/agent-places",
    dataDir: "/d/pictl",
    history: "/d/pictl/history.db",
    configDir: "/c/pictl",
    config: "/c/pictl/config.toml",
  });
});

test("without them they lie under HOME and the temporary directory, and relative values are ignored", () => {
  for (const env of [{}, { XDG_STATE_HOME: "rel", XDG_CONFIG_HOME: "", XDG_RUNTIME_DIR: "run" }]) {
    const paths = resolvePaths({ HOME: "/home/u", TMPDIR: "/var/tmp", ...env }, 7);
    assert.equal(paths.stateDir, "/home/u/.local/state/pictl");
    assert.equal(paths.dataDir, "/home/u/.local/share/pictl");
    assert.equal(paths.config, "/home/u/.config/pictl/config.toml");
    assert.equal(paths.runtimeDir, "/var/tmp/pictl-7");
  }
});

test("PICTL_HOME holds everything, whatever else is set", () => {
  const paths = resolvePaths(
    { HOME: "/home/u", XDG_RUNTIME_DIR: "/run/user/7", XDG_STATE_HOME: "/s", PICTL_HOME: "/jobs/1" },
    7,
  );
  for (const [name, path] of Object.entries(paths))
    assert.ok(path.startsWith("/jobs/1/"), `${name}: ${path}`);
});

test("a socket path never exceeds 100 bytes, and two long homes never share one", () => {
  const long = (letter: string) => `/${letter.repeat(120)}`;
  const envs = [
    { PICTL_HOME: long("a") },
    { PICTL_HOME: long("b") },
    { XDG_RUNTIME_DIR: long("c") },
    { PICTL_HOME: long("d"), TMPDIR: long("e") },
    { TMPDIR: long("f") },
    // Counted in bytes: these are 45 characters of three.
    { PICTL_HOME: `/${"あ".repeat(45)}` },
  ];
  const sockets = envs.map((env) => resolvePaths({ HOME: "/h", TMPDIR: "/tmp", ...env }, 7).socket);
  for (const socket of sockets) assert.ok(Buffer.byteLength(socket) <= 100, socket);
  assert.notEqual(sockets[0], sockets[1]);
  assert.equal(
    resolvePaths({ HOME: "/h", PICTL_HOME: long("a") }, 7).socket,
    resolvePaths({ HOME: "/h", PICTL_HOME: long("a") }, 7).socket,
  );
});

test("a private directory is closed to everybody else, with its parents", (t) => {
  const dir = join(temporaryDirectory(t), "a", "b");
  ensurePrivateDir(dir);
  ensurePrivateDir(dir);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
});

test("a directory that can't be made is a storage error naming it", (t) => {
  const file = join(temporaryDirectory(t), "file");
  writeFileSync(file, "");
  assert.throws(() => ensurePrivateDir(join(file, "dir")), {
    code: "STORAGE_UNAVAILABLE",
    message: /not a directory/,
  });
});

test("the socket directory is taken only when it is a real one, the user's own and closed", (t) => {
  const root = temporaryDirectory(t);
  const dir = join(root, "run");
  assert.equal(checkRuntimeDir(dir), false);
  mkdirSync(dir, { mode: 0o700 });
  assert.equal(checkRuntimeDir(dir), true);

  assert.throws(() => checkRuntimeDir(dir, userInfo().uid + 1), {
    code: "UNSAFE_DIRECTORY",
    message: /belongs to user/,
  });
  for (const mode of [0o755, 0o710, 0o702]) {
    chmodSync(dir, mode);
    assert.throws(() => checkRuntimeDir(dir), {
      code: "UNSAFE_DIRECTORY",
      exitCode: 9,
      message: /open to other users/,
      hint: /chmod 700/,
    });
  }
  chmodSync(dir, 0o700);
  symlinkSync(dir, join(root, "link"));
  assert.throws(() => checkRuntimeDir(join(root, "link")), {
    code: "UNSAFE_DIRECTORY",
    message: /symbolic link/,
  });
  writeFileSync(join(root, "file"), "");
  assert.throws(() => checkRuntimeDir(join(root, "file")), {
    code: "UNSAFE_DIRECTORY",
    message: /not a directory/,
  });
});

test("a directory's chain ends at the repository root, and is itself alone outside of one", () => {
  const isRoot = (dir: string) => dir === "/home/u/repo";
  assert.deepEqual(directoriesToRepositoryRoot("/home/u/repo/a/b", isRoot), [
    "/home/u/repo/a/b",
    "/home/u/repo/a",
    "/home/u/repo",
  ]);
  assert.deepEqual(directoriesToRepositoryRoot("/home/u/repo", isRoot), ["/home/u/repo"]);
  assert.deepEqual(directoriesToRepositoryRoot("/home/u/other/x", isRoot), ["/home/u/other/x"]);
});

test("a root below a place of agents doesn't end a directory's chain", () => {
  const chain = (dir: string, roots: string[], places: string[]) =>
    directoriesToRepositoryRoot(
      dir,
      (each) => roots.includes(each),
      () => places,
    );
  const roots = ["/home/u/repo", "/home/u/repo/a"];
  const whole = ["/home/u/repo/a/b", "/home/u/repo/a", "/home/u/repo"];
  assert.deepEqual(chain("/home/u/repo/a/b", roots, ["/home/u/repo"]), whole);
  assert.deepEqual(chain("/home/u/repo/a/b", roots, ["/home/u/rep"]), whole.slice(0, 2));
  assert.deepEqual(chain("/home/u/repo/a/b", roots, ["/home/u/repo/a"]), whole.slice(0, 2));
  assert.deepEqual(
    chain("/home/u/repo/a/b", roots, ["/home/u"]),
    whole,
    "none is above: the outermost ends it",
  );
  assert.deepEqual(chain("/home/u/repo/a/b", [], ["/home/u"]), ["/home/u/repo/a/b"]);
});
