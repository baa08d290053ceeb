import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { followFile, readLines } from "../../../../src/lib/client/follow-file.ts";
import { LogFile } from "../../../../src/lib/daemon/log-file.ts";

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

test("loses no line of the daemon's log when it is rotated faster than anybody reads", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "pictl-follow-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "log");
  const log = new LogFile(path, (text) => text, { maxBytes: 10_000 });
  log.info("0");
  const seen: number[] = [];
  const stop = new AbortController();
  const last = Promise.withResolvers<void>();
  const following = followFile(
    path,
    0,
    (line) => {
      seen.push(Number((JSON.parse(line) as { message: string }).message));
      if (seen.at(-1) === 150) last.resolve();
    },
    stop.signal,
  );
  // Without a pause: the follower sees only what is left at the end, the rest is in the older file.
  for (let i = 1; i <= 150; i++) log.info(String(i));
  await last.promise;
  stop.abort();
  await following;
  log.close();
  assert.deepEqual(
    seen,
    Array.from({ length: 151 }, (_, i) => i),
  );
});
