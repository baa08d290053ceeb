import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { checkDisk } from "../../../../../src/lib/client/doctor/check-disk.ts";
import { temporaryDirectory } from "./doctor-fixture.ts";

const MIB = 1024 ** 2;

const cases: [free: number, status: string][] = [
  [2048 * MIB, "ok"],
  [1024 * MIB, "ok"],
  [1023 * MIB, "warning"],
  [100 * MIB, "warning"],
  [99 * MIB, "error"],
  [0, "error"],
];
for (const [free, status] of cases) {
  test(`${free / MIB} MiB free: ${status}`, () => {
    const finding = checkDisk(["/"], () => free);
    assert.equal(finding.status, status);
    assert.match(finding.message, new RegExp(`${(free / MIB).toLocaleString("en")} MiB are free at /`));
    assert.equal(finding.hint !== undefined, status !== "ok");
  });
}

test("the fullest place counts, and one that doesn't exist stands for its nearest parent", (t) => {
  const dir = temporaryDirectory(t);
  const finding = checkDisk(["/", join(dir, "not", "yet")], (path) => (path === dir ? 5 * MIB : 5_000 * MIB));
  assert.equal(finding.status, "error");
  assert.ok(finding.message.includes(`at ${dir};`), finding.message);
});

test("a real file system is asked", (t) => {
  assert.match(checkDisk([temporaryDirectory(t)]).message, /\d MiB are free/);
});
