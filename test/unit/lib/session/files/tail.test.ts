import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { markEnd, missingAncestor, readTail, stillHolds } from "../../../../../src/lib/session/files/tail.ts";

const START = { offset: 0, lastId: null };
const HEADER = '{"type":"session","version":3,"id":"s1","timestamp":"t","cwd":"/w"}\n';
const entry = (id: string, parentId: string | null, text = "") =>
  `${JSON.stringify({ type: "message", id, parentId, timestamp: "t", message: { role: "user", content: text } })}\n`;

describe("the tail of a session file", () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-tail-"));
    path = join(dir, "s.jsonl");
    writeFileSync(path, HEADER + entry("a", null) + entry("b", "a"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test("is what stands behind a mark, and a chain when each follows the one before it", () => {
    const mark = markEnd(path);
    const lastAt = (HEADER + entry("a", null)).length;
    assert.deepEqual(mark, { ino: statSync(path).ino, offset: statSync(path).size, lastId: "b", lastAt });
    assert.deepEqual(readTail(path, START), {
      ...mark,
      ids: ["a", "b"],
      isChain: true,
      isCut: false,
      holdsMark: true,
      messages: 2,
    });
    appendFileSync(path, entry("c", "b") + entry("d", "c"));
    const tail = readTail(path, mark);
    assert.deepEqual([tail.ids, tail.isChain, tail.offset], [["c", "d"], true, statSync(path).size]);
    appendFileSync(path, entry("e", "b"));
    assert.equal(readTail(path, mark).isChain, false);
    assert.equal(readTail(path, tail).isChain, false);
  });

  test("tells whether the last entry of a mark is still in its place, or anywhere", () => {
    const mark = markEnd(path);
    const holds = () => [readTail(path, mark).holdsMark, stillHolds(path, mark)];
    appendFileSync(path, entry("c", "b"));
    assert.deepEqual(holds(), [true, true]);
    writeFileSync(path, HEADER + entry("a", null, "longer") + entry("b", "a"));
    assert.deepEqual(holds(), [false, true], "a rewrite");
    writeFileSync(path, HEADER + entry("a", null));
    assert.deepEqual(holds(), [false, false], "an earlier state");
    writeFileSync(path, HEADER + entry("a", null) + entry("x", "a") + entry("y", "x"));
    assert.deepEqual(holds(), [false, false], "another branch, with lines of the same lengths");
    writeFileSync(path, HEADER + entry("something else", null, "and more of it"));
    assert.deepEqual(holds(), [false, false]);
    writeFileSync(path, `${HEADER}{"data":{},"id":"b","type":"custom"}\n`);
    const custom = markEnd(path);
    assert.equal(readTail(path, custom).holdsMark, true, "an entry with its ids last");
  });

  test("names the entry that the last one descends from and that isn't there", () => {
    appendFileSync(path, entry("c", "a"));
    assert.equal(missingAncestor(path), undefined);
    appendFileSync(path, entry("d", "lost") + entry("e", "d"));
    assert.equal(missingAncestor(path), "lost");
    appendFileSync(path, entry("f", "b"));
    assert.equal(missingAncestor(path), undefined, "another branch goes on");
    writeFileSync(path, HEADER + entry("a", "b") + entry("b", "a"));
    assert.equal(missingAncestor(path), undefined, "a circle");
  });

  test("ends with the last whole line", () => {
    const { size } = statSync(path);
    appendFileSync(path, entry("c", "b").slice(0, 30));
    assert.deepEqual([markEnd(path).offset, markEnd(path).lastId], [size, "b"]);
    const tail = readTail(path, START);
    assert.deepEqual([tail.isCut, tail.offset, tail.lastId], [true, size, "b"]);
  });

  test("passes over what is no entry, and reads ids wherever they stand", () => {
    appendFileSync(path, `\nnot json\n{"parentId":"b","id":"c","type":"custom"}\n\n`);
    const tail = readTail(path, START);
    assert.deepEqual([tail.ids, tail.isChain], [["a", "b", "c"], true]);
    assert.equal(markEnd(path).lastId, "c");
  });

  test("finds the last entry however long it is, and none in a file without", () => {
    appendFileSync(path, entry("long", "b", "x".repeat(300_000)));
    assert.equal(markEnd(path).lastId, "long");
    assert.deepEqual(readTail(path, START).ids, ["a", "b", "long"]);
    writeFileSync(path, HEADER);
    assert.deepEqual([markEnd(path).offset, markEnd(path).lastId], [HEADER.length, null]);
    writeFileSync(path, "");
    assert.deepEqual([markEnd(path).offset, markEnd(path).lastId], [0, null]);
  });
});
