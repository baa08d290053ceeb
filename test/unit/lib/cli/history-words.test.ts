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

const FLAGS = {
  all: { type: "boolean", char: "a" },
  limit: { type: "option", char: "l" },
  context: { type: "option", char: "C" },
  role: { type: "option" },
  session: { type: "option", char: "s" },
  sort: { type: "option" },
  tool: { type: "option" },
} as const;

test("words that begin with a dash are words, flags are flags, and their values are theirs", () => {
  const taken = (argv: string[]) => {
    markQueryWords(argv, FLAGS);
    return argv.map((word) => (word.startsWith("-") ? word : queryText([word])));
  };
  const marked = (argv: string[]) => {
    markQueryWords(argv, FLAGS);
    return argv.filter((word) => queryText([word]) !== word).map((word) => queryText([word]));
  };
  const argv = [
    "one",
    "-not",
    "-C",
    "3",
    "-l5",
    "-s",
    "x",
    "--all",
    '-"a',
    "--role=user",
    "--",
    "-z",
    "--force",
  ];
  assert.deepEqual(marked([...argv]), ["-not", '-"a']);
  assert.deepEqual(taken([...argv]), argv);
  for (const word of ["--force", "--foo=bar", "---", "--no-color", "--force push", "--", "-", "-5"])
    assert.deepEqual(marked([word]), word === "--" || word === "-" ? [] : [word], word);
  for (const values of [
    ["--limit", "-1"],
    ["--tool", "-x"],
    ["-s", "--force"],
    ["--limit=-1"],
    ["--limit", "--", "-x"],
  ])
    assert.deepEqual(marked([...values]), [], values.join(" "));
  assert.deepEqual(marked(["--force", "--help"]), []);
});

test("what is nearly a flag is neither taken nor looked for, and the way to do both is told", () => {
  for (const [word, flag] of [
    ["--rolle", "--role"],
    ["--rolle=user", "--role"],
    ["--port", "--sort"],
    ["--limt", "--limit"],
  ] as const) {
    assert.throws(() => markQueryWords(["x", word], FLAGS), {
      code: "USAGE",
      hint: `Did you mean "${flag}"? To look for it as it stands, write it behind the flags and --: -- ${word}`,
      details: { flags: [word], suggestions: [flag] },
    });
    markQueryWords(["x", "--", word], FLAGS);
  }
});

test("the word that is being typed is the beginning of one", () => {
  assert.equal(unfinished("socket tim", false), "socket tim*");
  assert.equal(unfinished("t", false), "t");
  assert.equal(unfinished("foo.ba", false), "foo.ba");
  assert.equal(unfinished("socket ", false), "socket ");
  assert.equal(unfinished("tim", true), "tim");
});
