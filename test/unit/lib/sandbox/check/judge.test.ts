import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judge } from "../../../../../src/lib/sandbox/check/judge.ts";
import {
  type Attempt,
  type Facts,
  NO_ANSWER,
  type Outside,
  type Row,
} from "../../../../../src/lib/sandbox/check/row.ts";

const REFUSED: Attempt = { through: false, seen: "EACCES" };
const THROUGH: Attempt = { through: true, seen: "succeeded" };

function judged(attempt: Attempt, control: Attempt, row: Partial<Row> = {}) {
  const whole: Row = {
    id: "row",
    concern: "files",
    tried: "a thing",
    guard: {},
    promised: () => true,
    attempt: () => attempt,
    control: "own",
    ...row,
  };
  const outside = {} as Outside;
  return judge(whole, {} as Facts, {
    attempt,
    outside,
    control,
    controlOutside: outside,
    problem: undefined,
  });
}

describe("an attempt whose time ran out", () => {
  test("shows nothing, whatever its control came to", () => {
    const { status, seen } = judged(NO_ANSWER, THROUGH);
    assert.deepEqual([status, seen], ["inconclusive", "no answer in time, which shows nothing"]);
    assert.equal(judged({ ...REFUSED, late: true }, THROUGH).status, "inconclusive");
    assert.equal(judged(REFUSED, THROUGH).status, "held");
  });

  test("failed where it shows outside that it came through", () => {
    assert.equal(judged(NO_ANSWER, THROUGH, { cameThrough: () => true }).status, "failed");
  });

  test("shows nothing of the machine where it was allowed", () => {
    const row = { machineMayRefuse: "a setting" };
    assert.equal(judged(REFUSED, NO_ANSWER, row).status, "inconclusive");
    assert.equal(judged(REFUSED, REFUSED, row).status, "not promised");
  });
});
