import assert from "node:assert/strict";
import { test } from "node:test";
import { widthOfText } from "../../../../../src/lib/cli/render/columns.ts";
import { renderQueue } from "../../../../../src/lib/cli/render/session-queue.ts";

test("what waits, in the order in which it is taken", () => {
  const waiting = [{ turnId: "t", message: "a turn\nof its own" }];
  assert.equal(
    renderQueue({ steering: ["left\u001b[2J", "right"], followUp: ["home"], waiting }, undefined),
    "steer      left\nsteer      right\nfollow-up  home\nprompt     a turn of its own\n",
  );
  assert.equal(renderQueue({ steering: [], followUp: [], waiting: [] }, undefined), "");
});

test("a line fits the terminal", () => {
  const [line = ""] = renderQueue({ steering: ["x".repeat(200)], followUp: [], waiting: [] }, 50).split("\n");
  assert.ok(widthOfText(line) <= 50 && line.endsWith("x…"), line);
});
