import assert from "node:assert/strict";
import { test } from "node:test";
import {
  modelCandidates,
  sessionCandidates,
} from "../../../../../src/lib/cli/completion/session-candidates.ts";
import type { SessionInfo } from "../../../../../src/lib/protocol/session.ts";

function session(id: string, rest: Partial<SessionInfo> = {}): SessionInfo {
  return {
    id,
    state: "idle",
    cwd: "/w",
    messages: 1,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
    cost: 0,
    createdAt: 0,
    modifiedAt: 0,
    current: false,
    ephemeral: false,
    queued: 0,
    origin: "pictl",
    ...rest,
  };
}

test("a session goes by its name, or by its short id where the name names no session or several", () => {
  const sessions = [
    session("aaaaaaaa-1111", { name: "my review", firstMessage: "look\nat this" }),
    session("bbbbbbbb-2222", { firstMessage: "hello" }),
    session("cccccccc-3333", { name: "twice" }),
    session("dddddddd-4444", { name: "twice" }),
    session("eeeeeeee-5555", { name: "--all" }),
    session("ffffffff-6666", { name: "a\u001b[2Jb" }),
  ];
  assert.deepEqual(
    sessionCandidates(sessions, "").map(({ value }) => value),
    ["my review", "bbbbbbbb", "cccccccc", "dddddddd", "eeeeeeee", "ffffffff"],
  );
  assert.equal(sessionCandidates(sessions, "aa")[0]?.value, "aaaaaaaa", "an id was begun");
  assert.equal(sessionCandidates(sessions, "")[0]?.about, "idle · look at this");
  assert.ok(!sessionCandidates(sessions, "").some(({ about }) => about?.includes("\u001b")));
});

test("models are those in use, each once", () => {
  const sessions = [session("a", { model: "x/y" }), session("b"), session("c", { model: "x/y" })];
  assert.deepEqual(modelCandidates(sessions), [{ value: "x/y" }, { value: "scripted/echo" }]);
});
