import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { listSessionFiles, sessionDirFor } from "../../../../../src/lib/core/session-files/locate.ts";
import {
  agentDirAround,
  keptFile,
  readKept,
  sandboxedDirectoryFor,
  sandboxedDirectoryOf,
  sandboxedFiles,
} from "../../../../../src/lib/core/session-files/sandboxed-directory.ts";
import { lockDirectoryFor } from "../../../../../src/lib/session/session-lock.ts";
import { temporaryDirectory } from "../../session/files/session-fixture.ts";

const CWD = "/home/u/project";

test("a sandboxed session's directory follows from pi's, and only from that", () => {
  const directory = sandboxedDirectoryFor("/a", CWD, "id-1");
  assert.equal(directory, "/a/sandboxed-sessions/--home-u-project--/id-1");
  const file = join(sandboxedFiles(directory), "t_id-1.jsonl");
  assert.equal(sandboxedDirectoryOf(file, "/a"), directory);
  assert.equal(agentDirAround(directory), "/a");
  assert.equal(
    lockDirectoryFor(dirname(file)),
    "/a/pictl/locks",
    "that of the sessions that aren't sandboxed",
  );
  // As an agent could lay out its workspace.
  assert.equal(sandboxedDirectoryOf(`/w${file}`, "/a"), undefined);
  assert.equal(sandboxedDirectoryOf(join(directory, "t_id-1.jsonl"), "/a"), undefined);
  assert.equal(sandboxedDirectoryOf(join(file, "x.jsonl"), "/a"), undefined);
});

test("an id that somebody has written leads nowhere else", () => {
  const parent = dirname(sandboxedDirectoryFor("/a", CWD, "id"));
  for (const id of ["../../../x", "..", "a/b", ""])
    assert.equal(dirname(sandboxedDirectoryFor("/a", CWD, id)), parent);
});

test("their files are listed with their directories, those of one project where that is asked for", (t) => {
  const agentDir = temporaryDirectory(t);
  const make = (cwd: string, id: string) => {
    const files = sandboxedFiles(sandboxedDirectoryFor(agentDir, cwd, id));
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, `t_${id}.jsonl`), "");
    writeFileSync(join(files, "t_forged.jsonl"), "");
  };
  make(CWD, "one");
  make("/home/u/other", "two");
  mkdirSync(sessionDirFor(CWD, agentDir), { recursive: true });
  writeFileSync(join(sessionDirFor(CWD, agentDir), "t_bare.jsonl"), "");
  const ids = (options: object) =>
    listSessionFiles({ agentDir, ...options })
      .files.map(({ id, sandboxed }) => `${id}${sandboxed === undefined ? "" : " sandboxed"}`)
      .sort();
  const one = ["forged sandboxed", "one sandboxed"];
  assert.deepEqual(ids({ cwd: CWD }), ["bare", ...one]);
  assert.deepEqual(ids({ below: "/home/u" }).length, 5);
  assert.deepEqual(
    ids({ sessionDir: join(agentDir, "none"), cwd: CWD }),
    one,
    "also beside a directory of the user's",
  );
  assert.deepEqual(ids({ idPrefix: "two" }), ["two sandboxed"]);
});

test("what is kept of one is read whole or not at all", (t) => {
  const directory = temporaryDirectory(t);
  assert.equal(readKept(directory), undefined);
  const kept = { id: "1", cwd: CWD, profile: "strict" };
  for (const broken of ["", "{", "[]", "{}", JSON.stringify({ ...kept, profile: "none" })]) {
    writeFileSync(keptFile(directory), broken);
    assert.throws(() => readKept(directory), SyntaxError);
  }
  writeFileSync(keptFile(directory), JSON.stringify({ ...kept, name: 7, more: true }));
  assert.deepEqual(readKept(directory), { ...kept, note: { ...kept, name: 7, more: true } });
});
