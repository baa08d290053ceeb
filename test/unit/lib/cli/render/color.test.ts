import assert from "node:assert/strict";
import { test } from "node:test";
import { colorLevel, widthOf } from "../../../../../src/lib/cli/render/color.ts";

const terminal = { isTTY: true, columns: 80, getColorDepth: () => 8 };

test("colour goes to terminals that show it, and where it is asked for", () => {
  assert.equal(colorLevel(terminal, {}), 2);
  assert.equal(colorLevel({ ...terminal, getColorDepth: () => 24 }, {}), 3);
  assert.equal(colorLevel({ ...terminal, getColorDepth: () => 1 }, {}), 0);
  assert.equal(colorLevel({}, {}), 0);
  assert.equal(colorLevel(terminal, { TERM: "dumb" }), 0);
  assert.equal(colorLevel(terminal, { NO_COLOR: "1" }), 0);
  assert.equal(colorLevel(terminal, { NO_COLOR: "" }), 2);
  assert.equal(colorLevel({}, { FORCE_COLOR: "1" }), 1);
  assert.equal(colorLevel({}, { FORCE_COLOR: "3" }), 3);
  assert.equal(colorLevel(terminal, { FORCE_COLOR: "0" }), 0);
  assert.equal(colorLevel({}, { FORCE_COLOR: "1", NO_COLOR: "1" }), 0);
});

test("only a terminal has a width to fit into", () => {
  assert.equal(widthOf(terminal), 80);
  assert.equal(widthOf({ columns: 80 }), undefined);
});
