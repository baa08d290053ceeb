import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, editDistance, nearest } from "../../../../src/lib/core/nearest.ts";

test("each edit counts once, a swap of neighbours too", () => {
  assert.equal(editDistance("list", "list"), 0);
  assert.equal(editDistance("lsit", "list"), 1);
  assert.equal(editDistance("lst", "list"), 1);
  assert.equal(editDistance("sesion", "session"), 1);
  assert.equal(editDistance("model", "mdoel"), 1);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("a".repeat(100), "a".repeat(100)), Number.POSITIVE_INFINITY);
});

test("only what is near is proposed, nearest first", () => {
  const all = ["list", "last", "delete", "create", "fork"];
  assert.deepEqual(nearest("lst", all), ["last", "list"]);
  assert.deepEqual(nearest("DELTE", all), ["delete"]);
  assert.deepEqual(nearest("xyzzy", all), []);
  assert.deepEqual(nearest("ab", ["ac", "ad", "ae", "af"]).length, 3);
});

test("a proposal reads as a question", () => {
  assert.equal(didYouMean([]), undefined);
  assert.equal(didYouMean(["a"]), 'Did you mean "a"?');
  assert.equal(didYouMean(["a", "b", "c"]), 'Did you mean "a", "b" or "c"?');
});
