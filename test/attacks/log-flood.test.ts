import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AccessLog, readAccessLog } from "../../src/lib/sandbox/gate/access-log.ts";
import { startGate } from "../support/gate.ts";

const MAX_BYTES = 48 * 1024;
const FLOOD = 1_500;

function logFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "pictl-log-flood-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, "sandbox.log");
}

test("an agent that floods the log pushes out none of another session's lines, and its own are counted", async (t) => {
  const path = logFile(t);
  const log = new AccessLog(path, { maxBytes: MAX_BYTES });
  const onLog = log.write;
  const other = await startGate(t, { session: "other", onLog });
  const loud = await startGate(t, { session: "loud", onLog });
  const ask = async (port: number, host: string) =>
    // A path is no request for the gate: it refuses each, and says so in the log.
    (await fetch(`http://127.0.0.1:${port}/${host}`)).arrayBuffer();
  for (let count = 0; count < 5; count += 1) await ask(other.port, "mine");
  for (let count = 0; count < FLOOD; count += 100) {
    await Promise.all(Array.from({ length: 100 }, () => ask(loud.port, "again")));
    log.flush();
  }
  assert.equal(readAccessLog(path, { session: "other" }).length, 5);
  const lines = readAccessLog(path, { session: "loud" });
  const counted = lines.reduce((sum, { omitted = 0 }) => sum + omitted + 1, 0);
  assert.equal(counted, FLOOD);
  assert.ok(lines.length < 500);
  for (const file of [path, `${path}.1`]) assert.ok(statSync(file).size <= MAX_BYTES + 64 * 1024, file);
});
