import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PictlError } from "../../../../src/lib/core/errors.ts";
import { findForkPoint } from "../../../../src/lib/session/fork.ts";

const POINTS = [
  { number: 1, entryId: "aaaa1111", text: "first\nand more" },
  { number: 2, entryId: "00000001", text: "x".repeat(100) },
];

describe("findForkPoint", () => {
  test("takes an entry id, a number, and a number as text", () => {
    assert.equal(findForkPoint(POINTS, "aaaa1111").number, 1);
    assert.equal(findForkPoint(POINTS, 2).entryId, "00000001");
    assert.equal(findForkPoint(POINTS, "2").entryId, "00000001");
  });

  test("an entry id goes before the number that it also looks like", () => {
    assert.equal(findForkPoint(POINTS, "00000001").number, 2);
    assert.throws(() => findForkPoint(POINTS, "2e000000"), { code: "ENTRY_NOT_FOUND" });
  });

  test("lists the choices, one line each, for anything else", () => {
    for (const at of [0, 3, "nope", ""]) {
      assert.throws(
        () => findForkPoint(POINTS, at),
        (error) => {
          assert.ok(error instanceof PictlError);
          assert.equal(error.code, "ENTRY_NOT_FOUND");
          assert.match(error.hint ?? "", /1 {2}aaaa1111 {2}first\n {2}2 {2}00000001 {2}x{59}…$/);
          return true;
        },
      );
    }
  });

  test("says so when there is nothing to choose", () => {
    assert.throws(() => findForkPoint([], 1), { code: "ENTRY_NOT_FOUND", hint: /no messages yet/ });
  });
});
