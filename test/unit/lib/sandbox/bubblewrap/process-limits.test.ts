import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceLimits } from "../../../../../src/lib/core/resource-limits.ts";
import { limitArguments } from "../../../../../src/lib/sandbox/bubblewrap/process-limits.ts";

const POLICY = { maxProcesses: 512, maxMemory: 4_000_000, maxOpenFiles: 900 };

test("the policy's limits are lowered to what can't be raised any more", () => {
  const [, processes, memory] = limitArguments(POLICY, { nproc: [50, 100] }, { data: [null, 1_000_000] });
  assert.deepEqual([processes, memory], ["--nproc=100", "--data=1000000"]);
});

test("without lower ones the policy's hold", () => {
  const [, processes, memory] = limitArguments(POLICY, { nproc: [50, null] }, { data: [1, 9_000_000] });
  assert.deepEqual([processes, memory], ["--nproc=512", "--data=4000000"]);
});

test("open files are bounded for good, and at first as low as for whoever starts it", () => {
  const found = (set: ResourceLimits, own: ResourceLimits) =>
    limitArguments(POLICY, set, own).find((word) => word.startsWith("--nofile="));
  assert.equal(found({}, { nofile: [256, 4096] }), "--nofile=256:900");
  assert.equal(found({}, { nofile: [4096, 4096] }), "--nofile=900:900");
  assert.equal(found({ nofile: [100, 200] }, { nofile: [4096, 4096] }), "--nofile=100:200");
  assert.equal(found({}, {}), "--nofile=900:900");
});

test("of what a user has altogether there is half", () => {
  const limits = limitArguments(POLICY, {}, { sigpending: [300, 9000], msgqueue: [819_200, 819_200] });
  assert.ok(limits.includes("--sigpending=150"));
  assert.ok(limits.includes("--msgqueue=409600"));
  const free = limitArguments(POLICY, {}, { sigpending: [null, null] });
  assert.ok(free.includes("--sigpending=1024"));
});
