import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SessionSlots } from "../../../../src/lib/session/session-slots.ts";

describe("SessionSlots", () => {
  test("a slot is taken from the moment it is reserved, and once given back it is free, once", () => {
    const slots = new SessionSlots(
      2,
      () => 0,
      () => undefined,
    );
    const release = slots.reserve();
    slots.reserve();
    assert.throws(() => slots.reserve(), { code: "LIMIT_EXCEEDED" });
    release();
    release();
    slots.reserve();
    assert.throws(() => slots.reserve(), { code: "LIMIT_EXCEEDED" });
  });

  test("those that are known count, unless their files are gone", () => {
    let known = 3;
    let tidied = 0;
    const tidy = () => {
      tidied += 1;
      known = 1;
    };
    const slots = new SessionSlots(2, () => known, tidy);
    slots.reserve();
    assert.equal(tidied, 1);
    assert.throws(() => slots.reserve());
    assert.throws(() => slots.reserve());
    assert.equal(tidied, 1, "not for every refused request");
  });
});
