import assert from "node:assert/strict";
import { test } from "node:test";
import { pickSession } from "../../../../src/lib/cli/pick-session.ts";

test("what is typed names the session, PICTL_SESSION where nothing is, else the directory", () => {
  // The directory goes along with a name, which belongs to it.
  const cwd = process.cwd();
  assert.deepEqual(pickSession("a", undefined, {}), { sessionId: "a", cwd });
  assert.deepEqual(pickSession(undefined, "b", {}), { sessionId: "b", cwd });
  assert.deepEqual(pickSession("a", "a", {}), { sessionId: "a", cwd });
  assert.deepEqual(pickSession("a", "env", { PICTL_SESSION: "env" }), { sessionId: "a", cwd });
  assert.deepEqual(pickSession(undefined, undefined, {}), { cwd });
});

test("two different sessions, and an empty name, are refused", () => {
  assert.throws(() => pickSession("a", "b", {}), { code: "USAGE" });
  assert.throws(() => pickSession("", undefined, {}), { code: "USAGE" });
});
