import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { followFile, readLines } from "../../../../src/lib/client/follow-file.ts";

test("follows a file from where its lines end, through a rotation, until told to stop", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "pictl-follow-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "log");
  assert.deepEqual(readLines(path), { lines: [], end: 0 });
  writeFileSync(path, "one\ntwö\nunfin");
  const { lines, end } = readLines(path);
  assert.deepEqual({ lines, end }, { lines: ["one", "twö"], end: 9 });

  const seen: string[] = [];
  const waiting: (() => void)[] = [];
  const until = async (count: number) => {
    while (seen.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const stop = new AbortController();
  const following = followFile(
    path,
    end,
    (line) => {
      seen.push(line);
      for (const wake of waiting.splice(0)) wake();
    },
    stop.signal,
  );
  appendFileSync(path, "ished\nthree\n");
  await until(2);
  truncateSync(path);
  appendFileSync(path, "4\n");
  await until(3);
  stop.abort();
  await following;
  assert.deepEqual(seen, ["unfinished", "three", "4"]);
});
