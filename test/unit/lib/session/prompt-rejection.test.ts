import assert from "node:assert/strict";
import { test } from "node:test";
import { rejectedPromptError } from "../../../../src/lib/session/prompt-rejection.ts";

test("no model and no credential name the three ways out", () => {
  for (const access of [{ usable: false }, { model: "anthropic/claude", usable: false }]) {
    const error = rejectedPromptError("No API key found", access);
    assert.equal(error.code, "NO_MODEL");
    assert.equal(error.exitCode, 6);
    for (const way of [/API_KEY/, /\/login/, /scripted\/echo/]) assert.match(error.hint ?? "", way);
  }
  assert.match(
    rejectedPromptError("x", { model: "anthropic/claude", usable: false }).message,
    /anthropic\/claude/,
  );
});

test("any other refusal is told in pi's words", () => {
  for (const access of [undefined, { model: "a/b", usable: true }]) {
    const error = rejectedPromptError("compaction is running", access);
    assert.equal(error.code, "PROMPT_REJECTED");
    assert.match(error.message, /compaction is running/);
  }
});
