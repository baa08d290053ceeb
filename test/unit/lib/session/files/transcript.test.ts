import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionEntry } from "@earendil-works/pi-coding-agent";
import { forkPoints, toTranscript } from "../../../../../src/lib/session/files/transcript.ts";
import { SessionBuilder, START, usage } from "./session-fixture.ts";

const entriesOf = (session: SessionBuilder) => session.entries as unknown as SessionEntry[];

test("the active branch as messages, user messages numbered", () => {
  const session = new SessionBuilder();
  session.message({ role: "system", content: "You are" });
  const first = session.user("one");
  session.assistant([
    { type: "thinking", thinking: "hm" },
    { type: "thinking", thinking: "", redacted: true },
    { type: "text", text: "I'll look" },
    { type: "toolCall", id: "c1", name: "bash", arguments: { command: "ls" } },
  ]);
  const result = session.tool("", {
    content: [
      { type: "text", text: "a" },
      { type: "image", data: "", mimeType: "image/png" },
      { type: "text", text: "b" },
    ],
    isError: true,
  });
  session.user("abandoned");
  const second = session.user(
    [
      { type: "text", text: "two" },
      { type: "image", data: "" },
    ],
    result,
  );
  session.assistant("", { stopReason: "error", errorMessage: "overloaded" });
  const transcript = toTranscript(entriesOf(session));
  assert.deepEqual(
    transcript.map(({ role, number, text }) => [role, number, text]),
    [
      ["user", 1, "one"],
      ["assistant", undefined, "I'll look"],
      ["tool", undefined, "a\nb"],
      ["user", 2, "two"],
      ["assistant", undefined, ""],
    ],
  );
  assert.deepEqual(transcript[1], {
    entryId: "e0000003",
    role: "assistant",
    text: "I'll look",
    thinking: "hm",
    toolCalls: [{ id: "c1", name: "bash", args: { command: "ls" } }],
    model: "acme/m-1",
    stopReason: "stop",
    usage: { input: 10, output: 5, cacheRead: 2, cacheWrite: 1, cost: 0.25 },
    timestamp: START + 2000,
  });
  assert.deepEqual(
    [transcript[2]?.toolName, transcript[2]?.toolCallId, transcript[2]?.isError, transcript[2]?.images],
    ["bash", "call-1", true, 1],
  );
  assert.equal(transcript[3]?.images, 1);
  assert.equal(transcript[4]?.errorMessage, "overloaded");
  assert.deepEqual(forkPoints(transcript), [
    { number: 1, entryId: first, text: "one" },
    { number: 2, entryId: second, text: "two" },
  ]);
});

test("what was compacted away stays, with summaries where they happened", () => {
  const session = new SessionBuilder();
  const first = session.user("before");
  session.add("compaction", {
    summary: "so far",
    firstKeptEntryId: "x",
    tokensBefore: 1,
    usage: usage(1, 1, 1),
  });
  session.user("left");
  session.add("branch_summary", { fromId: "y", summary: "was tried" }, "e0000002");
  session.user("after");
  assert.deepEqual(
    toTranscript(entriesOf(session)).map(({ role, number, kind, text }) => [role, number ?? kind, text]),
    [
      ["user", 1, "before"],
      ["summary", "compaction", "so far"],
      ["summary", "branch", "was tried"],
      ["user", 2, "after"],
    ],
  );
  assert.equal(toTranscript(entriesOf(session), first).length, 1);
  assert.deepEqual(toTranscript(entriesOf(session), null), []);
});

test("shell commands and extensions' messages; hidden ones and state entries are left out", () => {
  const session = new SessionBuilder();
  session.message({ role: "bashExecution", command: "false", output: "no", exitCode: 1, cancelled: false });
  session.message({ role: "bashExecution", command: "true", output: "", exitCode: 0, cancelled: false });
  session.add("custom_message", {
    customType: "ext",
    content: [{ type: "text", text: "shown" }],
    display: true,
  });
  session.add("custom_message", { customType: "ext", content: "hidden", display: false });
  session.message({ role: "custom", customType: "old", content: "hook", display: true });
  session.add("custom", { customType: "ext", data: 1 });
  session.add("label", { targetId: "e0000001", label: "l" });
  session.add("session_info", { name: "n" });
  session.add("something_new", { text: "?" });
  const transcript = toTranscript(entriesOf(session));
  assert.deepEqual(
    transcript.map(({ role, command, exitCode, isError, kind, text }) => [
      role,
      command ?? kind,
      exitCode,
      isError,
      text,
    ]),
    [
      ["bash", "false", 1, true, "no"],
      ["bash", "true", 0, undefined, ""],
      ["custom", "ext", undefined, undefined, "shown"],
      ["custom", "old", undefined, undefined, "hook"],
    ],
  );
});

test("damaged messages become what can be read of them", () => {
  const session = new SessionBuilder();
  session.add("message", { message: { role: "user", content: null, timestamp: 1e300 } });
  session.add("message", { message: { role: "assistant", content: [null, { type: "toolCall" }], usage: 4 } });
  session.add("message", { message: { role: "toolResult" } });
  session.add("compaction", {});
  session.add("message", {});
  const transcript = toTranscript(entriesOf(session));
  assert.deepEqual(
    transcript.map(({ role, text }) => [role, text]),
    [
      ["user", ""],
      ["assistant", ""],
      ["tool", ""],
      ["summary", ""],
    ],
  );
  assert.equal(transcript[0]?.timestamp, START + 1000);
  assert.deepEqual(transcript[1]?.toolCalls, [{ id: "", name: "", args: {} }]);
});
