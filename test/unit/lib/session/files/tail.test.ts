import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { markEnd, readTail } from "../../../../../src/lib/session/files/tail.ts";

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
    assert.deepEqual(mark, { ino: statSync(path).ino, offset: statSync(path).size, lastId: "b" });
    assert.deepEqual(readTail(path, START), {
      ...mark,
      ids: ["a", "b"],
      isChain: true,
      isCut: false,
      isAfterLine: true,
    });
    appendFileSync(path, entry("c", "b") + entry("d", "c"));
    const tail = readTail(path, mark);
    assert.deepEqual([tail.ids, tail.isChain, tail.offset], [["c", "d"], true, statSync(path).size]);
    appendFileSync(path, entry("e", "b"));
    assert.equal(readTail(path, mark).isChain, false);
    assert.equal(readTail(path, tail).isChain, false);
    writeFileSync(path, HEADER + entry("something else", null, "and more of it"));
    assert.equal(readTail(path, mark).isAfterLine, false);
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
