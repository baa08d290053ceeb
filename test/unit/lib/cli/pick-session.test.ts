import assert from "node:assert/strict";
import { test } from "node:test";
import { pickSession } from "../../../../src/lib/cli/pick-session.ts";

test("what is typed names the session, PICTL_SESSION where nothing is, else the directory", () => {
  assert.deepEqual(pickSession("a", undefined, {}), { sessionId: "a" });
  assert.deepEqual(pickSession(undefined, "b", {}), { sessionId: "b" });
  assert.deepEqual(pickSession("a", "a", {}), { sessionId: "a" });
  assert.deepEqual(pickSession("a", "env", { PICTL_SESSION: "env" }), { sessionId: "a" });
  assert.deepEqual(pickSession(undefined, undefined, {}), { cwd: process.cwd() });
});

test("two different sessions, and an empty name, are refused", () => {
  assert.throws(() => pickSession("a", "b", {}), { code: "USAGE" });
  assert.throws(() => pickSession("", undefined, {}), { code: "USAGE" });
});
