import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import {
  endLeftovers,
  endLeftoversOfDaemon,
  endLeftoversOfDeadDaemons,
  hasLeftovers,
} from "../../src/lib/agent/leftovers.ts";
import { scaled } from "../support/speed.ts";

const LINUX = process.platform === "linux" ? false : "only Linux shows another process's environment";

describe("leftovers", { skip: LINUX, timeout: scaled(60_000) }, () => {
  let place: string;
  let started: ChildProcess[];
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), "pictl-leftovers-"));
    started = [];
  });
  afterEach(() => {
    for (const child of started) child.kill("SIGKILL");
    rmSync(place, { recursive: true, force: true });
  });

  /** A process in a group of its own that carries the marks of an agent, or of a command that pi has run. */
  async function start(
    marks: { agent: string; daemon?: number; runByPi?: boolean; of?: string },
    script = "exec sleep 600",
  ) {
    const child = spawn("/bin/sh", ["-c", `echo up; ${script}`], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
      env: {
        PATH: process.env.PATH,
        PICTL_AGENT_OF: marks.of ?? place,
        PICTL_DAEMON_PID: String(marks.daemon ?? 1),
        PICTL_AGENT_ID: marks.agent,
        ...(marks.runByPi ? { PI_CODING_AGENT: "true" } : {}),
      },
    });
    started.push(child);
    await once(child.stdout, "data");
    return child;
  }
  const isAlive = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

  test("of one agent end, also when they don't want to, and no other's", async () => {
    const mine = await start({ agent: "a", runByPi: true });
    const stubborn = await start({ agent: "a", runByPi: true }, "trap '' TERM; while :; do sleep 0.1; done");
    const stopped = await start({ agent: "a", runByPi: true });
    stopped.kill("SIGSTOP");
    const others = await start({ agent: "b", runByPi: true });
    const elsewhere = await start({ agent: "a", runByPi: true, of: `${place}2` });
    const ends = Promise.all([mine, stubborn, stopped].map((child) => once(child, "exit")));
    const { ended, left } = await endLeftovers(place, "a");
    assert.deepEqual(left, []);
    for (const { pid } of [mine, stubborn, stopped]) assert.ok(ended.includes(pid ?? 0));
    const [[, signal]] = (await ends) as [[number, string]];
    assert.equal(signal, "SIGTERM", "it had no chance to end by itself");
    assert.ok(isAlive(others) && isAlive(elsewhere));
  });

  test("are what doesn't descend from the agent, which can be kept", async () => {
    const agent = await start({ agent: "a" }, "PI_CODING_AGENT=true sleep 600 & wait");
    const pid = agent.pid ?? 0;
    assert.equal(hasLeftovers(place, "a", pid), false, "a helper of the agent counts as left");
    const background = await start({ agent: "a", runByPi: true });
    assert.equal(hasLeftovers(place, "a", pid), true);
    const { ended } = await endLeftovers(place, "a", pid);
    assert.deepEqual(ended, [background.pid]);
    assert.ok(isAlive(agent));
    assert.equal(hasLeftovers(place, "a", pid), false);
    await endLeftovers(place, "a");
  });

  test("of a dead daemon end with its agents, who may first end by themselves; those of this one don't", async () => {
    const orderly = await start({ agent: "a", daemon: 1 }, "sleep 0.3; exit 7");
    const stuck = await start({ agent: "b", daemon: 1 });
    const tool = await start({ agent: "b", daemon: 1, runByPi: true });
    const own = await start({ agent: "c", daemon: process.pid });
    const end = once(orderly, "exit");
    const { ended, left } = (await endLeftoversOfDeadDaemons(place, process.pid, 2_000)) ?? assert.fail();
    assert.deepEqual((await end)[0], 7, "it had no chance to end by itself");
    assert.deepEqual(left, []);
    for (const { pid } of [stuck, tool]) assert.ok(ended.includes(pid ?? 0));
    assert.ok(isAlive(own));
    assert.deepEqual((await endLeftoversOfDaemon(place, process.pid)).ended, [own.pid]);
  });
});
