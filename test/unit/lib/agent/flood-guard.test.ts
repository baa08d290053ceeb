import assert from "node:assert/strict";
import { test } from "node:test";
import { FloodGuard, isBrokenRecord } from "../../../../src/lib/agent/flood-guard.ts";

test("as many bytes as a minute may have, and again in the next", () => {
  let now = 0;
  const guard = new FloodGuard(1_000, () => now);
  assert.equal(guard.bytes(1_000), undefined);
  assert.match(guard.bytes(1) ?? "", /more than 1000 bytes in a minute/);
  now = 60_000;
  assert.equal(guard.bytes(1_000), undefined);
  assert.equal(new FloodGuard(0).bytes(1e12), undefined);
});

test("a thousand odd lines in a minute, and again in the next", () => {
  let now = 0;
  const guard = new FloodGuard(0, () => now);
  for (let line = 0; line < 1_000; line++) assert.equal(guard.garbage(), undefined);
  assert.match(guard.garbage() ?? "", /more than 1000 lines/);
  now = 60_000;
  assert.equal(guard.garbage(), undefined);
});

test("a broken record is told from what is none", () => {
  assert.ok(isBrokenRecord('{"type":"message_end","mess'));
  assert.ok(isBrokenRecord('npm warn {"type":"agent_settled"}'));
  assert.ok(isBrokenRecord(`{"type":"message_end","values":[${"0,".repeat(5_000_000)}0]}`));
  assert.ok(!isBrokenRecord("npm warn deprecated"));
  assert.ok(!isBrokenRecord('{"level":"info"}'));
  assert.ok(!isBrokenRecord('[{"type":"of something else"}]'));
});
