import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentState } from "../../../../src/lib/agent/agent.ts";
import { movedAwayError } from "../../../../src/lib/session/moved-away.ts";

const record = { id: "s1", cwd: "/p", file: "/p/kept/t_s1.jsonl" };

function moved(state: Partial<AgentState>, session: Parameters<typeof movedAwayError>[0] = record) {
  return movedAwayError(session, { sessionId: "s1", ...state } as AgentState)?.code;
}

test("an agent is where it should be however its file is named, and before there is one", () => {
  for (const sessionFile of ["/p/kept/t_s1.jsonl", "kept/t_s1.jsonl", "./kept/t_s1.jsonl"])
    assert.equal(moved({ sessionFile }), undefined, sessionFile);
  assert.equal(moved({ sessionFile: "/p/new.jsonl" }, { id: "s1", cwd: "/p" }), undefined);
});

test("an agent has moved when it holds another session, or another file", () => {
  assert.equal(moved({ sessionId: "s2", sessionFile: record.file }), "TURN_FAILED");
  assert.equal(moved({ sessionFile: "/p/other/t_s1.jsonl" }), "TURN_FAILED");
});
