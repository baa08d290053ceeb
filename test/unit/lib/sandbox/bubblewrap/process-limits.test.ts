import assert from "node:assert/strict";
import { test } from "node:test";
import { limitArguments } from "../../../../../src/lib/sandbox/bubblewrap/process-limits.ts";

const POLICY = { maxProcesses: 512, maxMemory: 4_000_000 };

test("the policy's limits are lowered to what can't be raised any more", () => {
  const [, processes, memory] = limitArguments(POLICY, { nproc: [50, 100] }, { data: [null, 1_000_000] });
  assert.deepEqual([processes, memory], ["--nproc=100", "--data=1000000"]);
});

test("without lower ones the policy's hold", () => {
  const [, processes, memory] = limitArguments(POLICY, { nproc: [50, null] }, { data: [1, 9_000_000] });
  assert.deepEqual([processes, memory], ["--nproc=512", "--data=4000000"]);
});
