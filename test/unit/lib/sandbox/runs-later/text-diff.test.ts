import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { textDiff } from "../../../../../src/lib/sandbox/runs-later/text-diff.ts";
import { seededRandom } from "../../../../support/random.ts";

describe("the difference of two texts", () => {
  test("is nothing where they are equal", () => {
    assert.deepEqual(textDiff("a\nb\n", "a\nb\n"), { text: "", added: 0, removed: 0 });
  });

  test("has three lines around a change, and counts as diff -u does", () => {
    const lines = Array.from({ length: 20 }, (_, index) => `${index}\n`);
    const { text, added, removed } = textDiff(lines.join(""), lines.join("").replace("10\n", "ten\n"));
    assert.equal(text, "@@ -8,7 +8,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n");
    assert.deepEqual([added, removed], [1, 1]);
  });

  test("says that a last line has no end", () => {
    assert.equal(textDiff("a\n", "a").text, "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n");
  });

  test("of an empty text is all of the other", () => {
    assert.equal(textDiff("", "a\nb\n").text, "@@ -0,0 +1,2 @@\n+a\n+b\n");
    assert.equal(textDiff("a\n", "").text, "@@ -1 +0,0 @@\n-a\n");
  });

  test("of two long texts without anything in common ends soon", () => {
    const text = (word: string) => Array.from({ length: 50_000 }, (_, index) => `${word}${index}\n`).join("");
    const { added, removed } = textDiff(text("a"), text("b"));
    assert.deepEqual([added, removed], [50_000, 50_000]);
  });

  test("turns the one into the other, as `patch` reads it", (t) => {
    const directory = mkdtempSync(join(tmpdir(), "pictl-diff-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    if (spawnSync("patch", ["--version"]).status !== 0) return t.skip("patch is not on PATH");
    const random = seededRandom(4711);
    for (let round = 0; round < 30; round++) {
      const before = Array.from({ length: 40 }, () => `${Math.floor(random() * 6)}\n`);
      const after = before.flatMap((line) =>
        random() < 0.15 ? [] : random() < 0.2 ? [line, `${Math.floor(random() * 6)}\n`] : [line],
      );
      writeFileSync(join(directory, "f"), before.join(""));
      const { text } = textDiff(before.join(""), after.join(""));
      if (text === "") continue;
      const { status, stdout } = spawnSync("patch", ["-s", "-F0", "-o", "-", "f"], {
        cwd: directory,
        input: `--- f\n+++ f\n${text}`,
        encoding: "utf8",
      });
      assert.deepEqual([status, stdout], [0, after.join("")], `round ${round}\n${text}`);
    }
  });
});
