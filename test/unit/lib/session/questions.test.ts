import assert from "node:assert/strict";
import { beforeEach, describe, mock, test } from "node:test";
import type { PictlError } from "../../../../src/lib/core/errors.ts";
import type { Answer } from "../../../../src/lib/protocol/question.ts";
import type { QuestionPolicy } from "../../../../src/lib/protocol/question-policies.ts";
import { Questions } from "../../../../src/lib/session/questions.ts";

describe("Questions", () => {
  let questions: Questions;
  let told: string[];
  let replies: Record<string, unknown>[];
  let failures: PictlError[];

  beforeEach(() => {
    told = [];
    replies = [];
    failures = [];
    questions = new Questions((state, question) => told.push(`${question.id} ${state}`));
  });

  const asker = (onQuestion: QuestionPolicy) => ({
    onQuestion,
    fail: (error: PictlError) => failures.push(error),
  });
  const ask = (method: string, more: object = {}, policy: QuestionPolicy | undefined = "wait") =>
    questions.ask(
      { type: "extension_ui_request", id: "q1", method, title: "T", ...more },
      policy === undefined ? undefined : asker(policy),
      (record) => replies.push(record),
    );

  const defaults: [string, object, Answer][] = [
    ["select", { options: ["a", "b"] }, { value: "a" }],
    ["select", { options: [] }, { cancelled: true }],
    ["confirm", {}, { confirmed: true }],
    ["input", { placeholder: "p" }, { value: "" }],
    ["editor", { prefill: "given" }, { value: "given" }],
  ];
  for (const [method, more, expected] of defaults) {
    test(`default answers ${method} ${JSON.stringify(more)} as Enter would`, () => {
      ask(method, more, "default");
      assert.deepEqual(replies, [{ type: "extension_ui_response", id: "q1", ...expected }]);
      assert.deepEqual(told, ["cancelled" in expected ? "q1 cancelled" : "q1 answered"]);
    });
  }

  test("deny declines and lets it go on; fail ends what asked, naming the question", () => {
    ask("select", { options: ["a"] }, "deny");
    assert.deepEqual([replies.length, failures.length], [1, 0]);
    ask("select", { options: ["a"] }, "fail");
    assert.deepEqual(replies[1], { type: "extension_ui_response", id: "q1", cancelled: true });
    assert.equal(failures[0]?.code, "QUESTION_UNANSWERED");
    assert.match(failures[0]?.message ?? "", /"T"/);
    assert.deepEqual(failures[0]?.details, { method: "select", title: "T", options: ["a"] });
  });

  test("what only shows something is no question", () => {
    for (const method of ["notify", "setStatus", "setWidget", "setTitle", "set_editor_text"]) ask(method);
    assert.deepEqual([told, replies, questions.isOpen], [[], [], false]);
  });

  test("an answer has to fit its question", () => {
    ask("select", { options: ["a", "b"] });
    const wrong: Answer[] = [{ value: "c" }, { confirmed: true }];
    for (const answer of wrong) {
      assert.throws(() => questions.answer(undefined, answer), { code: "INVALID_INPUT" });
    }
    assert.equal(questions.isOpen, true);
    assert.equal(questions.answer("q1", { value: "b" }).title, "T");
    assert.deepEqual(replies, [{ type: "extension_ui_response", id: "q1", value: "b" }]);
    ask("confirm");
    assert.throws(() => questions.answer("q1", { value: "yes" }), { code: "INVALID_INPUT" });
    questions.answer("q1", { confirmed: false });
    assert.deepEqual(told, ["q1 open", "q1 answered", "q1 open", "q1 answered"]);
  });

  test("several are open at once; without an id the oldest is answered", () => {
    ask("input");
    ask("input", { id: "q2" });
    assert.deepEqual(
      questions.list().map(({ id }) => id),
      ["q1", "q2"],
    );
    assert.equal(questions.answer(undefined, { value: "x" }).id, "q1");
    questions.close();
    assert.deepEqual(told, ["q1 open", "q2 open", "q1 answered", "q2 cancelled"]);
    assert.throws(() => questions.answer("q2", { value: "x" }), { code: "QUESTION_NOT_FOUND" });
  });

  test("a hundred wait for a person; one more is declined", () => {
    for (let id = 0; id <= 100; id++) ask("input", { id: `q${id}` });
    assert.equal(questions.list().length, 100);
    assert.deepEqual(replies, [{ type: "extension_ui_response", id: "q100", cancelled: true }]);
    questions.close();
  });

  test("one with a time of its own expires without an answer of ours; another one is declined after a day", () => {
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    try {
      ask("input", { timeout: 5_000 });
      mock.timers.tick(5_000);
      assert.deepEqual([told, replies], [["q1 open", "q1 expired"], []]);
      ask("input");
      mock.timers.tick(24 * 60 * 60 * 1_000);
      assert.deepEqual(told.slice(2), ["q1 open", "q1 expired"]);
      assert.deepEqual(replies, [{ type: "extension_ui_response", id: "q1", cancelled: true }]);
    } finally {
      mock.timers.reset();
    }
  });
});
