import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AccessLog, readAccessLog } from "../../../../../src/lib/sandbox/gate/access-log.ts";
import { keepShares } from "../../../../../src/lib/sandbox/gate/log-shares.ts";
import type { GateRecord } from "../../../../../src/lib/sandbox/gate/record.ts";

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pictl-gate-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "sandbox.log");
}

function record(port: number, session = "s1"): GateRecord {
  return {
    time: new Date(port).toISOString(),
    session,
    method: "CONNECT",
    host: "example.com",
    port,
    verdict: "allowed",
    bytesIn: 1,
    bytesOut: 2,
    durationMs: 3,
  };
}

test("records come back in their order, of one session or the newest ones, from a file that only its owner reads", (t) => {
  const path = place(t);
  assert.deepEqual(readAccessLog(path), []);
  const log = new AccessLog(path);
  const records = [record(1), record(2, "s2"), record(3)];
  for (const each of records) log.write(each);
  log.flush();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  appendFileSync(path, '{"cut":\n\nnot json\n');
  assert.deepEqual(readAccessLog(path), records);
  assert.deepEqual(readAccessLog(path, { session: "s1" }), [record(1), record(3)]);
  assert.deepEqual(readAccessLog(path, { limit: 1 }), [record(3)]);
  assert.deepEqual(readAccessLog(path, { limit: 0 }), []);
});

test("what the log takes is bounded, on the disk and before it", (t) => {
  const path = place(t);
  const log = new AccessLog(path, { maxBytes: 1000 });
  for (let port = 1; port <= 100; port += 1) {
    log.write(record(port));
    log.flush();
  }
  assert.ok(readdirSync(join(path, "..")).every((name) => /^sandbox\.log(\.1)?$/.test(name)));
  const kept = readAccessLog(path);
  assert.ok(kept.length > 0 && kept.length < 20);
  assert.equal(kept.at(-1)?.port, 100);
});

test("a session that makes too many records has them counted, and its last one is written", (t) => {
  const path = place(t);
  const log = new AccessLog(path);
  for (let port = 1; port <= 5000; port += 1) log.write(record(port, "loud"));
  log.write(record(1, "other"));
  log.flush();
  const kept = readAccessLog(path, { session: "loud" });
  assert.equal(kept.length, 1001);
  assert.deepEqual([kept.at(-1)?.port, kept.at(-1)?.omitted], [5000, 3999]);
  assert.deepEqual(readAccessLog(path, { session: "other" }), [record(1, "other")]);
  log.write(record(5001, "loud"));
  log.flush();
  assert.equal(readAccessLog(path).at(-1)?.omitted, undefined, "what was told isn't told again");
});

test("a log has the same share for each session, of their newest records", () => {
  const loud = Array.from({ length: 1000 }, (_, index) => record(index + 1, "loud"));
  const quiet = [record(2000, "quiet"), record(2001, "quiet")];
  const busy = Array.from({ length: 1000 }, (_, index) => record(index + 3000, "busy"));
  const bytes = Buffer.byteLength(JSON.stringify(loud[500])) + 1;
  const kept = keepShares([...quiet, ...loud, ...busy], 400 * bytes);
  const of = (session: string) => kept.filter((each) => each.session === session);
  assert.deepEqual(of("quiet"), quiet);
  assert.ok(Math.abs(of("loud").length - of("busy").length) <= 2);
  assert.ok(kept.length > 390 && kept.length <= 402);
  assert.equal(of("loud").at(-1)?.port, 1000);
  assert.equal((of("loud")[0]?.omitted ?? 0) + of("loud").length, 1000);
});

test("of more sessions than a log has room for, those that wrote last stay", () => {
  const sessions = Array.from({ length: 3000 }, (_, index) => record(index, `s${index}`));
  const kept = keepShares(sessions, 64 * 1024);
  assert.deepEqual(kept, sessions.slice(-4));
});

test("a log that can't be written loses records and nothing else", (t) => {
  const log = new AccessLog(join(place(t), "no", "such", "folder"));
  log.write(record(1));
  log.flush();
});
