import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQuery } from "../../../../../src/lib/history/query/parse.ts";
import { Fold } from "../../../../../src/lib/history/text/fold.ts";

/** What is looked for, with a `!` before what must not occur. */
function termsOf(text: string): string[] {
  const terms = parseQuery(text, new Fold()).groups.flat();
  return terms.map(({ negated, literal, words }) => `${negated ? "!" : ""}${literal ?? words.join(" ")}`);
}

test("a dash excludes words, phrases, paths and names", () => {
  for (const [typed, excluded] of [
    ["-test", "test"],
    ['-"a phrase"', "a phrase"],
    ["-42", "42"],
    ["-/etc/passwd", "/etc/passwd"],
    ["-../up", "../up"],
    ["-.env", ".env"],
    ["-@scope/name", "@scope/name"],
    ["-foo.bar(", "foo.bar("],
    ["-検索", "検 索"],
    ["-🚀", "🚀"],
  ] as const)
    assert.deepEqual(termsOf(`word ${typed}`), ["word", `!${excluded}`], typed);
});

test("operators and flags are code as they stand", () => {
  for (const typed of ["-", "->", "--", "-=", "->name", "--force", "-->", "-)", "-*", "-/", "-(", "/*"])
    assert.deepEqual(termsOf(`word ${typed}`), ["word", typed], typed);
});
