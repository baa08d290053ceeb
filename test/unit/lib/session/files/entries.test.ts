import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { PictlError } from "../../../../../src/lib/core/errors.ts";
import { activeBranch, readEntries } from "../../../../../src/lib/session/files/entries.ts";
import { SessionBuilder, temporaryDirectory } from "./session-fixture.ts";

const withCode = (code: string) => (error: PictlError) => error.code === code;

test("reads the header, every entry and the leaf, and counts broken lines", (t) => {
  const path = join(temporaryDirectory(t), "s.jsonl");
  const session = new SessionBuilder();
  session.user("line \u2028 separator");
  session.lines.push(
    "{torn",
    "",
    "17",
    '{"type":"message","id":"x","message":null}',
    '{"type":"session","id":"again"}',
  );
  const leaf = session.assistant("hi");
  session.lines.push('{"no":"type"}');
  // The last line without its LF, as pi reads it.
  writeFileSync(path, session.text.slice(0, -1));
  const contents = readEntries(path);
  assert.equal(contents.header.id, "s-1");
  assert.deepEqual(
    contents.entries.map((entry) => entry.id),
    ["e0000001", leaf],
  );
  assert.equal(contents.leafId, leaf);
  assert.equal(contents.brokenLines, 4);
  assert.match(JSON.stringify(contents.entries[0]), /line \u2028 separator/);
});

test("version 1 gets ids in order and its compaction a target; the file stays as it was", (t) => {
  const path = join(temporaryDirectory(t), "s.jsonl");
  const lines = [
    { type: "session", id: "v1", timestamp: "2026-11-21T04:50:00.000Z", cwd: "/w" },
    { type: "message", timestamp: "2026-11-21T04:50:01.000Z", message: { role: "user", content: "a" } },
    {
      type: "message",
      timestamp: "2026-11-21T04:50:02.000Z",
      message: { role: "hookMessage", content: "b" },
    },
    { type: "compaction", timestamp: "2026-11-21T04:50:03.000Z", summary: "s", firstKeptEntryIndex: 2 },
  ];
  const text = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
  writeFileSync(path, text);
  const { entries, leafId } = readEntries(path);
  const links = entries.map(({ id, parentId }) => [id, parentId]);
  assert.deepEqual(links, [
    ["00000001", null],
    ["00000002", "00000001"],
    ["00000003", "00000002"],
  ]);
  assert.equal(leafId, "00000003");
  const [, hook, compaction] = entries;
  assert.equal(hook?.type === "message" && hook.message.role, "custom");
  assert.equal(compaction?.type === "compaction" && compaction.firstKeptEntryId, "00000002");
  assert.equal(readFileSync(path, "utf8"), text);
});

test("version 2 keeps its ids and renames hook messages", (t) => {
  const path = join(temporaryDirectory(t), "s.jsonl");
  const session = new SessionBuilder({ version: 2 });
  session.message({ role: "hookMessage", customType: "e", content: "c", display: true });
  writeFileSync(path, session.text);
  const [entry] = readEntries(path).entries;
  assert.equal(entry?.id, "e0000001");
  assert.equal(entry?.type === "message" && entry.message.role, "custom");
});

test("a session without entries has no leaf", (t) => {
  const path = join(temporaryDirectory(t), "s.jsonl");
  writeFileSync(path, new SessionBuilder().text);
  assert.deepEqual([readEntries(path).leafId, readEntries(path).entries], [null, []]);
});

test("refuses what is missing, too large, of another kind or unreadable", (t) => {
  const dir = temporaryDirectory(t);
  const path = join(dir, "s.jsonl");
  assert.throws(() => readEntries(path), withCode("SESSION_NOT_FOUND"));
  assert.throws(() => readEntries(dir), withCode("STORAGE_UNAVAILABLE"));
  writeFileSync(path, new SessionBuilder().text);
  assert.throws(() => readEntries(path, 10), withCode("LIMIT_EXCEEDED"));
  for (const other of ["", "not json\n", '{"type":"message","id":"a"}\n', '{"type":"session"}\n']) {
    writeFileSync(path, other);
    assert.throws(() => readEntries(path), withCode("INVALID_INPUT"), other);
  }
});

test("the active branch follows parents from the leaf, as pi does", (t) => {
  const path = join(temporaryDirectory(t), "s.jsonl");
  const session = new SessionBuilder();
  const root = session.user("a");
  const old = session.assistant("old");
  const fresh = session.user("b", root);
  writeFileSync(path, session.text);
  const { entries, leafId } = readEntries(path);
  const branch = (leaf?: string | null) => activeBranch(entries, leaf).map((entry) => entry.id);
  assert.deepEqual(branch(leafId), [root, fresh]);
  assert.deepEqual(branch(old), [root, old]);
  assert.deepEqual(branch("unknown"), [root, fresh]);
  assert.deepEqual(branch(), [root, fresh]);
  assert.deepEqual(branch(null), []);
});

test("a missing parent ends the branch, and a ring of parents ends too", (t) => {
  const path = join(temporaryDirectory(t), "s.jsonl");
  const session = new SessionBuilder();
  session.user("a", "nobody");
  const b = session.user("b");
  writeFileSync(path, session.text);
  assert.equal(activeBranch(readEntries(path).entries).length, 2);
  const ring = new SessionBuilder();
  ring.user("a", "e0000002");
  ring.user("b");
  writeFileSync(path, ring.text);
  assert.deepEqual(
    activeBranch(readEntries(path).entries).map((entry) => entry.id),
    ["e0000001", b],
  );
});
