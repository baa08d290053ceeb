import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { abridgeText, cutText } from "../../../../src/lib/core/cut-text.ts";
import { jsonText } from "../../../../src/lib/core/json-text.ts";

describe("jsonText", () => {
  it("writes U+FFFD for half a surrogate pair, in keys too, and leaves everything else", () => {
    const value = { "k\ud83d": "a\ude00b\ud83d", pair: "😀", escaped: "\\ud83d \\\\ud83d \ud83d\\ud83d" };
    assert.deepEqual(JSON.parse(jsonText(value)), {
      "k\ufffd": "a\ufffdb\ufffd",
      pair: "😀",
      escaped: "\\ud83d \\\\ud83d \ufffd\\ud83d",
    });
    assert.equal(jsonText("\ud83d\ud83d"), '"\ufffd\ufffd"');
    assert.equal(jsonText({ a: [1] }, 2), JSON.stringify({ a: [1] }, null, 2));
  });
});

describe("cutText and abridgeText", () => {
  it("never halve a surrogate pair", () => {
    assert.equal(cutText("a😀b", 2), "a");
    assert.equal(cutText("a😀b", 3), "a😀");
    assert.equal(cutText("a😀b", 4), "a😀b");
    assert.equal(abridgeText("a😀bc", 3), "a…");
    assert.equal(abridgeText("a😀bc", 4), "a😀…");
    assert.equal(abridgeText("a😀bc", 5), "a😀bc");
  });
});
