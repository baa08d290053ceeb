import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeArguments,
  summarizeArguments,
  summarizeOutput,
} from "../../../../../src/lib/cli/conversation/tool-summary.ts";

test("the telling argument, in one safe line", () => {
  assert.equal(summarizeArguments({ command: "ls\n  -l \u001b[2J" }), "ls -l");
  assert.equal(summarizeArguments({ pattern: "x", path: "src" }), "src x");
  assert.equal(summarizeArguments({ odd: 1 }), '{"odd":1}');
  assert.equal(summarizeArguments({}), "");
  assert.equal(summarizeArguments(undefined), "");
  assert.equal(summarizeArguments({ command: "x".repeat(5_000) }).length, 300);
});

test("all arguments, the long ones in lines of their own", () => {
  assert.deepEqual(describeArguments({ path: "a", edits: [1], text: "x\ny" }), [
    "path: a",
    "edits: [1]",
    "text:",
    "  x",
    "  y",
  ]);
});

test("a replacement shows what goes and what comes", () => {
  const edits = [{ oldText: "a\nb\n", newText: "c" }];
  assert.deepEqual(describeArguments({ path: "x", edits }), ["path: x", "- a", "- b", "+ c"]);
});

test("output is counted", () => {
  assert.equal(summarizeOutput(""), "");
  assert.equal(summarizeOutput("one\n"), "1 line");
  assert.equal(summarizeOutput("one\ntwo"), "2 lines");
});
