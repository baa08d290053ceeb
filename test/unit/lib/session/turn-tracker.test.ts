import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TurnTracker } from "../../../../src/lib/session/turn-tracker.ts";

function assistant(fields: object): { type: string; message: object } {
  return {
    type: "message_end",
    message: { role: "assistant", provider: "p", model: "m", content: [], ...fields },
  };
}

function usage(n: number) {
  return {
    input: n,
    output: 2 * n,
    cacheRead: 3 * n,
    cacheWrite: 4 * n,
    totalTokens: 10 * n,
    cost: { total: n / 100 },
  };
}

function track(...records: { type: string }[]): TurnTracker {
  const tracker = new TurnTracker();
  for (const record of records) tracker.observe(record);
  return tracker;
}

describe("TurnTracker", () => {
  const outcomes = [
    { stopReason: "stop", aborted: false, outcome: "completed", code: undefined },
    { stopReason: "length", aborted: false, outcome: "truncated", code: "TURN_TRUNCATED" },
    { stopReason: "error", aborted: false, outcome: "failed", code: "TURN_FAILED" },
    { stopReason: "aborted", aborted: false, outcome: "aborted", code: "TURN_ABORTED" },
    // The abort came too late: the turn had ended by itself.
    { stopReason: "stop", aborted: true, outcome: "completed", code: undefined },
  ];
  for (const { stopReason, aborted, outcome, code } of outcomes) {
    test(`${stopReason}${aborted ? " after an abort" : ""} is ${outcome}`, () => {
      const told = track(assistant({ stopReason })).outcome(aborted);
      assert.equal(told.outcome, outcome);
      assert.equal(told.error?.code, code);
    });
  }

  test("without an assistant message the turn was aborted if that was asked for, else completed", () => {
    assert.equal(track().outcome(true).outcome, "aborted");
    assert.deepEqual(track().outcome(false), { outcome: "completed" });
  });

  test("the provider's own words are the error's message", () => {
    const told = track(assistant({ stopReason: "error", errorMessage: "529 overloaded" })).outcome(false);
    assert.equal(told.error?.message, "529 overloaded");
  });

  test("only the last assistant message counts: a retry heals an error, and others' messages say nothing", () => {
    const user = { role: "user", content: [{ type: "text", text: "mine" }], stopReason: "error" };
    const tracker = track(
      assistant({ stopReason: "error", errorMessage: "529" }),
      assistant({ stopReason: "stop", content: [{ type: "text", text: "its own" }] }),
      { type: "message_end", message: user } as { type: string },
    );
    assert.deepEqual(tracker.outcome(false), { outcome: "completed" });
    assert.equal(tracker.totals().text, "its own");
  });

  test("adds up usage over all messages and counts tool calls", () => {
    const tracker = track(
      assistant({ stopReason: "toolUse", usage: usage(1) }),
      { type: "tool_execution_start" },
      { type: "tool_execution_end" },
      { type: "tool_execution_start" },
      assistant({ stopReason: "stop", usage: usage(2) }),
      assistant({ stopReason: "stop" }),
    );
    const { tokens, cost, toolCalls } = tracker.totals();
    assert.deepEqual(tokens, { input: 3, output: 6, cacheRead: 9, cacheWrite: 12, total: 30 });
    assert.equal(Math.round((cost ?? 0) * 100), 3);
    assert.equal(toolCalls, 2);
  });

  test("counts what pi spends by itself: tools that ask a model, compactions, warm caches", () => {
    const tracker = track(
      { type: "message_end", message: { role: "toolResult", usage: usage(1) } } as { type: string },
      { type: "compaction_end", result: { usage: usage(2) } } as { type: string },
      { type: "entry_appended", entry: { type: "usage", kind: "cache_warm", usage: usage(3) } } as {
        type: string;
      },
      { type: "entry_appended", entry: { type: "custom", usage: usage(4) } } as { type: string },
      { type: "compaction_end", aborted: true } as { type: string },
    );
    assert.equal(tracker.totals().tokens?.total, 60);
    assert.equal(Math.round((tracker.totals().cost ?? 0) * 100), 6);
  });

  test("a run that pi itself tells as aborted is, also where only an extension asked for that", () => {
    const settled = { type: "agent_settled", aborted: true } as { type: string };
    for (const stopReason of ["toolUse", "error"]) {
      assert.equal(track(assistant({ stopReason }), settled).outcome(false).outcome, "aborted");
    }
  });

  test("gives the text of the last message that said something, and its model", () => {
    const text = (...texts: string[]) => texts.map((each) => ({ type: "text", text: each }));
    const tracker = track(
      assistant({ content: text("first") }),
      assistant({ content: [...text("second, "), { type: "thinking", thinking: "hm" }, ...text("whole")] }),
      assistant({ content: [{ type: "toolCall" }], model: "m2" }),
    );
    assert.equal(tracker.totals().text, "second, whole");
    assert.equal(tracker.totals().model, "p/m2");
    assert.equal("model" in track().totals(), false);
  });
});
