import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toPiRecord, toStreamRecords } from "../../../../src/lib/client/stream-records.ts";
import type { PushRecord } from "../../../../src/lib/protocol/records.ts";
import { misfits, publishedSchema } from "../../../support/schemas.ts";

const validate = publishedSchema("stream-json");
const common = { v: 1, sessionId: "s", seq: 7 };
const tokens = { input: 1, output: 2, cacheRead: 0, cacheWrite: 0, total: 3 };
const question = { id: "q", method: "confirm" as const, title: "Sure?" };

/** Checks what comes of a record, and that it is of the published vocabulary. */
function becomes(record: PushRecord, ...expected: object[]): void {
  const records = toStreamRecords(record);
  assert.deepEqual(records, expected);
  assert.deepEqual(misfits(validate, records), []);
}

function event(fields: { type: string; [field: string]: unknown }): PushRecord {
  return { type: "event", sessionId: "s", seq: 7, event: fields };
}

const delta = (type: string, text: string) =>
  event({ type: "message_update", usage: {}, assistantMessageEvent: { type, contentIndex: 0, delta: text } });
const message = (fields: object) => event({ type: "message_end", message: fields });
const tool = { toolCallId: "t", toolName: "bash" };
const content = (...texts: string[]) => ({ content: texts.map((text) => ({ type: "text", text })) });
const extension = (method: string, fields: object) =>
  event({ type: "extension_ui_request", id: "x", method, ...fields });

/** pi's event, and what it becomes; nothing where pictl's words have none for it. */
const EVENTS: [string, PushRecord, ...object[]][] = [
  ["a piece of text", delta("text_delta", "hel"), { type: "text", text: "hel" }],
  ["a piece of thinking", delta("thinking_delta", "hm"), { type: "thinking", text: "hm" }],
  ["a piece of a call's arguments", delta("toolcall_delta", '{"a')],
  ["the end of a block", event({ type: "message_update", assistantMessageEvent: { type: "text_end" } })],
  [
    "a user's message with a picture",
    message({
      role: "user",
      content: [
        { type: "text", text: "look" },
        { type: "image", data: "" },
      ],
    }),
    { type: "message", role: "user", text: "look", images: 1 },
  ],
  [
    "a user's message that is a string",
    message({ role: "user", content: "hi" }),
    { type: "message", role: "user", text: "hi" },
  ],
  [
    "an answer",
    message({
      role: "assistant",
      provider: "p",
      model: "m/1",
      stopReason: "toolUse",
      content: [
        { type: "thinking", thinking: "hm" },
        { type: "text", text: "a" },
        { type: "toolCall", id: "t" },
        { type: "text", text: "b" },
      ],
    }),
    { type: "message", role: "assistant", text: "ab", thinking: "hm", model: "p/m/1", stopReason: "tools" },
  ],
  [
    "an answer's thinking level",
    message({ role: "assistant", content: [], thinkingLevel: "high", stopReason: "stop" }),
    { type: "message", role: "assistant", text: "", thinkingLevel: "high", stopReason: "stop" },
  ],
  [
    "an extension's message",
    message({ role: "custom", content: "note", display: true }),
    { type: "message", role: "custom", text: "note" },
  ],
  ["an extension's message for the model alone", message({ role: "custom", content: "x", display: false })],
  ["the system message", message({ role: "system", content: "be brief" })],
  ["a tool's result, which its call has told", message({ role: "toolResult", ...content("3") })],
  [
    "the start of a call",
    event({ type: "tool_execution_start", ...tool, args: { command: "ls" } }),
    { type: "tool", id: "t", name: "bash", state: "started", args: { command: "ls" } },
  ],
  [
    "a call so far",
    event({ type: "tool_execution_update", ...tool, partialResult: content("a", "b") }),
    { type: "tool", id: "t", name: "bash", state: "running", output: "ab" },
  ],
  [
    "the end of a call",
    event({ type: "tool_execution_end", ...tool, result: content("ok"), isError: false }),
    { type: "tool", id: "t", name: "bash", state: "completed", output: "ok" },
  ],
  [
    "the end of a call that another tool made",
    event({
      type: "tool_execution_end",
      ...tool,
      parentToolCallId: "p",
      result: content("ok"),
      isError: false,
      durationMs: 12,
    }),
    { type: "tool", id: "t", name: "bash", parentId: "p", state: "completed", output: "ok", durationMs: 12 },
  ],
  [
    "a call that failed",
    event({ type: "tool_execution_end", ...tool, result: content("no"), isError: true }),
    { type: "tool", id: "t", name: "bash", state: "failed", output: "no" },
  ],
  [
    "a person's command",
    event({ type: "bash_execution_update", delta: "out\n" }),
    { type: "shell", text: "out\n" },
  ],
  [
    "pi's queues",
    event({ type: "queue_update", steering: ["a"], followUp: ["b"] }),
    { type: "queue", steering: ["a"], followUp: ["b"] },
  ],
  [
    "a notification",
    extension("notify", { message: "m", notifyType: "warning" }),
    { type: "notice", kind: "notification", level: "warning", text: "m" },
  ],
  [
    "a notification without a kind",
    extension("notify", { message: "m" }),
    { type: "notice", kind: "notification", level: "info", text: "m" },
  ],
  [
    "a status",
    extension("setStatus", { statusKey: "k", statusText: "t" }),
    { type: "notice", kind: "status", level: "info", key: "k", text: "t" },
  ],
  [
    "a status that is taken away",
    extension("setStatus", { statusKey: "k" }),
    { type: "notice", kind: "status", level: "info", key: "k", text: "" },
  ],
  [
    "a widget",
    extension("setWidget", { widgetKey: "k", widgetLines: ["1", "2"] }),
    { type: "notice", kind: "widget", level: "info", key: "k", text: "1\n2" },
  ],
  [
    "a widget that is taken away",
    extension("setWidget", { widgetKey: "k" }),
    { type: "notice", kind: "widget", level: "info", key: "k", text: "" },
  ],
  [
    "a title",
    extension("setTitle", { title: "t" }),
    { type: "notice", kind: "title", level: "info", text: "t" },
  ],
  [
    "text for the input line",
    extension("set_editor_text", { text: "t" }),
    { type: "notice", kind: "prefill", level: "info", text: "t" },
  ],
  ["a dialog, which a question tells", extension("confirm", { title: "Sure?" })],
  [
    "a retry",
    event({ type: "auto_retry_start", attempt: 1, maxAttempts: 3, delayMs: 2000, errorMessage: "529" }),
    {
      type: "notice",
      kind: "retry",
      level: "warning",
      text: "Trying again in 2 s (1 of 3): 529",
      voids: true,
    },
  ],
  ["a retry that worked", event({ type: "auto_retry_end", success: true, attempt: 2 })],
  [
    "the last retry",
    event({ type: "auto_retry_end", success: false, attempt: 3, finalError: "529" }),
    { type: "notice", kind: "retry", level: "error", text: "Gave up: 529" },
  ],
  [
    "a retry of a summary",
    event({
      type: "summarization_retry_scheduled",
      attempt: 1,
      maxAttempts: 2,
      delayMs: 500,
      errorMessage: "x",
    }),
    { type: "notice", kind: "retry", level: "warning", text: "Trying again in 0.5 s (1 of 2): x" },
  ],
  [
    "a compaction",
    event({ type: "compaction_start", reason: "threshold" }),
    { type: "notice", kind: "compaction", level: "info", text: "Compacting the conversation (threshold)" },
  ],
  [
    "the end of a compaction",
    event({ type: "compaction_end", result: {}, aborted: false }),
    { type: "notice", kind: "compaction", level: "info", text: "The conversation was compacted" },
  ],
  [
    "an aborted compaction",
    event({ type: "compaction_end", aborted: true }),
    { type: "notice", kind: "compaction", level: "info", text: "The compaction was aborted" },
  ],
  [
    "a compaction that failed",
    event({ type: "compaction_end", aborted: false, errorMessage: "no room" }),
    { type: "notice", kind: "compaction", level: "error", text: "no room" },
  ],
  [
    "an extension that threw",
    event({ type: "extension_error", extensionPath: "/x.ts", event: "tool_call", error: "oops" }),
    { type: "notice", kind: "problem", level: "error", text: "/x.ts: oops" },
  ],
  ["what a turn of pi's begins with", event({ type: "turn_start" })],
  ["an event of a later pi", event({ type: "surprise", delta: "?" })],
];

describe("pi's events as stream records", () => {
  for (const [name, record, ...expected] of EVENTS) {
    test(name, () => becomes(record, ...expected.map((body) => ({ ...common, ...body }))));
  }
});

describe("the daemon's records as stream records", () => {
  const turn = (fields: object): PushRecord =>
    ({ type: "turn", sessionId: "s", seq: 7, turn: { id: "u", ...fields } }) as PushRecord;
  const none = { text: "", toolCalls: 0, durationMs: 0 };

  test("a turn that waits, and one that starts", () => {
    becomes(turn({ state: "queued", ahead: 2 }), { ...common, type: "turn_queued", turnId: "u", ahead: 2 });
    becomes(turn({ state: "started" }), { ...common, type: "turn_started", turnId: "u" });
  });

  test("a turn that ended: what it used, why it failed, and its end, in this order", () => {
    const error = { code: "TURN_FAILED", message: "m", hint: "h" };
    const told = { outcome: "failed", text: "half", toolCalls: 1, durationMs: 5 };
    becomes(
      turn({ state: "ended", ...told, error, model: "p/m", tokens, cost: 0.5 }),
      { ...common, type: "usage", turnId: "u", model: "p/m", tokens, cost: 0.5 },
      { ...common, type: "error", turnId: "u", ...error },
      { ...common, type: "turn_ended", turnId: "u", ...told },
    );
  });

  test("a turn that never began has used nothing", () => {
    const error = { code: "TURN_ABORTED", message: "m" };
    becomes(
      turn({ state: "ended", outcome: "aborted", error }),
      { ...common, type: "error", turnId: "u", ...error },
      { ...common, type: "turn_ended", turnId: "u", outcome: "aborted", ...none },
    );
  });

  test("a question, a state and a gap, which has no place of its own", () => {
    const record = { sessionId: "s", seq: 7 };
    becomes(
      { ...record, type: "question", state: "open", question },
      {
        ...common,
        type: "question",
        state: "open",
        question,
      },
    );
    becomes({ ...record, type: "state", state: "idle" }, { ...common, type: "state", state: "idle" });
    becomes(
      { type: "gap", sessionId: "s", fromSeq: 3, toSeq: 6 },
      { v: 1, sessionId: "s", type: "gap", missed: 4 },
    );
  });
});

test("pi's own records are its events, as they are", () => {
  const record = event({ type: "surprise", x: 1 });
  assert.equal(toPiRecord(record), record.type === "event" ? record.event : "not an event");
  assert.equal(toPiRecord({ type: "state", sessionId: "s", seq: 1, state: "idle" }), undefined);
});
