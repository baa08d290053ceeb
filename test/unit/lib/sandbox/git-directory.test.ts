import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gitPaths, keepGitFiles, refuseLinkedGit } from "../../../../src/lib/sandbox/git-directory.ts";

function repository(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "pictl-git-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, ".git"));
  writeFileSync(join(root, ".git", "HEAD"), "ref: refs/heads/main\n");
  return root;
}

test("a link in the place of what has to stay is refused, naming it", (t) => {
  for (const name of ["hooks", "config", "COMMIT_EDITMSG", "FETCH_HEAD", "worktrees"]) {
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

test("a submodule without its HEAD, which an agent can take away, is held as before", (t) => {
  const root = repository(t);
  const module = join(root, ".git/modules/lib");
  mkdirSync(module, { recursive: true });
  for (const [name, text] of [
    ["HEAD", "ref: refs/heads/main\n"],
    ["config", "[core]\n\tworktree = ../../../lib\n"],
  ] as const)
    writeFileSync(join(module, name), text);
  keepGitFiles(root);
  const before = gitPaths(root);
  rmSync(join(module, "HEAD"));
  assert.deepEqual(gitPaths(root), before);
  assert.ok(before.held.includes(join(module, "config")));
});

test("submodules and worktrees are held one by one, and as a whole where they are too many or links", (t) => {
  const root = repository(t);
  const git = (...names: string[]) => join(root, ".git", ...names);
  const make = (...names: string[]) => {
    mkdirSync(git(...names), { recursive: true });
    writeFileSync(git(...names, "HEAD"), "ref: refs/heads/main\n");
  };
  make("modules", "libs", "one");
  make("modules", "libs", "one", "modules", "two");
  make("worktrees", "tree");
  const written = ["COMMIT_EDITMSG", "FETCH_HEAD"];
  const names = ["hooks", "commondir", "config.worktree", "remotes", "branches", ...written, "worktrees"];
  assert.deepEqual(gitPaths(root), {
    held: [
      ...names.map((name) => git(name)),
      ...names.map((name) => git("modules/libs/one", name)),
      ...names.map((name) => git("modules/libs/one/modules/two", name)),
      ...["config.worktree", ...written].map((name) => git("worktrees/tree", name)),
    ],
    reopened: [git("worktrees/tree")],
  });
  keepGitFiles(root);
  for (const name of written) assert.equal(readFileSync(git("worktrees/tree", name), "utf8"), "");
  assert.equal(readFileSync(git("modules/libs/one/modules/two/commondir"), "utf8"), ".\n");
  symlinkSync("one", git("modules/libs/link"));
  assert.deepEqual(gitPaths(root).held.slice(0, 2), [git("modules"), git("hooks")]);
  rmSync(git("modules/libs/link"));
  for (let index = 0; index < 40; index++) {
    make("modules", `m${index}`);
    make("worktrees", `w${index}`);
  }
  assert.deepEqual(gitPaths(root), {
    held: ["modules", ...names].map((name) => git(name)),
    reopened: [],
  });
});
