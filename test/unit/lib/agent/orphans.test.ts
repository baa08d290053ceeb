import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { findOrphanedAgents } from "../../../../src/lib/agent/orphans.ts";

const onLinux = {
  skip: process.platform === "linux" ? false : "only Linux shows another process's environment",
};
const PLACE = `/nowhere/pictl-test-${process.pid}`;

async function start(
  t: TestContext,
  env: Record<string, string>,
  // Waits itself: while a process becomes another program, the kernel shows nothing of its environment.
  script = "echo ready; read -r _",
): Promise<number> {
  const child: ChildProcess = spawn("/bin/sh", ["-c", script], {
    env: { PATH: process.env.PATH, PICTL_AGENT_OF: PLACE, ...env },
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const pid = child.pid ?? assert.fail("it did not start");
  t.after(async () => {
    const closed = once(child, "close");
    process.kill(-pid, "SIGKILL");
    await closed;
  });
  await once(child.stdout ?? assert.fail(), "data");
  return pid;
}

/** The id of a process that has ended and was reaped. */
function deadPid(): number {
  return spawnSync("/bin/true").pid;
}

test("an agent whose daemon is gone is found, with the daemon's pid", onLinux, async (t) => {
  const daemonPid = deadPid();
  const pid = await start(t, { PICTL_DAEMON_PID: String(daemonPid) });
  assert.deepEqual(findOrphanedAgents(PLACE, process.pid), [{ pid, daemonPid }]);
  assert.deepEqual(findOrphanedAgents(PLACE, undefined), [{ pid, daemonPid }]);
});

test("agents of the running daemon and of another place are left alone", onLinux, async (t) => {
  await start(t, { PICTL_DAEMON_PID: String(process.pid) });
  await start(t, { PICTL_DAEMON_PID: String(deadPid()), PICTL_AGENT_OF: `${PLACE}-other` });
  assert.deepEqual(findOrphanedAgents(PLACE, process.pid), []);
  assert.deepEqual(findOrphanedAgents(PLACE, undefined), []);
});

test("a living process that isn't the running daemon owns no agent", onLinux, async (t) => {
  const pid = await start(t, { PICTL_DAEMON_PID: String(process.ppid) });
  assert.deepEqual(findOrphanedAgents(PLACE, process.pid), [{ pid, daemonPid: process.ppid }]);
  assert.deepEqual(findOrphanedAgents(PLACE, undefined), []);
});

test("a command that an agent started is not an agent", onLinux, async (t) => {
  await start(t, { PICTL_DAEMON_PID: String(deadPid()), PI_CODING_AGENT: "true" });
  assert.deepEqual(findOrphanedAgents(PLACE, process.pid), []);
});

test("a wrapper and the program inside it are one agent", onLinux, async (t) => {
  const daemonPid = deadPid();
  const pid = await start(t, { PICTL_DAEMON_PID: String(daemonPid) }, "sleep 600 & echo ready; wait");
  assert.deepEqual(findOrphanedAgents(PLACE, process.pid), [{ pid, daemonPid }]);
});
