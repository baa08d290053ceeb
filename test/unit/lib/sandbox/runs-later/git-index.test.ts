import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseGitIndex } from "../../../../../src/lib/sandbox/runs-later/git-index.ts";

const HASH = 20;

/** Does all the work at once. */
function parse(bytes: Buffer) {
  const work = parseGitIndex(bytes);
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

function makeIndex(t: { after(done: () => void): void }, options: string[], ...steps: string[][]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "pictl-index-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const git = (...args: string[]) => execFileSync("git", ["-C", directory, ...args], { stdio: "pipe" });
  git("init", "-q", ...options);
  for (const name of ["a", "ab", "abc.txt", "b"]) writeFileSync(join(directory, name), name);
  git("add", ".");
  for (const step of steps) git(...step);
  return readFileSync(join(directory, ".git/index"));
}

describe("the flags of git's index", () => {
  for (const version of ["2", "3", "4"])
    test(`in version ${version}, whose names are kept in their own way`, (t) => {
      const { entries } = parse(
        makeIndex(
          t,
          [],
          ["update-index", "--index-version", version],
          ["update-index", "--assume-unchanged", "ab"],
          // Has flags that only version 3 and later have.
          ...(version === "2" ? [] : [["update-index", "--skip-worktree", "abc.txt"]]),
        ),
      );
      assert.deepEqual(
        entries.map((entry) => [entry.name.toString(), entry.isAssumedUnchanged, entry.isSkipped]),
        [["ab", true, false], ...(version === "2" ? [] : [["abc.txt", false, true]])],
      );
    });

  test("with hashes of SHA-256", (t) => {
    const { entries } = parse(
      makeIndex(t, ["--object-format=sha256"], ["update-index", "--assume-unchanged", "b"]),
    );
    assert.deepEqual(
      entries.map(({ name }) => name.toString()),
      ["b"],
    );
  });

  test("of a name that is longer than its length can say", (t) => {
    const long = `${"d/".repeat(2_100)}f`;
    const add = ["update-index", "--add", "--cacheinfo", `100644,${"1".repeat(40)},${long}`];
    const { entries } = parse(makeIndex(t, [], add, ["update-index", "--assume-unchanged", "b"]));
    assert.equal(entries[0]?.name.toString(), "b");
  });

  test("where a part of the index is shared", (t) => {
    const { entries, shared } = parse(
      makeIndex(t, [], ["update-index", "--split-index"], ["update-index", "--skip-worktree", "abc.txt"]),
    );
    assert.deepEqual(
      entries.map(({ name, position }) => [name.length, shared?.replaced[position]]),
      [[0, 2]],
    );
  });
});

describe("what is no index", () => {
  test("is refused, whatever it says of itself", (t) => {
    const bytes = makeIndex(t, []);
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => parse(bytes.subarray(0, length)), /no (whole )?index of git/, `${length} bytes`);
    const with5 = Buffer.from(bytes);
    with5.writeUInt32BE(5, 4);
    assert.throws(() => parse(with5), /known version/);
  });

  test("takes no room for bits that aren't there", (t) => {
    const bytes = makeIndex(t, []);
    // One word that repeats a set bit 2^38 times.
    const bitmap = Buffer.from("000000400000000200000001ffffffff00000000", "hex");
    const link = Buffer.concat([Buffer.alloc(HASH, 1), bitmap, bitmap]);
    const head = Buffer.alloc(8);
    head.write("link");
    head.writeUInt32BE(link.length, 4);
    // In the place of all extensions, after the entries.
    const end = bytes.indexOf("TREE");
    const made = Buffer.concat([
      bytes.subarray(0, end < 0 ? bytes.length - HASH : end),
      head,
      link,
      Buffer.alloc(HASH),
    ]);
    assert.throws(() => parse(made), /no whole index/);
  });
});
