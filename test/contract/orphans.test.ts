import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findOrphanedAgents } from "../../src/lib/agent/orphans.ts";
import { bundledPiCli } from "../../src/lib/agent/pi/bundled-pi.ts";
import { scaled } from "../support/speed.ts";

const options = {
  skip: process.platform === "linux" ? false : "only Linux shows another process's environment",
  timeout: scaled(60_000),
};

// pi overwrites its command line with its title and marks the commands it runs; both decide what is found.
test("a real pi is found by its mark, and a command that it runs is not", options, async (t) => {
  const home = mkdtempSync(join(tmpdir(), "pictl-orphans-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const child = spawn(process.execPath, [bundledPiCli(), "--mode", "rpc", "--no-session"], {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      PI_CODING_AGENT_DIR: home,
      PI_OFFLINE: "1",
      PICTL_AGENT_OF: home,
      PICTL_DAEMON_PID: "1",
    },
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const closed = once(child, "close");
  const pid = child.pid ?? assert.fail("pi did not start");
  t.after(async () => {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended.
    }
    await closed;
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  const command = "sleep 600 >/dev/null 2>&1 & echo started=$!";
  child.stdin.write(`${JSON.stringify({ id: "1", type: "bash", command })}\n`);
  while (!output.includes('"type":"response"')) await Promise.race([once(child.stdout, "data"), closed]);
  const background = Number(/started=(\d+)/.exec(output)?.[1] ?? assert.fail(output));
  t.after(() => process.kill(background, "SIGKILL"));
  assert.deepEqual(findOrphanedAgents(home, process.pid), [{ pid, daemonPid: 1 }]);
});
