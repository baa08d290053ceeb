import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { SandboxReview } from "../../src/lib/core/sandbox-review.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { Workspace } from "../support/workspace.ts";

const ECHO = ["--model", "scripted/echo"];

describe("sandbox review", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
    place.shareCompileCache();
    execFileSync("git", ["init", "-q", place.cwd]);
    writeFileSync(join(place.cwd, "package.json"), '{"scripts":{"test":"true"}}\n');
    writeFileSync(join(place.cwd, "Makefile"), "all:\n\ttrue\n");
  });
  afterEach(() => place.dispose());

  const inside = (line: string, session: string) => place.ok(["session", "bash", "-s", session, "--", line]);
  const paths = async (session: string) => {
    const { changes } = await place.json<SandboxReview>(["sandbox", "review", session]);
    return changes.map(({ path }) => path.slice(place.cwd.length + 1));
  };

  it("shows what a session changed, whatever became of its agent and the daemon, until that is accepted", async () => {
    const id = await place.ok(["session", "create", "--sandbox", "strict", ...ECHO]);
    const clean = await place.run(["sandbox", "review"]);
    assert.deepEqual([clean.code, clean.stderr], [0, ""]);
    assert.match(clean.stdout, /^✔ Nothing that something outside may run or obey changed since /);

    await inside(
      `echo '{"scripts":{"test":"evil"}}' > package.json; rm Makefile; mkdir .vscode; printf 'a\\033[2J\\342\\200\\256b\\n' > .vscode/tasks.json`,
      id,
    );
    const found = await place.run(["sandbox", "review"]);
    assert.equal(found.code, 7, found.stderr);
    assert.match(found.stdout, /^added +\.vscode\/tasks\.json +\+1 -0 /m);
    assert.match(found.stdout, /^removed +Makefile +\+0 -2 /m);
    assert.match(
      found.stdout,
      /--- a\/package\.json\n\+\+\+ b\/package\.json\n@@ -1 \+1 @@\n-\{"scripts":\{"test":"true"\}\}\n\+\{"scripts":\{"test":"evil"\}\}\n/,
    );
    assert.ok(found.stdout.includes("+a\\u{1b}[2J\\u{202e}b\n"), "what isn't seen is written out");
    assert.match(found.stderr, /3 files .* changed\. \[REVIEW_NEEDED\]/);

    await place.ok(["session", "close", id]);
    await place.ok(["daemon", "restart"]);
    const document = await place.json<SandboxReview & { error: { code: string } }>([
      "sandbox",
      "review",
      "-s",
      id,
      "--no-diff",
    ]);
    assert.equal(document.error.code, "REVIEW_NEEDED");
    assert.deepEqual(
      document.changes.map(({ kind, change, diff }) => [kind, change, diff]),
      [
        ["editor", "added", undefined],
        ["build", "removed", undefined],
        ["packages", "changed", undefined],
      ],
    );
    const stat = await place.run(["sandbox", "review", "--stat"]);
    assert.match(stat.stdout, /^ package\.json +\| 2 {2}\+-$/m);
    assert.match(stat.stdout, /^ 3 files changed, 2 insertions\(\+\), 3 deletions\(-\)$/m);

    const accepted = await place.run(["sandbox", "review", "--accept"]);
    assert.equal(accepted.code, 0);
    assert.match(accepted.stdout, /^removed +Makefile/m, "what is accepted is shown");
    assert.deepEqual(await paths(id), []);
    // The next agent begins with what was accepted, and takes no other baseline.
    await inside("echo 'use evil' > .envrc", id);
    await inside("true", id);
    assert.deepEqual(await paths(id), [".envrc"]);

    await place.ok(["session", "delete", "--yes", id]);
    assert.deepEqual(readdirSync(join(place.paths.stateDir, "baselines")), []);
  });

  it("of a copy compares with the baseline of its session", async () => {
    const id = await place.ok(["session", "create", "--sandbox", "strict", ...ECHO]);
    await place.ok(["prompt", "-s", id, "hello"]);
    await inside("echo evil > Makefile", id);
    const clone = await place.ok(["session", "clone", "-s", id]);
    assert.deepEqual(await paths(clone), ["Makefile"]);
  });

  it("covers a git directory outside of the workspace", async () => {
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", place.cwd, "-c", "user.name=x", "-c", "user.email=x@y", ...args]);
    git("commit", "-q", "--allow-empty", "-m", "first");
    const tree = join(place.root, "tree");
    git("worktree", "add", "-q", tree);
    const { sessionId: id } = await place.json<{ sessionId: string }>(
      ["session", "create", "--sandbox", "development", ...ECHO],
      { cwd: tree },
    );
    await inside("git branch held && mkdir $(git rev-parse --git-common-dir)/rebase-merge", id);
    await inside("echo exec evil > $(git rev-parse --git-common-dir)/rebase-merge/git-rebase-todo", id);
    await inside(
      "echo x > source; git add source; git update-index --skip-worktree source; echo evil > source",
      id,
    );
    const { changes } = await place.json<SandboxReview>(["sandbox", "review", id], { cwd: tree });
    assert.deepEqual(
      changes.map(({ change, path }) => [change, path]),
      [
        ["added", join(place.cwd, ".git/rebase-merge/git-rebase-todo")],
        ["hidden", join(tree, "source")],
      ],
    );
  });

  it("says that nothing is known of a session that no sandbox has had", async () => {
    await place.ok(["session", "create", "--no-sandbox", ...ECHO]);
    const { code, stderr } = await place.run(["sandbox", "review"]);
    assert.equal(code, 4);
    assert.match(stderr, /no agent of it has run in a sandbox here\. \[BASELINE_NOT_FOUND\]/);
  });
});
