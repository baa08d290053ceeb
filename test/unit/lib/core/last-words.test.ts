import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { describe, test } from "node:test";
import { keepHeadAndTail, lastWordsOf } from "../../../../src/lib/core/last-words.ts";

const FRAMES = Array.from({ length: 12 }, (_, index) => `    at step${index} (file:///a/b.js:${index}:7)`);

describe("lastWordsOf", () => {
  const shown: { name: string; text: string[]; has: string[]; hasNot: string[] }[] = [
    {
      name: "a missing module: Node's reason, without its stack",
      text: [
        "node:internal/modules/package_json_reader:301",
        "  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);",
        "        ^",
        "",
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-pad' imported from /x/ext.mjs",
        ...FRAMES,
        "    at new Promise (<anonymous>) {",
        "  code: 'ERR_MODULE_NOT_FOUND'",
        "}",
        "",
        "Node.js v24.21.0",
      ],
      has: ["Cannot find package 'left-pad'", "ERR_MODULE_NOT_FOUND"],
      hasNot: ["at step", "Node.js v24", "^"],
    },
    {
      name: "an error that is followed by many fields of its own",
      text: [
        "an earlier remark",
        ...Array.from({ length: 30 }, (_, index) => `a line of the extension ${index}`),
        "/x/ext.ts:7",
        "    throw Object.assign(new Error('the disk is gone'), facts);",
        "          ^",
        "Error: the disk is gone",
        ...FRAMES,
        ...Array.from({ length: 40 }, (_, index) => `  field${index}: 'value'`),
        "  [cause]: Error: an inner one",
        "}",
        "Node.js v24.21.0",
      ],
      has: ["/x/ext.ts:7", "Error: the disk is gone", "…", "[cause]: Error: an inner one"],
      hasNot: ["an earlier remark", "field20"],
    },
    {
      name: "memory that is used up",
      text: [
        "<--- Last few GCs --->",
        "[1:0x1]     1234 ms: Mark-Compact 99.7 (101.2) -> 99.6 (101.4) MB, allocation failure;",
        "<--- JS stacktrace --->",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "----- Native stack trace -----",
        " 1: 0xb9a330 node::Abort() [node]",
        ...Array.from({ length: 20 }, (_, index) => `${index + 2}: 0x1b9a330 v8::internal [node]`),
      ],
      has: ["FATAL ERROR: Reached heap limit"],
      hasNot: ["0xb9a330", "Native stack"],
    },
    {
      name: "words that are no stack",
      text: ["  look at this: it", "  at most three of them"],
      has: ["look at this: it", "at most three of them"],
      hasNot: ["…"],
    },
    {
      name: "many lines without a reason: the first and the last",
      text: Array.from({ length: 50 }, (_, index) => `line ${index}.`),
      has: ["line 0.", "line 49.", "…"],
      hasNot: ["line 20."],
    },
  ];
  for (const { name, text, has, hasNot } of shown) {
    test(name, () => {
      const words = lastWordsOf(text.join("\n"));
      for (const each of has) assert.ok(words.includes(each), `${each} is missing in:\n${words}`);
      for (const each of hasNot) assert.ok(!words.includes(each), `${each} stands in:\n${words}`);
      assert.ok(words.split("\n").length <= 12, words);
    });
  }

  test("a line without end is cut", () => {
    assert.ok(lastWordsOf("x".repeat(100_000)).length < 1_000);
  });
});

describe("keepHeadAndTail", () => {
  async function kept(chunks: string[]): Promise<string> {
    const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
    const text = keepHeadAndTail(stream, 100, 200);
    await finished(stream);
    return text();
  }

  test("keeps a short text whole, in whatever pieces it comes", async () => {
    const text = Array.from({ length: 20 }, (_, index) => `line ${index}`).join("\n");
    for (const size of [1, 7, 1_000])
      assert.equal(await kept(text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? []), text);
  });

  test("keeps both ends of a long one, and no half of a word", async () => {
    const secret = "s3cr3t-that-is-cut-in-the-middle";
    const words = Array.from({ length: 100 }, () => secret).join(" ");
    for (const pieces of [[`reason ${words} end`], `reason ${words} end`.split(/(?=.)/)]) {
      const text = await kept(pieces);
      assert.match(text, /^reason /);
      assert.match(text, / end$/);
      assert.match(text, /\n… \(\d+ bytes left out\)\n/);
      const others = text.replace(/\n….*\n/, " ").split(" ");
      assert.deepEqual([...new Set(others)].sort(), ["end", "reason", secret]);
    }
  });
});
