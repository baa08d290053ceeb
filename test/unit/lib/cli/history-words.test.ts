import assert from "node:assert/strict";
import { test } from "node:test";
import { unfinished } from "../../../../src/lib/cli/history/interactive.ts";
import { parseMoment } from "../../../../src/lib/cli/history/moment.ts";
import { markQueryWords, queryText } from "../../../../src/lib/cli/history/query.ts";

test("moments: ages, days from their start to their end, times", () => {
  const now = new Date(2026, 10, 21, 12, 30).getTime();
  const at = (text: string, end: "start" | "end" = "start") => parseMoment(text, "--since", end, now);
  assert.equal(at("90m"), now - 90 * 60_000);
  assert.equal(at("7d"), now - 7 * 86_400_000);
  assert.equal(at("2w"), now - 14 * 86_400_000);
  assert.equal(at("2026-11-01"), new Date(2026, 10, 1).getTime());
  assert.equal(at("2026-11-01", "end"), new Date(2026, 10, 2).getTime() - 1);
  assert.equal(at("today"), new Date(2026, 10, 21).getTime());
  assert.equal(at("yesterday", "end"), new Date(2026, 10, 21).getTime() - 1);
  assert.equal(at("2026-11-01T10:30"), new Date(2026, 10, 1, 10, 30).getTime());
  for (const wrong of ["", "soon", "7", "2026-13-01", "2026-02-30", "-1d"]) {
    assert.throws(() => at(wrong), { code: "USAGE" }, wrong);
  }
});

test("words that begin with a dash are words, flags are flags", () => {
  const argv = ["one", "-not", "-C", "3", "-l5", "-s", "x", "--all", '-"a', "--", "-z"];
  markQueryWords(argv, "aplsChi");
  assert.deepEqual(
    argv.map((word) => word.startsWith("-")),
    [false, false, true, false, true, true, false, true, false, true, true],
  );
  assert.equal(queryText([argv[0] ?? "", argv[1] ?? "", argv[8] ?? ""]), 'one -not -"a');
});

test("the word that is being typed is the beginning of one", () => {
  assert.equal(unfinished("socket tim", false), "socket tim*");
  assert.equal(unfinished("t", false), "t");
  assert.equal(unfinished("foo.ba", false), "foo.ba");
  assert.equal(unfinished("socket ", false), "socket ");
  assert.equal(unfinished("tim", true), "tim");
});
