import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSessionFile } from "../../../../../src/lib/core/session-files/open.ts";

test("a session file is opened at once, and nothing that stands in its place", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "pictl-open-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = (name: string) => join(dir, name);
  writeFileSync(path("file"), "text");
  symlinkSync(path("file"), path("link"));
  execFileSync("mkfifo", [path("pipe")]);
  mkdirSync(path("directory"));
  const fd = openSessionFile(path("file"));
  assert.equal(readFileSync(fd, "utf8"), "text");
  closeSync(fd);
  for (const name of ["link", "pipe", "directory"])
    assert.throws(() => openSessionFile(path(name)), { code: "EFTYPE" });
  assert.throws(() => openSessionFile(path("gone")), { code: "ENOENT" });
});
