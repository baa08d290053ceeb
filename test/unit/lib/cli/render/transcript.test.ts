import assert from "node:assert/strict";
import { test } from "node:test";
import { Chalk } from "chalk";
import {
  clip,
  columnsOf,
  PieceSanitizer,
  sanitize,
  wrap,
} from "../../../../../src/lib/cli/render/text-width.ts";
import { renderTranscript } from "../../../../../src/lib/cli/render/transcript.ts";
import type { TranscriptMessage } from "../../../../../src/lib/protocol/transcript.ts";

const message = (fields: Partial<TranscriptMessage>): TranscriptMessage => ({
  entryId: "e",
  role: "assistant",
  text: "",
  timestamp: Date.parse("2026-11-21T04:50:30.000Z"),
  ...fields,
});
const options = { width: 30, colors: new Chalk({ level: 0 }) };

test("a conversation for a terminal", () => {
  const text = renderTranscript(
    [
      message({ role: "user", number: 2, text: "Please have a look at all of this.", images: 1 }),
      message({
        text: "Sure.",
        model: "acme/m",
        toolCalls: [{ id: "c", name: "bash", args: { command: "ls -la /a/long/path" } }],
      }),
      message({ role: "tool", toolName: "bash", text: "1\n2\n3\n4\n" }),
      message({ role: "bash", command: "make\nall", text: "", exitCode: 2, timestamp: 0 }),
      message({ role: "summary", kind: "compaction", text: "so far" }),
      message({ stopReason: "aborted" }),
    ],
    { ...options, outputLines: 3 },
  );
  assert.equal(
    text,
    `#2 user · 2026-11-21 04:50
  Please have a look at all of
  this.
  (1 image)

assistant · acme/m · 2026-11-21 04:50
  Sure.
  → bash {"command":"ls -la /…

tool bash · 2026-11-21 04:50
  1
  2
  3
  … 1 more line

shell · exit code 2
  $ make all

compaction · 2026-11-21 04:50
  so far

assistant · 2026-11-21 04:50
  (aborted)
`,
  );
});

test("each kind of line has its colour, and a pipe gets whole lines without any", () => {
  const messages = [
    message({
      thinking: "hm",
      text: "x",
      toolCalls: [{ id: "", name: "n", args: {} }],
      errorMessage: "boom",
    }),
    message({ role: "tool", toolName: "t", text: "1\n2\n3" }),
  ];
  const colored = renderTranscript(messages, { ...options, colors: new Chalk({ level: 1 }), outputLines: 2 });
  for (const part of ["[31m  boom", "[36m  → n {}", "[1massistant", "[2m  … 1 more line"]) {
    assert.ok(colored.includes(`\u001b${part}`), `${part} in ${JSON.stringify(colored)}`);
  }
  const long = message({ role: "user", number: 1, text: `${"word ".repeat(60)}end` });
  const piped = renderTranscript([long, ...messages], { ...options, width: undefined, outputLines: 2 });
  assert.ok(piped.includes(`  ${long.text}\n`));
  assert.ok(piped.includes("  1\n  2\n  3\n"));
  assert.ok(!piped.includes("\u001b"));
});

test("nothing a message says can steer the terminal", () => {
  const evil = "\u001b]0;title\u0007\u001b[31mred\u001b[0m\r\nbell\u0007 \u009b2J back\b\u202Eflip";
  const text = renderTranscript(
    [
      message({ role: "user", number: 1, text: evil }),
      message({ role: "tool", text: evil, toolName: evil }),
      message({ model: evil, errorMessage: evil, toolCalls: [{ id: "", name: evil, args: { evil } }] }),
      message({ role: "custom", kind: evil, text: evil }),
    ],
    { ...options, width: 200 },
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  assert.equal(sanitize("a\tb\r\nc"), "a    b\nc");
});

test("what comes in pieces reads as if it had come whole, wherever it was cut", () => {
  const texts = [
    "a \u001b[1;31mred\u001b[0m\r\nword",
    "\u001b]0;title\u0007after \u001b]8;;http://x.y\u001b\\link",
    "\u009b31mred, 5\r6",
  ];
  for (const text of texts) {
    for (let at = 0; at <= text.length; at++) {
      const pieces = new PieceSanitizer();
      assert.equal(
        pieces.next(text.slice(0, at)) + pieces.next(text.slice(at)),
        sanitize(text),
        `cut at ${at}`,
      );
    }
    const pieces = new PieceSanitizer();
    assert.equal([...text].map((character) => pieces.next(character)).join(""), sanitize(text));
  }
});

test("what is never finished is waited for only so long", () => {
  for (const begin of ["\u001b]0;", "\u001b["]) {
    const pieces = new PieceSanitizer();
    assert.equal(pieces.next(begin), "");
    const shown = Array.from({ length: 2_000 }, () => pieces.next("1")).join("");
    assert.match(shown, /^1{900,}$/);
    assert.equal(pieces.next(`${begin}\n`) + pieces.next("next\n"), sanitize(`${begin}\nnext\n`));
  }
});

test("wraps at spaces, keeps an indent, breaks what has no space, and counts wide characters double", () => {
  assert.deepEqual(wrap("aaa bbb ccc", 7), ["aaa bbb", "ccc"]);
  assert.deepEqual(wrap("  - one two three", 10), ["  - one", "  two", "  three"]);
  assert.deepEqual(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
  assert.deepEqual(wrap("漢字漢字", 5), ["漢字", "漢字"]);
  assert.deepEqual(wrap("a\n\nb", 5), ["a", "", "b"]);
  assert.deepEqual(wrap(" ".repeat(50), 5), [""]);
  assert.equal(clip("漢字漢字", 5), "漢字…");
  assert.equal(clip("exact", 5), "exact");
  assert.deepEqual(["a", "é", "\u0301", "😀", "漢"].map(columnsOf), [1, 1, 0, 2, 2]);
});

test("a line of many megabytes is wrapped in time that grows with its length only", () => {
  const line = "x".repeat(4_000_000);
  const rows = wrap(line, 100);
  assert.equal(rows.length, 40_000);
  assert.equal(rows.join(""), line);
});
