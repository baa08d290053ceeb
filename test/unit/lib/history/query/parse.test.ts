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

test("what can't be seen is nothing to look for, and no part of what is", () => {
  for (const typed of [
    "",
    " ",
    '""',
    '-""',
    '" "',
    "\u200b",
    "\ufeff",

    '"\u2060"*',
    "\u00ad \u200d",
  ])
    assert.throws(() => termsOf(typed), { code: "INVALID_INPUT", message: /nothing to look for/ }, typed);
  assert.deepEqual(termsOf('word "" \u200b'), ["word"]);
});

test("no word of a query is left out silently", () => {
  const words = Array.from({ length: 64 }, (_, i) => `w${i}`);
  assert.deepEqual(termsOf(words.join(" ")), words);
  for (const more of [[...words, "-no"].join(" "), [...words, "last"].join(" OR ")])
    assert.throws(() => termsOf(more), { code: "INVALID_INPUT", message: /more than 64 words/ });
  assert.deepEqual(termsOf(`"${words.join(" ")} last"`), [`${words.join(" ")} last`]);
});
