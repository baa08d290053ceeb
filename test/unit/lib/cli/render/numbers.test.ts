import assert from "node:assert/strict";
import { test } from "node:test";
import { compactNumber, dollars, shortPath } from "../../../../../src/lib/cli/render/numbers.ts";

test("counts keep three digits or so", () => {
  assert.deepEqual([0, 950, 999, 1_000, 12_345, 999_949, 999_960, 1_234_567].map(compactNumber), [
    "0",
    "950",
    "999",
    "1.0k",
    "12.3k",
    "999.9k",
    "1.0M",
    "1.2M",
  ]);
});

test("a cost that isn't nothing never looks like nothing", () => {
  assert.deepEqual([0, 0.0001, 0.012, 12.5].map(dollars), ["$0.00", "<$0.01", "$0.01", "$12.50"]);
});

test("only paths below the home directory are shortened", () => {
  assert.equal(shortPath("/home/u/x", "/home/u"), "~/x");
  assert.equal(shortPath("/home/u", "/home/u"), "~");
  assert.equal(shortPath("/home/user/x", "/home/u"), "/home/user/x");
  assert.equal(shortPath("/srv", "/"), "/srv");
});
