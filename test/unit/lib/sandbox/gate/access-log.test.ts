import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AccessLog, readAccessLog } from "../../../../../src/lib/sandbox/gate/access-log.ts";
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

  for (let port = 1; port <= 5000; port += 1) log.write(record(port));
  log.flush();
  const last = readAccessLog(path).at(-1);
  assert.equal(last?.omitted, 3000);
});

test("a log that can't be written loses records and nothing else", (t) => {
  const log = new AccessLog(join(place(t), "no", "such", "folder"));
  log.write(record(1));
  log.flush();
});
