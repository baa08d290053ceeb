import assert from "node:assert/strict";
import { test } from "node:test";
import { limitsBeyond, limitsOf, limitsToSet } from "../../../../src/lib/core/resource-limits.ts";

const OWN = { nofile: [1024, 4096], nproc: [100, null], core: [0, null] } as const;

test("only what differs is set, and nothing above the own hard limits", () => {
  assert.deepEqual(limitsToSet(OWN, OWN), {});
  assert.deepEqual(limitsToSet({ nofile: [512, 8192], nproc: [null, null], core: [0, 0] }, OWN), {
    nofile: [512, 4096],
    nproc: [null, null],
    core: [0, 0],
  });
  assert.deepEqual(limitsToSet({ nofile: [null, null] }, OWN), { nofile: [4096, 4096] });
  assert.deepEqual(limitsToSet({ unheardOf: [1, 1] }, OWN), {});
});

test("what can't be had is named", () => {
  assert.deepEqual(limitsBeyond({ nofile: [512, null], nproc: [1, null], core: [0, 0] }, OWN), ["nofile"]);
});

test("a process that isn't there has none", () => assert.equal(limitsOf(2 ** 22 + 1), undefined));
