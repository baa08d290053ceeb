import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { keepGitFiles, refuseLinkedGit } from "../../../../src/lib/sandbox/git-directory.ts";

function repository(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "pictl-git-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, ".git"));
  writeFileSync(join(root, ".git", "HEAD"), "ref: refs/heads/main\n");
  return root;
}

test("a link in the place of what has to stay is refused, naming it", (t) => {
  for (const name of ["hooks", "config"]) {
    const root = repository(t);
    symlinkSync("/elsewhere", join(root, ".git", name));
    assert.throws(() => refuseLinkedGit(root), {
      code: "SANDBOX_UNAVAILABLE",
      details: { path: join(root, ".git", name) },
    });
  }
  const linked = mkdtempSync(join(tmpdir(), "pictl-git-"));
  t.after(() => rmSync(linked, { recursive: true, force: true }));
  symlinkSync(join(repository(t), ".git"), join(linked, ".git"));
  assert.throws(() => refuseLinkedGit(linked), { code: "SANDBOX_UNAVAILABLE" });
});

test("a repository, a worktree and no repository at all are accepted", (t) => {
  const root = repository(t);
  refuseLinkedGit(root);
  const worktree = join(root, "worktree");
  mkdirSync(worktree);
  writeFileSync(join(worktree, ".git"), "gitdir: /elsewhere\n");
  refuseLinkedGit(worktree);
  refuseLinkedGit(join(root, ".git"));
});

test("a repository gets a commondir that says what holds, and keeps its own", (t) => {
  const root = repository(t);
  keepGitFiles(root);
  assert.equal(readFileSync(join(root, ".git", "commondir"), "utf8"), ".\n");
  const other = repository(t);
  writeFileSync(join(other, ".git", "commondir"), "../main\n");
  keepGitFiles(other);
  assert.equal(readFileSync(join(other, ".git", "commondir"), "utf8"), "../main\n");
});
