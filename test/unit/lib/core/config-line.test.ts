import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOfKey } from "../../../../src/lib/core/config-line.ts";

const DOCUMENT = `# limits.park_after = 1
model = "a"

[limits]
park_after = "1m"
[ "daemon" ]
"idle_timeout" = "1m"
[other]
limits = { park_after = 2 }
`;

test("finds a key under its table, quoted or not, and not one of the same name elsewhere", () => {
  assert.equal(lineOfKey(DOCUMENT, ["model"]), 2);
  assert.equal(lineOfKey(DOCUMENT, ["limits", "park_after"]), 5);
  assert.equal(lineOfKey(DOCUMENT, ["daemon", "idle_timeout"]), 7);
  assert.equal(lineOfKey("a.b.c = 1", ["a", "b", "c"]), 1);
});

test("a key that can't be seen falls back to its nearest parent", () => {
  assert.equal(lineOfKey(DOCUMENT, ["other", "limits", "park_after"]), 9);
  assert.equal(lineOfKey(DOCUMENT, ["limits", "missing"]), 4);
  assert.equal(lineOfKey(DOCUMENT, ["nowhere"]), undefined);
});

test("a table that has no header gets the line of its first key", () => {
  assert.equal(lineOfKey('model = "a"\nagent.command = "x"\nagent.other = 1', ["agent"]), 2);
});
