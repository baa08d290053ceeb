import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatAge, formatDuration, parseDuration } from "../../../../src/lib/core/duration.ts";

describe("parseDuration", () => {
  test("takes every unit, fractions, and a plain number of seconds", () => {
    const cases: [string, number][] = [
      ["1500ms", 1500],
      ["30s", 30_000],
      ["5m", 300_000],
      ["2h", 7_200_000],
      ["1d", 86_400_000],
      ["1.5s", 1500],
      ["10", 10_000],
      ["0", 0],
      [" 5m ", 300_000],
      ["24d", 24 * 86_400_000],
    ];
    for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
  });

  test("refuses everything else, and what a timer of Node can't hold", () => {
    for (const text of [
      "",
      "m",
      "5 m",
      "-1s",
      "5min",
      "1h30m",
      "1e3s",
      "Infinity",
      "25d",
      "99999999999999",
    ]) {
      assert.throws(() => parseDuration(text), { code: "USAGE", exitCode: 2 }, text);
    }
    assert.throws(() => parseDuration("soon"), { message: '"soon" is not a duration.' });
    assert.throws(() => parseDuration("25d"), {
      message: '"25d" is longer than the longest duration, 24 days.',
    });
  });
});

describe("formatDuration", () => {
  test("gives the two largest units", () => {
    const cases: [number, string][] = [
      [0, "0ms"],
      [999, "999ms"],
      [1_000, "1s"],
      [61_000, "1m 1s"],
      [60_000, "1m"],
      [3_600_000 + 1_000, "1h"],
      [90_061_000, "1d 1h"],
    ];
    for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
  });

  test("an age is its largest unit, or now", () => {
    assert.deepEqual([0, 4_999, 5_000, 200_000, 90_061_000].map(formatAge), ["now", "now", "5s", "3m", "1d"]);
  });
});
