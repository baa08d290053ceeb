import assert from "node:assert/strict";
import { test } from "node:test";
import { checkedAnswer } from "../../../../src/lib/agent/answers.ts";
import type { PictlError } from "../../../../src/lib/core/errors.ts";

const STATE = { isStreaming: false, isCompacting: false, sessionId: "a", messageCount: 0 };

test("an answer is given as it came, with what pictl doesn't read", () => {
  for (const [type, data] of [
    ["get_state", { ...STATE, autoCompactionEnabled: true }],
    ["get_fork_messages", { messages: [{ entryId: "00000001", text: "hello" }] }],
    ["bash", undefined],
    ["toString", "of no command"],
  ] as const)
    assert.equal(checkedAnswer(type, data), data);
});

test("an answer of another shape is refused, with the place", () => {
  for (const [type, data, place] of [
    ["get_state", null, "("],
    ["get_state", { ...STATE, sessionFile: { path: "x" } }, "(sessionFile: "],
    ["get_state", { ...STATE, model: "m" }, "(model: "],
    ["get_fork_messages", {}, "(messages: "],
    ["get_fork_messages", { messages: [{ entryId: "a" }, null] }, "(messages.1: "],
    ["get_available_models", { models: {} }, "(models: "],
    ["clear_queue", { steering: [1], followUp: [] }, "(steering.0: "],
    ["get_session_stats", { sessionId: "a", tokens: {} }, "(userMessages: "],
    ["get_commands", { commands: [{ name: "x", source: 3 }] }, "(commands.0.source: "],
    ["clone", [], "("],
  ] as const)
    assert.throws(
      () => checkedAnswer(type, data),
      ({ code, message }: PictlError) =>
        code === "AGENT_COMMAND_FAILED" &&
        message.startsWith(`pi answered ${type} with something else ${place}`),
    );
});
