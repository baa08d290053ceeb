import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";

import { promisedPolicy } from "../../../../src/lib/session/kept-session.ts";

const MODULE = new URL("../../../../src/lib/session/kept-session.ts", import.meta.url).href;
const isRoot = process.getuid?.() === 0;
/** Modes don't bind root. */
const USER = isRoot ? { uid: 65_534, gid: 65_534 } : {};

test("without its note or its policy, or both, nobody knows what a sandboxed session was promised", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "pictl-kept-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const promised = () => promisedPolicy({ id: "an-id" }, directory);
  const isRefused = (path: string) =>
    assert.throws(promised, { code: "STORAGE_UNAVAILABLE", message: new RegExp(`read from .*/${path}`) });
  isRefused("session.json");
  writeFileSync(join(directory, "policy.json"), '{"userFile":"/x"}');
  isRefused("session.json");
  writeFileSync(join(directory, "session.json"), "{}");
  assert.deepEqual(promised(), { userFile: "/x" });
  writeFileSync(join(directory, "policy.json"), "{");
  isRefused("policy.json");
  rmSync(join(directory, "policy.json"));
  isRefused("policy.json");
});

describe("removing the directory of a sandboxed session", () => {
  let root: string;
  let directory: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "pictl-kept-"));
    directory = join(root, "project", "session");
    mkdirSync(join(directory, "files", "closed", "inner"), { recursive: true });
    mkdirSync(join(root, "outside"));
    for (const name of ["session.json", "policy.json", "files/s.jsonl", "files/closed/inner/f"])
      writeFileSync(join(directory, name), "");
    symlinkSync(join(root, "outside"), join(directory, "files", "closed", "link"));
    if (isRoot) execFileSync("chown", ["-hR", "65534:65534", root]);
    chmodSync(join(root, "outside"), 0o500);
    chmodSync(join(directory, "files", "closed", "inner"), 0);
    chmodSync(join(directory, "files", "closed"), 0);
  });
  afterEach(() => {
    execFileSync("chmod", ["-R", "u+rwx", root]);
    rmSync(root, { recursive: true });
  });

  function remove(): string {
    const script = `import(${JSON.stringify(MODULE)}).then(({ removeSandboxedDirectory }) => {
      try { removeSandboxedDirectory(${JSON.stringify(directory)}); }
      catch ({ code, message, hint }) { console.log(code, message, hint); }
    })`;
    return execFileSync(process.execPath, ["-e", script], { ...USER, cwd: "/", encoding: "utf8" });
  }

  test("goes into what its agent has closed, and through no link", () => {
    assert.equal(remove(), "");
    assert.ok(!existsSync(directory));
    assert.equal(lstatSync(join(root, "outside")).mode & 0o777, 0o500);
  });

  test("leaves the session as it was where something can't be removed", {
    skip: isRoot ? false : "only root can make files of another user",
  }, () => {
    const other = join(directory, "files", "other");
    mkdirSync(other);
    writeFileSync(join(other, "f"), "");
    chownSync(other, 0, 0);
    assert.match(
      remove(),
      /STORAGE_UNAVAILABLE Cannot remove .*files\/other: E.* `chmod -R u\+rwx .*files\/other/,
    );
    assert.deepEqual(readdirSync(directory).sort(), ["files", "policy.json", "session.json"]);
    assert.ok(existsSync(join(directory, "files", "s.jsonl")));
    rmSync(other, { recursive: true });
    assert.equal(remove(), "");
    assert.ok(!existsSync(directory));
  });
});
