import assert from "node:assert/strict";
import { test } from "node:test";
import { selectSessions } from "../../../../src/lib/cli/select-sessions.ts";
import type { SessionInfo } from "../../../../src/lib/protocol/session.ts";

test("sessions are selected by each state that the list shows", () => {
  const sessions = [
    { id: "rests", state: "parked" },
    { id: "cut", state: "parked", interrupted: true },
    { id: "used", state: "parked", usedElsewhere: true },
  ] as unknown as SessionInfo[];
  const inState = (state: "cut" | "elsewhere" | "parked" | "idle") =>
    selectSessions(sessions, { state }).map(({ id }) => id);
  assert.deepEqual(inState("cut"), ["cut"]);
  assert.deepEqual(inState("elsewhere"), ["used"]);
  assert.deepEqual(inState("parked"), ["rests", "cut", "used"]);
  assert.deepEqual(inState("idle"), []);
});
