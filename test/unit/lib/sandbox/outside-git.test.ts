import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { gitPaths } from "../../../../src/lib/sandbox/git-directory.ts";
import { findOutsideGit } from "../../../../src/lib/sandbox/outside-git.ts";

/** `main`, whose linked worktree is `tree`, and its submodule `main/sub`. */
function repositories(t: TestContext): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-outside-")));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const git of ["main/.git", "main/.git/modules/sub"]) {
    for (const name of ["objects/info", "refs", "hooks"])
      mkdirSync(join(root, git, name), { recursive: true });
    write(`${git}/HEAD`, "ref: refs/heads/main\n");
    write(`${git}/config`, "[core]\n\tbare = false\n");
  }
  write("main/.git/modules/sub/config", '[core]\n\tworktree = "../../../sub"\n[other]\n\tworktree = /x\n');
  write("main/sub/.git", "gitdir: ../.git/modules/sub\n");
  write("main/.git/worktrees/tree/HEAD", "ref: refs/heads/tree\n");
  write("main/.git/worktrees/tree/commondir", "../..\n");
  write("main/.git/worktrees/tree/gitdir", `${root}/tree/.git\n`);
  write("tree/.git", `gitdir: ${root}/main/.git/worktrees/tree\n`);
  write("secret", "key");
  mkdirSync(join(root, "home"));
  return root;
}

function found(root: string, workspace: string, denied: string[] = []) {
  return findOutsideGit(join(root, workspace), { home: join(root, "home"), denied });
}

test("the git directory of a worktree and of a submodule is found, and none of an ordinary repository", (t) => {
  const root = repositories(t);
  const [common, gitDir] = [join(root, "main/.git"), join(root, "main/.git/worktrees/tree")];
  assert.deepEqual(found(root, "tree"), { gitDir, commonDir: common });
  const module = join(common, "modules/sub");
  assert.deepEqual(found(root, "main/sub"), { gitDir: module, commonDir: module });
  assert.equal(found(root, "main"), undefined);
  assert.equal(found(root, "home"), undefined);
});

describe("isn't opened", () => {
  const replaceBy = (path: string, target: string) => {
    rmSync(path, { recursive: true, force: true });
    symlinkSync(target, path);
  };
  const worktree = "main/.git/worktrees/tree";
  const attacks: Record<string, [workspace: string, (root: string) => void, denied?: string]> = {
    "where gitdir names another workspace": [
      "tree",
      (root) => writeFileSync(join(root, worktree, "gitdir"), "/x\n"),
    ],
    "where core.worktree names another": [
      "main/sub",
      (root) =>
        writeFileSync(join(root, "main/.git/modules/sub/config"), "[core]\n\tworktree = ../../../other\n"),
    ],
    "where commondir leads elsewhere": [
      "tree",
      (root) => writeFileSync(join(root, worktree, "commondir"), "../../..\n"),
    ],
    "where the pointer leads to something else": [
      "tree",
      (root) => writeFileSync(join(root, "tree/.git"), `gitdir: ${root}/home\n`),
    ],
    "where the pointer is a link": [
      "tree",
      (root) => replaceBy(join(root, "tree/.git"), join(root, "secret")),
    ],
    "where the repository's directory is a link": [
      "tree",
      (root) => {
        renameSync(join(root, "main/.git"), join(root, "away"));
        symlinkSync(join(root, "away"), join(root, "main/.git"));
      },
    ],
    "where the policy denies it": ["tree", () => undefined, "main"],
    "where the home is in it": [
      "tree",
      (root) => replaceBy(join(root, "home"), join(root, "main/.git/objects")),
    ],
    "where it is no repository": ["tree", (root) => unlinkSync(join(root, "main/.git/HEAD"))],
  };
  for (const path of ["gitdir", "commondir", "config.worktree", "modules", "COMMIT_EDITMSG"])
    attacks[`where ${path} is a link`] = [
      "tree",
      (root) => replaceBy(join(root, worktree, path), join(root, "secret")),
    ];
  for (const path of [
    "config",
    "hooks",
    "info",
    "objects/info/alternates",
    "objects",
    "commondir",
    "worktrees",
    "FETCH_HEAD",
  ])
    attacks[`where ${path} of the repository is a link`] = [
      "tree",
      (root) => replaceBy(join(root, "main/.git", path), join(root, "secret")),
    ];
  for (const [name, [workspace, prepare, denied]] of Object.entries(attacks)) {
    test(name, (t) => {
      const root = repositories(t);
      prepare(root);
      const home = realpathSync(join(root, "home"));
      const places = { home, denied: denied === undefined ? [] : [join(root, denied)] };
      const result = findOutsideGit(join(root, workspace), places);
      // Where no pointer is left there is nothing to open either.
      if (result === undefined) assert.ok(!existsSync(join(root, "tree/.git/objects")));
      else assert.ok("refused" in result, JSON.stringify(result));
    });
  }
});

test("of an ordinary repository, worktrees with links in them are held as a whole: no link is mounted", (t) => {
  const root = repositories(t);
  const directory = join(root, "main/.git/worktrees");
  assert.ok(gitPaths(join(root, "main")).held.includes(join(directory, "tree/gitdir")));
  unlinkSync(join(directory, "tree/gitdir"));
  symlinkSync(join(root, "secret"), join(directory, "tree/gitdir"));
  const { held, reopened } = gitPaths(join(root, "main"));
  assert.deepEqual(reopened, []);
  assert.ok(held.includes(directory));
  assert.ok(!held.includes(join(directory, "tree/gitdir")));
});
