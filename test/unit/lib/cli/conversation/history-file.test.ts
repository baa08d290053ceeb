import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HistoryFile } from "../../../../../src/lib/cli/conversation/history-file.ts";

function temporaryHistory(t: TestContext): HistoryFile {
  const home = mkdtempSync(join(tmpdir(), "pictl-history-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return new HistoryFile({ PICTL_HOME: home });
}

test("entries come back in order, with their line ends, to this user alone", (t) => {
  const history = temporaryHistory(t);
  assert.deepEqual(history.load(), []);
  history.add("one");
  history.add("two\nlines");
  history.add("  ");
  assert.deepEqual(new HistoryFile({ PICTL_HOME: join(history.path, "../..") }).load(), [
    "one",
    "two\nlines",
  ]);
  assert.equal(statSync(history.path).mode & 0o777, 0o600);
});

test("a line that is broken is passed over", (t) => {
  const history = temporaryHistory(t);
  history.add("one");
  appendFileSync(history.path, '{"text": "half\n{"text": 7}\n');
  history.add("two");
  assert.deepEqual(history.load(), ["one", "two"]);
});

test("the file is bounded, in entries and in the length of one", (t) => {
  const history = temporaryHistory(t);
  history.add("x".repeat(100_000));
  assert.equal(existsSync(history.path), false);
  history.add("first");
  appendFileSync(history.path, Array.from({ length: 1_300 }, (_, n) => `{"text":"${n}"}\n`).join(""));
  const entries = history.load();
  assert.equal(entries.length, 1_000);
  assert.equal(entries.at(-1), "1299");
  assert.equal(readFileSync(history.path, "utf8").trimEnd().split("\n").length, 1_000);
  assert.equal(statSync(history.path).mode & 0o777, 0o600);
});
