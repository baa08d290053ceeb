import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Block } from "../../../../../src/lib/cli/conversation/blocks.ts";
import { Conversation } from "../../../../../src/lib/cli/conversation/conversation.ts";
import type { Question } from "../../../../../src/lib/protocol/question.ts";
import { records, sessionInfo } from "./records.ts";

const question: Question = { id: "q1", method: "confirm", title: "Sure?" };

describe("Conversation", () => {
  let conversation: Conversation;

  beforeEach(() => {
    conversation = new Conversation();
  });

  function apply(...bodies: Parameters<typeof records>): void {
    for (const record of records(...bodies)) conversation.apply(record);
  }

  /** What the blocks say, each in a line. */
  function said(): string[] {
    return conversation.blocks.map(describeBlock);
  }

  test("pieces make a message, and the message itself is authoritative", () => {
    apply(
      { type: "turn_started", turnId: "t1" },
      { type: "thinking", text: "hm" },
      { type: "text", text: "Hel" },
    );
    assert.deepEqual(said(), ["assistant… [hm] Hel"]);
    apply(
      { type: "text", text: "lo" },
      { type: "message", role: "assistant", text: "Hello!", thinking: "hmm", model: "a/b" },
    );
    assert.deepEqual(said(), ["assistant [hmm] Hello!"]);
    assert.equal(conversation.model, "a/b");
  });

  test("a message whose pieces were missed is shown", () => {
    apply({ type: "message", role: "assistant", text: "whole" });
    assert.deepEqual(said(), ["assistant whole"]);
  });

  test("an assistant's message without words leaves nothing", () => {
    apply({ type: "message", role: "assistant", text: "" }, { type: "text", text: " " });
    apply({ type: "turn_ended", turnId: "t1", outcome: "completed", text: "", toolCalls: 0, durationMs: 1 });
    assert.deepEqual(said(), []);
  });

  test("a tool goes from running to its end in one block, and text after it is a new message", () => {
    apply(
      { type: "text", text: "look" },
      { type: "message", role: "assistant", text: "look" },
      { type: "tool", id: "c1", name: "bash", state: "started", args: { command: "ls" } },
      { type: "tool", id: "c1", name: "bash", state: "running", output: "a" },
    );
    assert.deepEqual(said(), ["assistant look", "tool bash running a"]);
    apply(
      { type: "tool", id: "c1", name: "bash", state: "completed", output: "a\nb" },
      { type: "text", text: "two" },
    );
    assert.deepEqual(said(), ["assistant look", "tool bash completed a\nb", "assistant… two"]);
  });

  test("a tool that the end of the turn cut short doesn't run for ever", () => {
    apply(
      { type: "turn_started", turnId: "t1" },
      { type: "tool", id: "c1", name: "bash", state: "started", args: {} },
      { type: "turn_ended", turnId: "t1", outcome: "died", text: "", toolCalls: 1, durationMs: 1 },
    );
    assert.deepEqual(said(), ["tool bash cut "]);
    assert.equal(conversation.turnId, undefined);
  });

  test("a message sent from here is shown at once, and once", () => {
    conversation.log.addPending("t1", "hi");
    assert.deepEqual(said(), ["user (pending) hi"]);
    apply({ type: "turn_started", turnId: "t1" }, { type: "message", role: "user", text: "hi" });
    assert.deepEqual(said(), ["user hi"]);
  });

  test("what was typed stays where the agent was given more", () => {
    conversation.log.addPending("t1", "/review @a.txt");
    apply({ type: "turn_started", turnId: "t1" }, { type: "message", role: "user", text: "Review this: …" });
    assert.deepEqual(said(), ["user /review @a.txt"]);
  });

  test("another terminal's message is shown beside one that still waits", () => {
    conversation.log.addPending("t2", "mine");
    apply({ type: "turn_started", turnId: "t1" }, { type: "message", role: "user", text: "theirs" });
    assert.deepEqual(said(), ["user (pending) mine", "user theirs"]);
  });

  test("a message that was not taken goes, and one that a command took stays", () => {
    conversation.log.addPending("t1", "refused");
    conversation.log.dropPending("t1");
    conversation.log.addPending("t2", "/ext");
    apply({ type: "turn_ended", turnId: "t2", outcome: "handled", text: "", toolCalls: 0, durationMs: 1 });
    assert.deepEqual(said(), ["user /ext"]);
  });

  test("questions open and close", () => {
    apply({ type: "question", state: "open", question });
    assert.deepEqual(
      conversation.questions.map(({ id }) => id),
      ["q1"],
    );
    apply({ type: "question", state: "answered", question });
    assert.deepEqual(conversation.questions, []);
    assert.deepEqual(said(), ["quiet: Sure?: answered"]);
  });

  test("what extensions show: notices in place, status and widget by key, title and prefill", () => {
    const notice = { type: "notice", level: "info" } as const;
    apply(
      { ...notice, kind: "notification", text: "hello" },
      { ...notice, kind: "status", key: "a", text: "one" },
      { ...notice, kind: "status", key: "a", text: "two" },
      { ...notice, kind: "widget", key: "w", text: "x\ny" },
      { ...notice, kind: "title", text: "T" },
      { ...notice, kind: "prefill", text: "draft" },
    );
    assert.deepEqual(said(), ["info: hello"]);
    assert.deepEqual([...conversation.extensions.statuses.values()], ["two"]);
    assert.deepEqual([...conversation.extensions.widgets.values()], ["x\ny"]);
    assert.equal(conversation.extensions.title, "T");
    assert.equal(conversation.extensions.takePrefill(), "draft");
    assert.equal(conversation.extensions.takePrefill(), undefined);
    apply(
      { ...notice, kind: "status", key: "a", text: "" },
      { ...notice, kind: "widget", key: "w", text: "" },
    );
    assert.equal(conversation.extensions.statuses.size + conversation.extensions.widgets.size, 0);
  });

  test("nothing that anybody else says reaches the terminal with its escape sequences", () => {
    const evil = "\u001b]0;owned\u0007\u001b[31mred\u001b[0m\u202e";
    conversation.log.addPending("t0", evil);
    apply(
      { type: "text", text: evil },
      { type: "message", role: "assistant", text: evil, thinking: evil },
      { type: "message", role: "user", text: evil },
      { type: "message", role: "custom", text: evil },
      { type: "tool", id: "c", name: evil, state: "completed", output: evil },
      { type: "shell", text: evil },
      { type: "error", code: "TURN_FAILED", message: evil, hint: evil },
      { type: "notice", kind: "status", level: "info", key: "k", text: evil },
      { type: "notice", kind: "widget", level: "info", key: "k", text: evil },
      { type: "notice", kind: "title", level: "info", text: evil },
      { type: "queue", steering: [evil], followUp: [evil] },
      { type: "question", state: "open", question: { id: "q", method: "input", title: evil, message: evil } },
    );
    const { blocks, queue, questions } = conversation;
    const { statuses, widgets, title } = conversation.extensions;
    const shown = JSON.stringify([
      blocks,
      [...statuses.values()],
      [...widgets.values()],
      title,
      queue,
      questions,
    ]);
    assert.ok(!shown.includes("\\u001b") && !shown.includes("\u202e"), shown);
    assert.ok(shown.includes("red"));
  });

  test("an abort is told quietly, a failure with what to do", () => {
    apply(
      { type: "error", code: "TURN_ABORTED", message: "The turn was aborted." },
      { type: "error", code: "TURN_TRUNCATED", message: "Cut.", hint: "Go on." },
    );
    assert.deepEqual(said(), ["quiet: Aborted", "error: Cut.\nGo on."]);
  });

  test("a saved conversation is shown from its last exchanges, with tools and their results together", () => {
    const exchange = (n: number) => [
      { entryId: `u${n}`, role: "user" as const, text: `ask ${n}`, timestamp: 0 },
      {
        entryId: `a${n}`,
        role: "assistant" as const,
        text: "",
        toolCalls: [{ id: `c${n}`, name: "read", args: { path: "x" } }],
        timestamp: 0,
      },
      { entryId: `t${n}`, role: "tool" as const, text: "out", toolCallId: `c${n}`, timestamp: 0 },
      { entryId: `b${n}`, role: "assistant" as const, text: `answer ${n}`, timestamp: 0 },
    ];
    conversation.load(sessionInfo({ model: "a/b" }), [1, 2, 3, 4, 5, 6].flatMap(exchange));
    assert.equal(conversation.earlier, 8);
    assert.deepEqual(said().slice(0, 3), ["user ask 3", "tool read completed out", "assistant answer 3"]);
    assert.deepEqual(said().at(-1), "assistant answer 6");
    assert.equal(conversation.model, "a/b");
  });

  test("joined in the middle of an answer, the first piece says so", () => {
    conversation.load(sessionInfo({ state: "working", turnId: "t1", questions: [question] }), []);
    assert.equal(conversation.busy, true);
    assert.equal(conversation.questions.length, 1);
    apply({ type: "text", text: "rest" });
    const [block] = conversation.blocks;
    assert.ok(block?.kind === "assistant" && block.cut);
    apply({ type: "message", role: "assistant", text: "all the rest" });
    assert.ok(!block.cut);
  });

  test("pieces of a shell command go to it, and its result is whole", () => {
    const block = conversation.log.startShell("seq 2");
    apply({ type: "shell", text: "1\n" });
    assert.equal(conversation.log.openShell, block);
    conversation.log.endShell(block, { output: "1\n2\n", exitCode: 3 });
    assert.deepEqual(said(), ["shell seq 2 = 1\n2\n (3)"]);
    assert.equal(conversation.log.openShell, undefined);
  });
});

function describeBlock(block: Block): string {
  switch (block.kind) {
    case "user":
      return `user ${block.pending === undefined ? "" : "(pending) "}${block.text}`;
    case "assistant":
    case "custom":
      return `${block.kind}${block.open ? "…" : ""} ${block.thinking === "" ? "" : `[${block.thinking}] `}${block.text}`;
    case "tool":
      return `tool ${block.name} ${block.state} ${block.output}`;
    case "shell":
      return `shell ${block.command} = ${block.output} (${block.exitCode})`;
    case "notice":
      return `${block.level}: ${block.text}`;
  }
}
