import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { InstanceLock } from "../../../../src/lib/daemon/lock.ts";

const LOCK_MODULE = new URL("../../../../src/lib/daemon/lock.ts", import.meta.url).href;

/** Says on stdout whether it got the lock, and then holds it until its stdin ends. */
const HOLDER = `
  const { InstanceLock } = await import(${JSON.stringify(LOCK_MODULE)});
  const lock = InstanceLock.acquire(JSON.parse(process.argv[1]));
  process.stdout.write(lock === undefined ? "refused" : "held");
  process.stdin.resume().on("end", () => lock?.release());
`;

describe("InstanceLock", () => {
  let dir: string;
  let paths: { lock: string; pid: string };
  let holders: ChildProcess[];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-lock-"));
    paths = { lock: join(dir, "daemon.lock"), pid: join(dir, "daemon.pid") };
    holders = [];
  });

  afterEach(async () => {
    for (const child of holders) await end(child, "SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  });

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** A process that tries to get the lock, and what it said. */
  async function tryInProcess(): Promise<{ child: ChildProcess; said: string }> {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", HOLDER, JSON.stringify(paths)],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    holders.push(child);
    if (child.stdout === null) throw new Error("no stdout");
    const [said] = await once(child.stdout, "data");
    return { child, said: String(said) };
  }

  test("a second one gets nothing, in this process and in another", async () => {
    const lock = InstanceLock.acquire(paths);
    assert.ok(lock);
    assert.equal(InstanceLock.acquire(paths), undefined);
    assert.equal((await tryInProcess()).said, "refused");
    lock.release();
    const next = InstanceLock.acquire(paths);
    assert.ok(next);
    next.release();
  });

  test("is held against this process by another, and free the moment that one is killed", async () => {
    const { child, said } = await tryInProcess();
    assert.equal(said, "held");
    assert.equal(readFileSync(paths.pid, "utf8"), `${child.pid}\n`);
    assert.equal(InstanceLock.acquire(paths), undefined);
    assert.equal(
      readFileSync(paths.pid, "utf8"),
      `${child.pid}\n`,
      "the loser must leave the pid file alone",
    );
    await end(child, "SIGKILL");
    const lock = InstanceLock.acquire(paths);
    assert.ok(lock);
    assert.equal(readFileSync(paths.pid, "utf8"), `${process.pid}\n`);
    lock.release();
  });

  test("of many at once exactly one gets it", async () => {
    const tries = await Promise.all(Array.from({ length: 4 }, () => tryInProcess()));
    assert.deepEqual(tries.map(({ said }) => said).sort(), ["held", "refused", "refused", "refused"]);
  });

  test("an empty or stale file left over doesn't count as held", () => {
    writeFileSync(paths.lock, "");
    writeFileSync(paths.pid, "999999\n");
    const lock = InstanceLock.acquire(paths);
    assert.ok(lock);
    lock.release();
  });

  test("a place that can't be written is an error and not a held lock", () => {
    const blocked = join(dir, "blocked");
    writeFileSync(blocked, "");
    assert.throws(() =>
      InstanceLock.acquire({ lock: join(blocked, "daemon.lock"), pid: join(blocked, "daemon.pid") }),
    );
  });

  test("the pid file is for the user alone", () => {
    const lock = InstanceLock.acquire(paths);
    assert.equal(statSync(paths.pid).mode & 0o777, 0o600);
    lock?.release();
  });
});
