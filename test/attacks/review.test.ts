import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LaterSearch } from "../../src/lib/sandbox/runs-later/search.ts";
import { repeatAsOrdinaryUser } from "../support/attack.ts";
import { clockTick, ReviewPlace } from "../support/review-place.ts";

/** What an agent leaves behind, and what a review must say of it. */
interface Attack {
  before?: Record<string, string>;
  prepares?: (place: ReviewPlace) => void;
  leaves: (place: ReviewPlace) => void;
  /** Paths that are shown, and how each is changed. */
  shows: Record<string, string>;
  /** Paths that are said not to have been looked at. */
  leavesOut?: string[];
}

const SECRET = "not-for-the-agent-4711";
const CONFIG = "[core]\n\tbare = false\n";
const REPOSITORY = { HEAD: "ref: refs/heads/main\n", config: CONFIG, "objects/x": "", "refs/x": "" };
const git = (place: ReviewPlace, ...args: string[]) =>
  execFileSync("git", ["-C", place.workspace, ...args], { stdio: "pipe" });
const repositoryAt = (path: string) =>
  Object.fromEntries(Object.entries(REPOSITORY).map(([name, text]) => [`${path}/${name}`, text]));

const ATTACKS: Record<string, Attack> = {
  "a script of package.json, deep in the tree": {
    before: { "a/b/package.json": "{}" },
    leaves: (place) => place.write("a/b/package.json", '{"scripts":{"test":"evil"}}'),
    shows: { "a/b/package.json": "changed" },
  },
  "a file with the times of the one before": {
    before: { Makefile: "all: good\n" },
    leaves(place) {
      const { atime, mtime } = statSync(place.at("Makefile"));
      place.write("Makefile", "all: evil\n");
      utimesSync(place.at("Makefile"), atime, mtime);
    },
    shows: { Makefile: "changed" },
  },
  "a directory that was there under another name": {
    before: { "old/tasks.json": "{}" },
    leaves: (place) => renameSync(place.at("old"), place.at(".vscode")),
    shows: { ".vscode/tasks.json": "added" },
  },
  "a guard that is taken away": {
    before: { ".npmrc": "ignore-scripts=true\n" },
    leaves: (place) => rmSync(place.at(".npmrc")),
    shows: { ".npmrc": "removed" },
  },
  "a script that can be run": {
    before: { "bin/tool": "#!/bin/sh\n" },
    leaves: (place) => chmodSync(place.at("bin/tool"), 0o755),
    shows: { "bin/tool": "changed" },
  },
  "a set-user-ID bit on any file": {
    before: { "src/data": "x" },
    leaves: (place) => chmodSync(place.at("src/data"), 0o4755),
    shows: { "src/data": "added" },
  },
  "git: a repository of its own": {
    leaves(place) {
      for (const [path, text] of Object.entries(repositoryAt("sub/.git"))) place.write(path, text);
      place.write("sub/.git/hooks/pre-commit", "evil");
      place.write("sub/.git/hooks/pre-commit.sample", "harmless");
    },
    shows: { "sub/.git/config": "added", "sub/.git/hooks/pre-commit": "added" },
  },
  "git: a configuration where a repository had none": {
    before: { "sub/.git/HEAD": "ref: refs/heads/main\n", "sub/.git/objects/x": "", "sub/.git/refs/x": "" },
    leaves: (place) => place.write("sub/.git/config", "[core]\n\tfsmonitor = ./evil\n"),
    shows: { "sub/.git/config": "added" },
  },
  "git: a bare repository": {
    before: repositoryAt(".bare"),
    leaves(place) {
      place.write(".bare/config", "[core]\n\tfsmonitor = ./evil\n");
      place.write(".bare/hooks/post-checkout", "evil");
    },
    shows: { ".bare/config": "changed", ".bare/hooks/post-checkout": "added" },
  },
  "git: the workspace's own root as one": {
    leaves(place) {
      for (const [path, text] of Object.entries(REPOSITORY)) place.write(path, text);
      place.write("hooks/post-checkout", "evil");
    },
    shows: { config: "added", "hooks/post-checkout": "added" },
  },
  "git: one that was made with --separate-git-dir, in what is never looked into": {
    before: { ".git": "gitdir: node_modules/.store\n", ...repositoryAt("node_modules/.store") },
    leaves: (place) => place.write("node_modules/.store/config", "[core]\n\tpager = evil\n"),
    shows: { "node_modules/.store/config": "changed" },
  },
  "git: a pointer": {
    before: { "sub/.git": "gitdir: ../.git/modules/sub\n" },
    leaves: (place) => place.write("sub/.git", "gitdir: ../evil\n"),
    shows: { "sub/.git": "changed" },
  },
  "git: of submodules and linked worktrees": {
    before: {
      ...repositoryAt(".git"),
      ...repositoryAt(".git/modules/deep/er"),
      ".git/worktrees/w/HEAD": "x",
      ".git/worktrees/w/commondir": "../..\n",
    },
    leaves(place) {
      place.write(".git/modules/deep/er/config.worktree", "[core]\n\tpager = evil\n");
      // It hides nothing.
      place.write(".git/modules/deep/HEAD", "x");
      place.write(".git/worktrees/w/commondir", "/tmp/evil\n");
      place.write(".git/worktrees/w/gitdir", "/tmp/evil\n");
    },
    shows: {
      ".git/modules/deep/er/config.worktree": "added",
      ".git/worktrees/w/commondir": "changed",
      ".git/worktrees/w/gitdir": "added",
    },
  },
  "git: links through which it would write": {
    before: {
      ...repositoryAt(".git"),
      ...repositoryAt("bare"),
      ".git/COMMIT_EDITMSG": "",
      ".git/worktrees/w/HEAD": "x",
    },
    leaves(place) {
      place.write(".git/COMMIT_EDITMSG", "what git writes isn't shown");
      place.write(".git/objects/ab/c", "");
      place.write(".git/refs/remotes/x", "");
      for (const path of [
        ".git/MERGE_MSG",
        ".git/ORIG_HEAD",
        ".git/logs",
        ".git/objects/info",
        ".git/objects/pack",
        ".git/objects/ab/link",
        ".git/refs/heads",
        ".git/refs/remotes/origin",
        ".git/worktrees/documents",
        ".git/worktrees/w/logs",
        "bare/refs/heads",
        "bare/index",
      ])
        symlinkSync("/etc", place.at(path));
      place.write("elsewhere/x", "");
      symlinkSync("../elsewhere", place.at(".git/FETCH_HEAD"));
    },
    shows: {
      ".git/FETCH_HEAD": "added",
      ".git/MERGE_MSG": "added",
      ".git/ORIG_HEAD": "added",
      ".git/logs": "added",
      ".git/objects/info": "added",
      ".git/objects/pack": "added",
      ".git/refs/heads": "added",
      ".git/refs/remotes/origin": "added",
      ".git/worktrees/documents": "added",
      ".git/worktrees/w/logs": "added",
      "bare/index": "added",
      "bare/refs/heads": "added",
    },
  },
  "git: where commondir of a repository in the workspace leads": {
    before: {
      "e/.git": "gitdir: ../gd\n",
      "gd/HEAD": "ref: refs/heads/main\n",
      "gd/commondir": "../y2\n",
      "y2/config": CONFIG,
      "y2/objects/x": "",
    },
    leaves(place) {
      place.write("y2/config", "[core]\n\tfsmonitor = evil\n");
      place.write("y2/hooks/post-checkout", "evil");
      place.write("f/.git", `gitdir: ../gd${"\n".repeat(300_000)}`);
    },
    shows: { "f/.git": "added", "y2/config": "changed", "y2/hooks/post-checkout": "added" },
    leavesOut: ["f/.git"],
  },
  "git: what other programs obey in it": {
    before: repositoryAt(".git"),
    leaves(place) {
      for (const path of [
        "lazygit.yml",
        "sl/config",
        "arc/config",
        "hg/origin/clone/.hg/hgrc",
        "refs/heads/DEPS",
      ])
        place.write(`.git/${path}`, "evil");
    },
    shows: {
      ".git/arc/config": "added",
      ".git/hg/origin/clone/.hg/hgrc": "added",
      ".git/lazygit.yml": "added",
      ".git/sl/config": "added",
    },
  },
  "what lies in the directories of what looks like a repository": {
    before: { "src/x": "" },
    leaves(place) {
      for (const path of [
        "HEAD",
        "objects/package.json",
        "refs/x",
        "modules/a/Makefile",
        "logs/.envrc",
        "hooks/x/.env",
      ])
        place.write(path, "evil");
    },
    shows: {
      "hooks/x/.env": "added",
      "logs/.envrc": "added",
      "modules/a/Makefile": "added",
      "objects/package.json": "added",
    },
  },
  "links in the place of directories by whose names files are found": {
    before: { "h/x": "", "node_modules/deep/x": "" },
    leaves(place) {
      for (const path of ["h/hgrc", "h/bazel", "h/wrapper/x", "h/releases/yarn.cjs", "h/dotnet-tools.json"])
        place.write(path, "evil");
      for (const link of [".hg", "tools", "gradle", ".yarn", ".config"]) symlinkSync("h", place.at(link));
      place.write("node_modules/deep/.envrc", "evil");
      symlinkSync("node_modules/deep", place.at("docs"));
      symlinkSync("h", place.at("harmless"));
      symlinkSync(".", place.at("project"));
    },
    shows: {
      ".config/dotnet-tools.json": "added",
      ".hg/hgrc": "added",
      ".yarn/releases/yarn.cjs": "added",
      "docs/.envrc": "added",
      "gradle/wrapper/x": "added",
      "tools/bazel": "added",
    },
  },
  "git: a link that was there before": {
    before: repositoryAt(".git"),
    prepares: (place) => symlinkSync("/etc", place.at(".git/logs")),
    leaves: (place) => place.write("src/x", ""),
    shows: {},
  },
  "git: what it does when something is continued, and what it hides": {
    before: repositoryAt(".git"),
    leaves(place) {
      place.write(".git/rebase-merge/git-rebase-todo", "exec evil\n");
      place.write(".git/sequencer/todo", "pick 1\n");
      place.write(".git/info/exclude", "/evil\n");
      place.write(".git/info/attributes", "* filter=x\n");
      place.write(".git/objects/info/alternates", "/tmp/evil\n");
    },
    shows: {
      ".git/info/attributes": "added",
      ".git/info/exclude": "added",
      ".git/objects/info/alternates": "added",
      ".git/rebase-merge/git-rebase-todo": "added",
      ".git/sequencer/todo": "added",
    },
  },
  "git: hooks and configuration that its configuration names": {
    before: {
      ...repositoryAt(".git"),
      ".git/config": "[core]\n\thooksPath = tools/hooks\n[include]\n\tpath = ../shared.cfg\n",
      "tools/hooks/pre-push": "good",
      "shared.cfg": "",
    },
    leaves(place) {
      place.write("tools/hooks/pre-push", "evil");
      place.write("shared.cfg", "[core]\n\tpager = evil\n");
    },
    shows: { "shared.cfg": "changed", "tools/hooks/pre-push": "changed" },
  },
  "git: common directories that lead to each other": {
    before: { "a/.git": "gitdir: ../b\n", "b/commondir": "../c\n", "c/commondir": "../b\n", "b/config": "" },
    leaves: (place) => place.write("b/config", "[core]\n\tpager = evil\n"),
    shows: { "b/config": "changed" },
  },
  "git: objects in the place of others": {
    before: { ...repositoryAt(".git"), ".git/packed-refs": "1111 refs/heads/main\n" },
    leaves(place) {
      place.write(".git/refs/replace/1234", "5678\n");
      place.write(".git/packed-refs", "2222 refs/heads/main\n5678 refs/replace/4321\n");
      place.write(".git/shallow", "1234\n");
      place.write(".git/info/grafts", "1234\n");
    },
    shows: {
      ".git/info/grafts": "added",
      ".git/packed-refs": "added",
      ".git/refs/replace/1234": "added",
      ".git/shallow": "added",
    },
  },
  "git: files of which `git status` and `git diff` say nothing": {
    prepares(place) {
      git(place, "init", "-q");
      place.write("kept", "was so before");
      git(place, "add", ".");
      git(place, "update-index", "--skip-worktree", "kept");
    },
    leaves(place) {
      git(place, "update-index", "--skip-worktree", "src/index.ts");
      place.write("src/index.ts", "evil");
      assert.equal(`${git(place, "diff")}`, "");
      place.write("new", "");
      git(place, "update-index", "--add", "new");
      git(place, "update-index", "--assume-unchanged", "new");
    },
    shows: { new: "hidden", "src/index.ts": "hidden" },
  },
  "git: such files of a submodule and of a linked worktree, in an index of which a part is shared": {
    prepares(place) {
      const sub = join(place.root, "sub");
      const commit = ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "-m", "x"];
      for (const at of [sub, place.workspace]) {
        execFileSync("git", ["init", "-q", at]);
        writeFileSync(join(at, "file"), "");
        execFileSync("git", ["-C", at, "add", "file"]);
        execFileSync("git", ["-C", at, ...commit]);
      }
      git(place, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub, "sub");
      git(place, "worktree", "add", "-q", "tree");
    },
    leaves(place) {
      git(place, "-C", "sub", "update-index", "--split-index");
      git(place, "-C", "sub", "update-index", "--skip-worktree", "file");
      git(place, "-C", "tree", "update-index", "--assume-unchanged", "file");
    },
    shows: { "sub/file": "hidden", "tree/file": "hidden" },
  },
  "git: a file whose change is hidden by its times in the index": {
    prepares(place) {
      git(place, "init", "-q");
      git(place, "add", ".");
    },
    leaves(place) {
      place.write("src/index.ts", "evil");
      const { ctimeMs, ino, size } = statSync(place.at("src/index.ts"));
      // Older than the index, or git compares the contents.
      const changed = Math.floor(ctimeMs / 1000) - 10;
      utimesSync(place.at("src/index.ts"), changed, changed);
      const index = readFileSync(place.at(".git/index"));
      const { ctimeMs: last } = statSync(place.at("src/index.ts"));
      for (const [at, value] of [
        [12, Math.floor(last / 1000)],
        [16, Math.round((last % 1000) * 1e6)],
        [20, changed],
        [24, 0],
        [32, ino],
        [48, size],
      ] as const)
        index.writeUInt32BE(value, at);
      createHash("sha1")
        .update(index.subarray(0, -20))
        .digest()
        .copy(index, index.length - 20);
      writeFileSync(place.at(".git/index"), index);
      assert.equal(`${git(place, "diff")}`, "");
    },
    shows: { "src/index.ts": "hidden" },
  },
  "links that lead out of the workspace": {
    before: { "src/deep/x": "", "node_modules/a/i.js": "" },
    prepares(place) {
      symlinkSync("/etc/before", place.at("before"));
      symlinkSync("/etc/before", place.at("other"));
    },
    leaves(place) {
      rmSync(place.at("other"));
      symlinkSync(join(place.root, "secret"), place.at("other"));
      symlinkSync("../../.bashrc", place.at("src/nohup.out"));
      symlinkSync("../..", place.at("src/out"));
      symlinkSync("../index.ts", place.at("src/deep/inside"));
      symlinkSync("..", place.at("src/deep/parent"));
      symlinkSync("./x", place.at("src/deep/here"));
      symlinkSync(place.at("src"), place.at("absolute-inside"));
      symlinkSync("missing/../src", place.at("dangling"));
      // Up again from a link: by its text it leads to `src/x`.
      symlinkSync("..", place.at("src/up"));
      symlinkSync("src/up/../x", place.at("roundabout"));
      symlinkSync("/etc/installed", place.at("node_modules/a/out"));
    },
    shows: {
      "node_modules/a/out": "added",
      other: "changed",
      roundabout: "added",
      "src/nohup.out": "added",
      "src/out": "added",
    },
  },
  "hg and jj": {
    before: { ".hg/requires": "store\n", ".jj/repo/store/type": "git" },
    leaves(place) {
      place.write(".hg/hgrc", "[hooks]\nupdate = evil\n");
      place.write(".jj/repo/config.toml", "evil");
    },
    shows: { ".hg/hgrc": "added", ".jj/repo/config.toml": "added" },
  },
  "a link in the place of a file, out of the workspace": {
    before: { "package.json": "{}" },
    leaves(place) {
      rmSync(place.at("package.json"));
      symlinkSync(join(place.root, "secret"), place.at("package.json"));
    },
    shows: { "package.json": "changed" },
  },
  "a link in the place of a directory, out of the workspace": {
    before: { ".vscode/settings.json": "{}" },
    leaves(place) {
      rmSync(place.at(".vscode"), { recursive: true });
      symlinkSync(join(place.root, "secrets"), place.at(".vscode"));
    },
    shows: { ".vscode": "added", ".vscode/settings.json": "removed" },
  },
  "what a link in the workspace leads to": {
    before: { "shared/tasks.json": "{}", "shared/base.mk": "good" },
    leaves(place) {
      place.write("shared/tasks.json", '{"evil":1}');
    },
    shows: { ".vscode/tasks.json": "changed" },
  },
  "what lies behind links in the place of directories that only a part of names leads through": {
    before: { "b/tool": "good", "a/y/releases/yarn.cjs": "good", "a/other": "" },
    prepares(place) {
      symlinkSync("second", place.at("bin"));
      symlinkSync(place.at("b"), place.at("second"));
      symlinkSync("y", place.at("a/.yarn"));
    },
    leaves(place) {
      for (const [link, target, file] of [
        [".hg", "h", "h/hgrc"],
        ["tools", "t", "t/bazel"],
        ["gradle", "g", "g/libs.toml"],
        ["script", "../work/s", "s/test"],
        ["a/project", "../p", "p/build.properties"],
        [".config", "cc", "cc/fish/conf.d/x.fish"],
        [".jj", "j", "r/store/type"],
        ["d/e/lib", "f", "d/e/f/x.jar"],
      ] as const) {
        place.write(file, "evil");
        symlinkSync(target, place.at(link));
      }
      mkdirSync(place.at("j"));
      symlinkSync("../r", place.at("j/repo"));
      // A link behind a link, of which what it says counts from where it is.
      symlinkSync("../../data", place.at("cc/fish/config.fish"));
      place.write("b/tool", "evil");
      place.write("b/Makefile", "evil");
      place.write("a/y/releases/yarn.cjs", "evil");
      place.write("a/other", "evil");
      symlinkSync(join(place.root, "secrets"), place.at("conf"));
      symlinkSync("zephyr", place.at("zephyr"));
    },
    shows: {
      ".config/fish/conf.d/x.fish": "added",
      ".config/fish/config.fish": "added",
      ".hg/hgrc": "added",
      ".jj/repo": "added",
      ".jj/repo/store/type": "added",
      "a/.yarn/releases/yarn.cjs": "changed",
      "a/project/build.properties": "added",
      "b/Makefile": "added",
      "bin/Makefile": "added",
      "bin/tool": "changed",
      "cc/fish/conf.d/x.fish": "added",
      "cc/fish/config.fish": "added",
      conf: "added",
      "d/e/lib/x.jar": "added",
      "gradle/libs.toml": "added",
      "script/test": "added",
      "tools/bazel": "added",
      zephyr: "added",
    },
  },
  "what links lead to by further links, counted from where each is": {
    before: { "deep/shared/tasks.json": "{}", "deep/data.json": "good", "x/y/base.mk": "good" },
    prepares(place) {
      symlinkSync("deep/shared", place.at(".vscode"));
      symlinkSync("../data.json", place.at("deep/shared/settings.json"));
      symlinkSync("x/y", place.at("z"));
      symlinkSync("z/../y/base.mk", place.at("first.mk"));
      symlinkSync("first.mk", place.at("Makefile"));
    },
    leaves(place) {
      place.write("deep/data.json", "evil");
      place.write("x/y/base.mk", "evil");
    },
    shows: {
      ".vscode/settings.json": "changed",
      Makefile: "changed",
      "first.mk": "changed",
      "x/y/base.mk": "changed",
    },
  },
  "installed packages that are replaced by a link": {
    before: { "node_modules/.bin/tsc": "good" },
    leaves(place) {
      rmSync(place.at("node_modules"), { recursive: true });
      symlinkSync("evil", place.at("node_modules"));
    },
    shows: { node_modules: "added" },
  },
  "a pipe in the place of a file": {
    before: { ".envrc": "good" },
    leaves(place) {
      rmSync(place.at(".envrc"));
      execFileSync("mkfifo", [place.at(".envrc")]);
    },
    shows: { ".envrc": "changed" },
  },
  "a file of five terabytes that are nowhere": {
    before: { "build.rs": "good" },
    leaves: (place) => truncateSync(place.at("build.rs"), 5 * 1024 ** 4),
    shows: { "build.rs": "changed" },
  },
};

describe("what an agent leaves behind is shown", () => {
  for (const [name, { before, prepares, leaves, shows, leavesOut }] of Object.entries(ATTACKS)) {
    test(name, async (t) => {
      const place = new ReviewPlace(t, { "src/index.ts": "", ...before });
      writeFileSync(join(place.root, "secret"), SECRET);
      mkdirSync(join(place.root, "secrets"));
      writeFileSync(join(place.root, "secrets", "tasks.json"), SECRET);
      if (name.startsWith("what a link")) symlinkSync("shared", place.at(".vscode"));
      prepares?.(place);
      await place.begin();
      assert.deepEqual(await place.changes(), {});
      leaves(place);
      const review = await place.review();
      const changes = await place.changes();
      assert.deepEqual(
        Object.fromEntries(Object.entries(changes).map(([path, { change }]) => [path, change])),
        shows,
      );
      for (const path of leavesOut ?? [])
        assert.ok(
          review.notReviewed.some((one) => one.path === place.at(path) && one.remains),
          path,
        );
      assert.doesNotMatch(JSON.stringify(review), new RegExp(SECRET));
    });
  }
});

describe("what a review doesn't look at is said", () => {
  test("installed packages are counted by the kernel's own times", async (t) => {
    const place = new ReviewPlace(t, { "node_modules/a/i.js": "good", "node_modules/b/i.js": "good" });
    await place.begin();
    assert.deepEqual((await place.review(true)).notReviewed, []);
    await clockTick();
    place.write("node_modules/a/i.js", "evil");
    utimesSync(place.at("node_modules/a/i.js"), 0, 0);
    const { notReviewed } = await place.review();
    assert.deepEqual(
      notReviewed.map(({ path, changed }) => [path, changed]),
      [[place.at("node_modules"), 1]],
    );
  });

  test("directories nested without end, and names that aren't text", async (t) => {
    const place = new ReviewPlace(t);
    await place.begin();
    mkdirSync(place.at(Array.from({ length: 200 }, () => "d").join("/")), { recursive: true });
    mkdirSync(Buffer.concat([Buffer.from(place.at("x")), Buffer.from([0xff])]));
    const { notReviewed } = await place.review();
    const said = notReviewed.map(({ because }) => because).join("\n");
    assert.match(said, /directories deep/);
    assert.match(said, /names aren't UTF-8/);
    assert.equal(notReviewed.find(({ because }) => because.includes("UTF-8"))?.remains, true);
  });

  test("more files than there is room for: the search ends, and says so", async (t) => {
    const place = new ReviewPlace(t);
    for (let index = 0; index < 50; index++) place.write(`.github/${index}`, "x");
    const search = (limits: object) => {
      const made = new LaterSearch({
        roots: [place.workspace],
        limits: { entries: 1_000, files: 1_000, textBytes: 1_000_000, ...limits },
      });
      for (const _ of made.run());
      return made;
    };
    for (const limits of [{ entries: 20 }, { files: 20 }]) {
      const { files, leftOut } = search(limits);
      assert.ok(files.size <= 20);
      assert.ok(leftOut.some(({ isBound }) => isBound));
    }
    const texts = [...search({ textBytes: 10 }).files.values()].filter(({ text }) => text !== undefined);
    assert.equal(texts.length, 10);
  });

  test("a workspace that isn't in its place any more", async (t) => {
    const place = new ReviewPlace(t, { Makefile: "good" });
    await place.begin();
    renameSync(place.workspace, `${place.workspace}-2`);
    symlinkSync(`${place.workspace}-2`, place.workspace);
    const { changes, notReviewed } = await place.review();
    assert.deepEqual(changes, []);
    assert.match(notReviewed[0]?.because ?? "", /no directory in its place/);
  });

  test("git directories that lead out of the workspace, and an index behind a link", async (t) => {
    const place = new ReviewPlace(t, { "gd/HEAD": "x", elsewhere: "" });
    await place.begin();
    place.write("a/.git", "gitdir: ../../elsewhere\n");
    place.write("b/.git", "gitdir: ../gd\n");
    place.write("gd/commondir", "/elsewhere\n");
    symlinkSync("../elsewhere", place.at("gd/index"));
    const said = async (accept: boolean) => {
      const { notReviewed } = await place.review(accept);
      return notReviewed
        .map(({ path, because, remains }) => [
          path.slice(place.workspace.length + 1),
          because.replace(place.root, ""),
          remains,
        ])
        .sort();
    };
    const out = "git goes on to /elsewhere, which lies out of the workspace";
    const index = ["gd/index", "git reads it through a link, which isn't followed", true];
    assert.deepEqual(await said(true), [["a/.git", out, undefined], ["gd/commondir", out, undefined], index]);
    // What it hides can change unseen.
    assert.deepEqual(await said(false), [index]);
  });

  test("common directories of git one after the other, of which git follows the first", (t) => {
    const place = new ReviewPlace(t, { "d0/HEAD": "x" });
    for (let index = 0; index < 500; index++) place.write(`d${index}/commondir`, `../d${index + 1}\n`);
    let most = 0;
    const search = new LaterSearch({ roots: [place.workspace] });
    for (const _ of search.run()) most = Math.max(most, readdirSync("/proc/self/fd").length);
    assert.ok(most < 300, `${most} descriptors`);
    assert.ok(search.files.has("0/d1/commondir"));
  });

  test("an index of git that makes no sense", async (t) => {
    const place = new ReviewPlace(t, repositoryAt(".git"));
    await place.begin();
    place.write(".git/index", "evil");
    const { notReviewed } = await place.review();
    assert.deepEqual(
      notReviewed.map(({ path }) => path),
      [place.at(".git/index")],
    );
  });

  test("more links that lead out than are listed", async (t) => {
    const place = new ReviewPlace(t);
    await place.begin();
    for (let index = 0; index < 1_010; index++) symlinkSync("/etc/x", place.at(`l${index}`));
    place.write("package.json", "{}");
    const { changes, notReviewed } = await place.review();
    assert.equal(changes.length, 1_001);
    assert.ok(changes.some(({ kind }) => kind === "packages"));
    assert.deepEqual(
      notReviewed.map(({ path, changed }) => [path, changed]),
      [[place.workspace, 10]],
    );
  });

  test("a directory that may not be read", async (t) => {
    if (process.getuid?.() === 0) return t.skip("root may read everything");
    const place = new ReviewPlace(t, { "a/Makefile": "good" });
    await place.begin();
    for (const mode of [0o000, 0o400]) {
      chmodSync(place.at("a"), mode);
      const { changes, notReviewed } = await place.review();
      // Before anything can fail: what is in it has to be removed.
      chmodSync(place.at("a"), 0o700);
      assert.deepEqual(changes, []);
      assert.match(notReviewed[0]?.because ?? "", /can't be read/);
    }
  });
});

describe("what an agent had closed before the baseline", {
  skip: process.getuid?.() === 0 && "root may read everything",
}, () => {
  // Files in it can be opened by their names under 0311, and all be listed under 0444.
  for (const mode of [0o000, 0o311, 0o444]) {
    test(`isn't taken for unchanged, under mode ${mode.toString(8)}`, async (t) => {
      const place = new ReviewPlace(t, { ".vscode/tasks.json": "good" });
      chmodSync(place.at(".vscode"), mode);
      await place.begin();
      chmodSync(place.at(".vscode"), 0o700);
      place.write(".vscode/tasks.json", "evil");
      chmodSync(place.at(".vscode"), mode);
      const { notReviewed } = await place.review();
      const accepted = await place.review(true);
      const again = await place.review();
      chmodSync(place.at(".vscode"), 0o700);
      for (const one of [notReviewed, accepted.notReviewed, again.notReviewed])
        assert.deepEqual(
          one.map(({ path, remains }) => [path.startsWith(place.at(".vscode")), remains]),
          [[true, true]],
        );
    });
  }
});

describe("a search isn't led elsewhere", () => {
  /** Steps through a search, and puts a link to another directory in the place of `a/b` before each step in turn. */
  test("by a directory that becomes a link while it runs", (t) => {
    const place = new ReviewPlace(t, { "a/b/c/package.json": "inside" });
    mkdirSync(join(place.root, "secrets/c"), { recursive: true });
    writeFileSync(join(place.root, "secrets/c/package.json"), SECRET);
    for (let swapped = 0; ; swapped++) {
      const search = new LaterSearch({ roots: [place.workspace] });
      let steps = 0;
      for (const _ of search.run()) {
        if (steps++ !== swapped) continue;
        renameSync(place.at("a/b"), place.at("a/was"));
        symlinkSync(join(place.root, "secrets"), place.at("a/b"));
      }
      assert.doesNotMatch(JSON.stringify([...search.files.values()]), new RegExp(SECRET), `step ${swapped}`);
      if (steps <= swapped) break;
      rmSync(place.at("a/b"));
      renameSync(place.at("a/was"), place.at("a/b"));
    }
  });

  test("by links and configurations that lead to each other, and uses no more descriptors than it says", (t) => {
    const place = new ReviewPlace(t);
    for (let index = 0; index < 300; index++)
      place.write(`d${index}/.git/config`, `[core]\n\thooksPath = ../d${index + 1}\n`);
    symlinkSync(".", place.at(".vscode"));
    let most = 0;
    const search = new LaterSearch({ roots: [place.workspace] });
    for (const _ of search.run()) most = Math.max(most, readdirSync("/proc/self/fd").length);
    assert.ok(most < 300, `${most} descriptors`);
  });
});

describe("a baseline is how it was before the agent", () => {
  test("what changes while it is taken isn't part of it", async (t) => {
    const place = new ReviewPlace(t, { Makefile: "good", ".envrc": "good" });
    await clockTick();
    const began = Date.now();
    await clockTick();
    place.write("Makefile", "evil");
    place.write(".vscode/tasks.json", "evil");
    await place.baselines.take("a-session", [place.workspace], began);
    const changes = await place.changes();
    assert.deepEqual(
      Object.fromEntries(Object.entries(changes).map(([path, { change }]) => [path, change])),
      { ".vscode/tasks.json": "unknown", Makefile: "unknown" },
    );
    assert.match(changes.Makefile?.note ?? "", /isn't known/);
  });

  test("what is accepted is what was compared, and stays", async (t) => {
    const place = new ReviewPlace(t, { Makefile: "good" });
    await place.begin();
    place.write("Makefile", "new");
    assert.deepEqual((await place.review(true)).changes.length, 1);
    assert.deepEqual(await place.changes(), {});
    // An agent's next start takes no other one.
    place.write("Makefile", "evil");
    await place.begin();
    assert.deepEqual(Object.keys(await place.changes()), ["Makefile"]);
  });
});

repeatAsOrdinaryUser(import.meta.filename);
