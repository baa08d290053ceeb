import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { failureText } from "../../scripts/test/print.ts";
import { type FileResult, runFile } from "../../scripts/test/run-file.ts";
import { countsOf } from "../../scripts/test/seen.ts";
import { scaled } from "../support/speed.ts";

const LONG_MS = scaled(60_000);

async function run(
  t: TestContext,
  name: string,
  { idleMs = LONG_MS, isOverAt }: { idleMs?: number; isOverAt?: string } = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<FileResult> {
  const directory = mkdtempSync(join(tmpdir(), "pictl-runner-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = `test/fixtures/runner/${name}.ts`;
  const limits = { testMs: LONG_MS, fileMs: LONG_MS, idleMs };
  // The limit is over as soon as that test has begun, instead of after a time in which a slow machine gets nowhere.
  const slowness = () => (isOverAt !== undefined && hasBegun(join(directory, "events"), isOverAt) ? 0 : 1);
  return await runFile({ file, env: {}, options: [] }, directory, slowness, signal, limits);
}

function hasBegun(events: string, test: string): boolean {
  return existsSync(events) && readFileSync(events, "utf8").includes(test);
}

test("a file that passes has no problem, and its tests are counted", async (t) => {
  const result = await run(t, "passes");
  assert.equal(failureText(result), "");
  const { tests, suites, pass, skipped } = countsOf(result.seen);
  assert.deepEqual({ tests, suites, pass, skipped }, { tests: 2, suites: 1, pass: 1, skipped: 1 });
});

test("what a failed test leaves running doesn't keep the run alive", async (t) => {
  const result = await run(t, "leaves-an-interval", { idleMs: 200 });
  assert.equal(result.problem, "kept running after its last test, because of: Timeout");
  assert.match(failureText(result), /✖ fails before it clears its interval\n.*too early/);
  assert.equal(countsOf(result.seen).pass, 1);
});

test("a file that never ends is killed at its limit, which names the test that ran", async (t) => {
  const result = await run(t, "spins", { isOverAt: "never ends" });
  assert.match(result.problem ?? "", /did not end within \d+ s\. It was running: a suite › never ends$/);
});

test("a file is killed when the run is ended", async (t) => {
  const result = await run(t, "spins", {}, AbortSignal.timeout(200));
  assert.match(result.problem ?? "", /^was ended with the run\. It was running: /);
});

test("a process that a file leaves behind is ended and named", {
  skip: process.platform === "linux" ? false : "only Linux shows another process's environment",
}, async (t) => {
  const result = await run(t, "leaves-a-process", { idleMs: 0 });
  assert.match(result.problem ?? "", /^left processes behind:\n\d+ sleep 600/);
});

test("a file that can't be loaded is a failure with what it printed", async (t) => {
  assert.match(failureText(await run(t, "doesnt-load")), /ended with exit code 1[\s\S]*can't be loaded/);
});
