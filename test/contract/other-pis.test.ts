import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findOtherPis } from "../../src/lib/agent/other-pis.ts";
import { bundledPiCli } from "../../src/lib/agent/pi/bundled-pi.ts";
import { scaled } from "../support/speed.ts";

const options = {
  skip: process.platform === "linux" ? false : "only Linux shows other processes",
  timeout: scaled(60_000),
};

// pi gives itself a title, by which it is known, and takes the mark of an agent from its environment.
test(
  "a real pi is found with its directory and start; an agent isn't, the pi of an agent's tool is",
  options,
  async (t) => {
    const home = realpathSync(mkdtempSync(join(tmpdir(), "pictl-pis-")));
    t.after(() => rmSync(home, { recursive: true, force: true }));
    const mark = { PICTL_AGENT_OF: home, PICTL_DAEMON_PID: "1" };
    const startedAt = Date.now();
    const start = async (env: Record<string, string>) => {
      const pi = process.env.PICTL_TEST_PI ?? bundledPiCli();
      const child = spawn(process.execPath, [pi, "--mode", "rpc", "--no-session"], {
        cwd: home,
        env: { PATH: process.env.PATH, HOME: home, PI_CODING_AGENT_DIR: home, PI_OFFLINE: "1", ...env },
        stdio: ["pipe", "pipe", "inherit"],
      });
      const closed = once(child, "close");
      t.after(async () => {
        child.stdin.end();
        await closed;
      });
      child.stdin.write('{"id":"1","type":"get_state"}\n');
      await once(child.stdout, "data");
      return child.pid ?? assert.fail("pi did not start");
    };
    const [alone, agent, ofTool] = await Promise.all([
      start({}),
      start(mark),
      start({ ...mark, PI_CODING_AGENT: "true" }),
    ]);
    const found = findOtherPis()?.filter(({ cwd }) => cwd === home) ?? [];
    assert.deepEqual(found.map(({ pid }) => pid).sort(), [alone, ofTool].sort());
    assert.ok(!found.some(({ pid }) => pid === agent));
    for (const { startedAt: at } of found) assert.ok(Math.abs(at - startedAt) < 3_000, `${at} ${startedAt}`);
  },
);
