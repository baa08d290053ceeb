import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseObject } from "../../../../../src/lib/core/session-files/json.ts";

/** The number of values that are refused in one line. */
const TOO_MANY = 4_000_001;

describe("parseObject", () => {
  test("gives an object, and nothing for what isn't one or is torn", () => {
    assert.deepEqual(parseObject('{"a":1}'), { a: 1 });
    for (const text of ["[1]", "1", '"a"', "null", "", '{"a":', "{} {}"])
      assert.equal(parseObject(text), undefined);
  });

  test("refuses millions of values, which have no room in memory once they are parsed", () => {
    const values = (count: number) => `{"details":[${"{},".repeat(count)}{}]}`;
    assert.ok(parseObject(values(TOO_MANY)) === undefined);
    assert.ok(parseObject(values(1_500_000)) !== undefined);
  });

  test("takes long texts, whatever characters are in them", () => {
    for (const text of ["1,2,{}[]:", 'say \\"so\\", or \\\\', "x\n"]) {
      const whole = { message: text.repeat(TOO_MANY / 4) };
      assert.deepEqual(parseObject(JSON.stringify(whole)), whole);
    }
  });
});
