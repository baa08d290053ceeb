import assert from "node:assert/strict";
import { test } from "node:test";
import { visibleWidth } from "@earendil-works/pi-tui";
import { type StatusFacts, statusLine } from "../../../../../src/lib/cli/conversation/status-line.ts";

const facts: StatusFacts = {
  session: "review 日本",
  state: "working",
  spinner: "⠋",
  model: "anthropic/claude-sonnet-9",
  thinking: "high",
  context: { percent: 12.4, window: 200_000 },
  cost: 0.034,
};

test("a wide line tells everything", () => {
  assert.equal(
    statusLine(facts, 100),
    "⠋ working · review 日本 · anthropic/claude-sonnet-9 · high · 12% of 200.0k · $0.03",
  );
});

test("where it gets narrow, what matters least goes first", () => {
  assert.equal(statusLine(facts, 64), "⠋ working · review 日本 · claude-sonnet-9 · high · 12% · $0.03");
  assert.equal(statusLine(facts, 45), "⠋ working · claude-sonnet-9 · 12% · $0.03");
  assert.equal(statusLine(facts, 25), "⠋ working · 12% · $0.03");
  for (let width = 1; width < 120; width++)
    assert.ok(visibleWidth(statusLine(facts, width)) <= width, `${width}`);
});

test("what isn't known yet is left out", () => {
  const unknown = { session: undefined, state: "new", spinner: "", model: undefined, thinking: undefined };
  assert.equal(statusLine({ ...unknown, context: undefined, cost: 0 }, 80), "new · $0.00");
});
