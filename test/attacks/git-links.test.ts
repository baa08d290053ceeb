import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { gitPaths, isUnheld } from "../../src/lib/sandbox/git-directory.ts";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** What the user has outside of the workspace. */
const PRECIOUS = "precious\n";

attack(
  "links in `.git` through which git outside would write or delete",
  "strict",
  ({ makePlace, runInside, ids }) => {
    let place: Workspace;
    let git: (...args: string[]) => string;
    beforeEach(() => {
      place = makePlace();
      const env = {
        PATH: process.env.PATH,
        HOME: place.root,
        GIT_EDITOR: "true",
        ...Object.fromEntries(
          ["AUTHOR", "COMMITTER"].flatMap((who) => [
            [`GIT_${who}_NAME`, "x"],
            [`GIT_${who}_EMAIL`, "x@y"],
          ]),
        ),
      };
      git = (...args) =>
        execFileSync("git", ["-C", place.cwd, ...args], {
          ...ids,
          env,
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        });
      git("init", "-q", "-b", "main");
      git("commit", "-qm", "first", "--allow-empty");
      mkdirSync(join(place.root, "documents"));
      writeFileSync(join(place.root, "documents/letter"), PRECIOUS);
      writeFileSync(join(place.root, "bashrc"), PRECIOUS);
    });
    afterEach(() => place.dispose());

    const inside = (lines: readonly string[], cwd = place.cwd) => {
      const script = [
        "exec 2>&1",
        "export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@y GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@y GIT_EDITOR=true",
        ...lines,
      ];
      return runInside(place, script.join("\n"), { cwd });
    };

    it("a commit and a fetch change nothing outside, and no worktree is planted", async () => {
      const { stdout } = await inside([
        ...["COMMIT_EDITMSG", "FETCH_HEAD"].flatMap((name) => [
          `ln -sf '${place.root}/bashrc' .git/link && mv .git/link .git/${name}`,
          `rm -f .git/${name}; ln -s '${place.root}/bashrc' .git/${name}`,
        ]),
        "mv .git was; rm -rf .git/worktrees; mkdir .git/worktrees",
        `ln -s '${place.root}/documents' .git/worktrees/x; mv .git/worktrees .git/away`,
        "echo 'evil #' > .git/MERGE_MSG",
        "echo done",
      ]);
      assert.match(stdout, /Device or resource busy[\s\S]*Read-only file system[\s\S]*done\n$/);
      git("commit", "-q", "--allow-empty");
      git("fetch", "-q", ".", "main");
      git("worktree", "prune");
      git("gc", "-q");
      assert.equal(readFileSync(join(place.root, "bashrc"), "utf8"), PRECIOUS);
      assert.equal(readFileSync(join(place.root, "documents/letter"), "utf8"), PRECIOUS);
      assert.match(readFileSync(join(place.cwd, ".git/COMMIT_EDITMSG"), "utf8"), /^evil #/);
    });

    it("nor can a worktree that the user makes meanwhile be led elsewhere", async () => {
      for (const pipe of ["ready", "go"]) execFileSync("mkfifo", [join(place.cwd, pipe)]);
      for (const name of ["first", "second"]) {
        const tree = join(place.cwd, ".git/worktrees", name);
        const ran = inside([
          "echo > ready; read -r _ < go",
          `cd .git/worktrees/${name}; for file in commondir gitdir config.worktree; do rm -f $file; echo /evil > $file; done`,
        ]);
        const waits = await Promise.race([readFile(join(place.cwd, "ready")), ran]);
        assert.ok(Buffer.isBuffer(waits), JSON.stringify(waits));
        git("worktree", "add", "-q", join(place.root, name));
        const before = readFileSync(join(tree, "gitdir"), "utf8");
        await writeFile(join(place.cwd, "go"), "\n");
        const { stdout } = await ran;
        assert.match(stdout, /can't cd|Read-only/);
        assert.equal(readFileSync(join(tree, "commondir"), "utf8"), "../..\n");
        assert.equal(readFileSync(join(tree, "gitdir"), "utf8"), before);
        assert.ok(!existsSync(join(tree, "config.worktree")));
      }
    });

    it("nor does an agent of a linked worktree leave one in the main repository", async () => {
      const tree = join(place.root, "tree");
      git("worktree", "add", "-q", tree);
      const common = join(place.cwd, ".git");
      await inside(
        [common, `${common}/worktrees/tree`].flatMap((at) => [
          `ln -s '${place.root}/bashrc' ${at}/link; mv ${at}/link ${at}/COMMIT_EDITMSG`,
          `rm -f ${at}/COMMIT_EDITMSG; ln -s '${place.root}/bashrc' ${at}/COMMIT_EDITMSG`,
          `echo 'evil #' > ${at}/MERGE_MSG; ln -s '${place.root}/documents' ${common}/worktrees/x`,
        ]),
        tree,
      );
      for (const where of [".", tree]) git("-C", where, "commit", "-q", "--allow-empty");
      git("worktree", "prune");
      assert.equal(readFileSync(join(place.root, "bashrc"), "utf8"), PRECIOUS);
      assert.equal(readFileSync(join(place.root, "documents/letter"), "utf8"), PRECIOUS);
    });

    it("what an agent left there from before is refused by name", async () => {
      for (const name of ["COMMIT_EDITMSG", "FETCH_HEAD", "worktrees"]) {
        const path = join(place.cwd, ".git", name);
        rmSync(path, { force: true, recursive: true });
        symlinkSync(join(place.root, "documents"), path);
        const { code, stderr } = await inside(["echo ran"]);
        assert.equal(code, 7);
        assert.match(stderr, new RegExp(`${name}: it is a symbolic link`));
        rmSync(path);
      }
    });

    it("git works inside and outside, also in a linked worktree that is there", async () => {
      git("worktree", "add", "-q", "tree");
      for (const name of ["HEAD", "config"]) {
        mkdirSync(join(place.cwd, ".git/modules/lib"), { recursive: true });
        writeFileSync(join(place.cwd, ".git/modules/lib", name), "");
      }
      const work = (cwd: string, side: string) => [
        `cd ${cwd}`,
        "git commit -qm one --allow-empty",
        "git commit -q --amend --allow-empty",
        "echo 1 > a; git add a; git stash -q; git stash pop -q; git commit -qm a",
        `git checkout -qb ${side} HEAD~1; echo 2 > b; git add b; git commit -qm b`,
        `git rebase -q -; git checkout -q -; git merge -q --no-ff ${side}`,
        `git revert --no-edit HEAD -m 1; git cherry-pick ${side} --allow-empty --keep-redundant-commits`,
        "git fetch -q . HEAD; git reset -q --hard HEAD~1; git gc -q; git fsck --no-progress",
        "git status --short; git log -1 --format=%s",
        "cd - > /dev/null",
      ];
      const { stdout } = await inside([
        "set -e; cut -d ' ' -f 5 /proc/self/mountinfo; echo mounted",
        ...work("tree", "one"),
        "echo tree/ > .git/info/exclude",
        ...work(".", "two"),
      ]);
      const points = new Set(stdout.slice(0, stdout.indexOf("mounted\n")).split("\n"));
      assert.equal(isUnheld(gitPaths(place.cwd), points), false, "all that is to be held is");
      assert.match(stdout, /Revert "Merge branch 'one'[\s\S]*Revert "Merge branch 'two'/);
      assert.doesNotMatch(stdout, /error|fatal|busy|Read-only/i);
      const seen = git("log", "-1", "--format=%s");
      assert.match(seen, /^Revert/);
      git("commit", "-qm", "outside", "--allow-empty", "--amend");
      git("-C", "tree", "commit", "-qm", "outside", "--allow-empty");
      git("worktree", "add", "-q", "another");
      git("worktree", "remove", "another");
      // Nothing of what was made stays in the way.
      git("worktree", "remove", "--force", "tree");
      assert.ok(!existsSync(join(place.cwd, ".git/worktrees/tree")));
    });
  },
);
