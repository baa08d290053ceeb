import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { lockDirectoryFor, readHolder, SessionLock } from "../../../../src/lib/session/session-lock.ts";
import { LONG } from "../../../support/speed.ts";

const MODULE = new URL("../../../../src/lib/session/session-lock.ts", import.meta.url).href;
const HOLDER = {
  pid: process.pid,
  user: "me",
  host: "here",
  runtimeDir: "/run/x",
  since: "2026-01-01",
  home: "/h",
};

/** Takes the lock again and again for a while, and says what it held; or takes it once and keeps it. */
const OTHER = `
  const { SessionLock } = await import(${JSON.stringify(MODULE)});
  const { openSync, closeSync, rmSync } = await import("node:fs");
  const [directory, rounds] = JSON.parse(process.argv[1]);
  const holder = { pid: process.pid, user: "o", host: "h", runtimeDir: "/r", since: "" };
  const take = () => SessionLock.tryAcquire(directory, "s", holder);
  if (rounds === 0) {
    const lock = take();
    process.stdout.write(lock === undefined ? "refused" : "held");
    process.stdin.resume().on("end", () => lock?.release());
  } else {
    let held = 0, broken = 0;
    while (held < rounds) {
      const lock = take();
      if (lock === undefined) continue;
      held++;
      // Two of them inside: the second fails to make the file.
      try { closeSync(openSync(directory + "/inside", "wx")); } catch { broken++; }
      rmSync(directory + "/inside", { force: true });
      lock.release();
    }
    process.stdout.write(String(broken));
  }
`;

describe("SessionLock", () => {
  let root: string;
  let directory: string;
  let others: ChildProcess[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "pictl-session-lock-"));
    directory = join(root, "pictl", "locks");
    others = [];
  });
  afterEach(async () => {
    for (const child of others) await end(child, "SIGKILL");
    rmSync(root, { recursive: true, force: true });
  });

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async function otherProcess(rounds = 0): Promise<{ child: ChildProcess; said: string }> {
    const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", OTHER];
    const child = spawn(process.execPath, [...args, JSON.stringify([directory, rounds])], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    others.push(child);
    const [said] = await once(child.stdout ?? assert.fail("no stdout"), "data");
    return { child, said: String(said) };
  }

  test("is held against others, names its holder, and leaves nothing behind", async () => {
    const lock = SessionLock.tryAcquire(directory, "s", HOLDER);
    assert.ok(lock);
    assert.equal(lock.left, undefined);
    assert.equal((await otherProcess()).said, "refused");
    assert.equal(SessionLock.tryAcquire(directory, "s", HOLDER), undefined);
    assert.deepEqual(readHolder(directory, "s"), HOLDER);
    lock.release();
    assert.deepEqual(readdirSync(directory), []);
  });

  test("is free the moment its holder is killed, whose note is found and replaced", async () => {
    const { child, said } = await otherProcess();
    assert.equal(said, "held");
    assert.equal(SessionLock.tryAcquire(directory, "s", HOLDER), undefined);
    assert.equal(readHolder(directory, "s")?.pid, child.pid);
    await end(child, "SIGKILL");
    const lock = SessionLock.tryAcquire(directory, "s", HOLDER);
    assert.equal(lock?.left?.pid, child.pid);
    assert.equal(readHolder(directory, "s")?.pid, process.pid);
    lock?.release();
    assert.deepEqual(readdirSync(directory), []);
  });

  test("is never held by two, although its file comes and goes", async () => {
    const all = await Promise.all([1, 2, 3].map(() => otherProcess(LONG ? 300 : 100)));
    assert.deepEqual(
      all.map(({ said }) => said),
      ["0", "0", "0"],
    );
  });

  test("a thousand are held at once and leave no descriptor", { skip: process.platform !== "linux" }, () => {
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    const held = Array.from({ length: 1000 }, (_, n) => SessionLock.tryAcquire(directory, `s${n}`, HOLDER));
    assert.ok(held.every((lock) => lock !== undefined));
    for (const lock of held) lock?.release();
    assert.equal(descriptors(), before);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("is for the user alone, or for all who may write to pi's directory", () => {
    for (const [mode, inDirectory, inFile] of [
      [0o755, 0o700, 0o600],
      [0o775, 0o775, 0o664],
    ] as const) {
      rmSync(join(root, "pictl"), { recursive: true, force: true });
      chmodSync(root, mode);
      const lock = SessionLock.tryAcquire(directory, "s", HOLDER);
      for (const path of [join(root, "pictl"), directory])
        assert.equal(statSync(path).mode & 0o777, inDirectory);
      for (const path of ["s", "s.json"]) assert.equal(statSync(join(directory, path)).mode & 0o777, inFile);
      lock?.release();
    }
  });

  const asRoot = { skip: process.getuid?.() === 0 ? false : "only root can give files away" };
  test("is the user's, when root makes it in the user's home", asRoot, () => {
    chownSync(root, 12_345, 12_345);
    const lock = SessionLock.tryAcquire(directory, "s", HOLDER);
    for (const path of [join(root, "pictl"), directory, join(directory, "s"), join(directory, "s.json")]) {
      assert.equal(statSync(path).uid, 12_345, path);
    }
    lock?.release();
  });

  test("a place that can't be written is an error and not a held lock", () => {
    writeFileSync(join(root, "pictl"), "");
    assert.throws(() => SessionLock.tryAcquire(directory, "s", HOLDER));
  });

  test("an id can't lead out of the directory", () => {
    const lock = SessionLock.tryAcquire(directory, "../../out", HOLDER);
    assert.ok(lock);
    assert.ok(!existsSync(join(root, "out")));
    assert.equal(readdirSync(directory).length, 2);
    lock.release();
  });

  test("a note that is damaged names nobody", () => {
    SessionLock.tryAcquire(directory, "other", HOLDER)?.release();
    for (const text of ["", "{", "null", '{"pid":"x"}']) {
      writeFileSync(join(directory, "s.json"), text);
      assert.equal(readHolder(directory, "s"), undefined);
    }
  });
});

test("the lock's directory follows from that of the session's file", () => {
  assert.equal(lockDirectoryFor("/home/u/.pi/agent/sessions/--work--"), "/home/u/.pi/agent/pictl/locks");
  assert.equal(lockDirectoryFor("/data/all"), "/data/all/.pictl/locks");
});
