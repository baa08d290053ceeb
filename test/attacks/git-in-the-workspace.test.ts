import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** Layouts in which git takes its configuration and hooks from the workspace, and not from `.git`. */
const LAYOUTS: Record<
  string,
  { make: (git: (...args: string[]) => void, cwd: string) => void; dir: string }
> = {
  "--separate-git-dir in the workspace": {
    make: (git, cwd) => git("init", "-q", "--separate-git-dir", join(cwd, "store"), cwd),
    dir: "store",
  },
  "./.bare with a pointer": {
    make(git, cwd) {
      git("init", "-q", "--bare", join(cwd, ".bare"));
      git("-C", join(cwd, ".bare"), "config", "core.bare", "false");
      writeFileSync(join(cwd, ".git"), "gitdir: ./.bare\n");
    },
    dir: ".bare",
  },
};

attack(
  "a repository whose git directory isn't `.git`",
  "strict",
  ({ profile, makePlace, runInside, ids }) => {
    let place: Workspace;
    beforeEach(() => {
      place = makePlace();
    });
    afterEach(() => place.dispose());

    for (const [name, { make, dir }] of Object.entries(LAYOUTS)) {
      it(`${name}: its hooks and configuration stay, git works, and git outside runs nothing of the agent's`, async () => {
        const { cwd } = place;
        const git = (...args: string[]) =>
          execFileSync("git", args, { ...ids, env: { PATH: process.env.PATH, HOME: place.root } });
        make(git, cwd);
        mkdirSync(join(cwd, dir, "hooks"), { recursive: true });
        const config = readFileSync(join(cwd, dir, "config"), "utf8");
        const evil = `touch ${join(cwd, "ran")}`;
        const { stdout, stderr } = await runInside(
          place,
          [
            "exec 2>&1",
            `printf '[core]\\n\\tfsmonitor = "${evil}; false"\\n' >> ${dir}/config`,
            `printf '#!/bin/sh\\n${evil}\\n' > ${dir}/hooks/pre-commit; chmod 755 ${dir}/hooks/pre-commit`,
            `printf '[core]\\n\\tfsmonitor = "${evil}; false"\\n' > ${dir}/config.worktree`,
            `rm -f ${dir}/commondir; echo ../evil > ${dir}/commondir`,
            `mv ${dir} was && cp -r was ${dir}`,
            `rm -f .git; mkdir .git`,
            `mkdir -p ${dir}/remotes ${dir}/branches`,
            `for kind in remotes branches; do echo "URL: ${join(cwd, "evil.git")}" > ${dir}/$kind/origin && echo left; done`,
            "git add -A && git -c user.name=x -c user.email=x@y commit -qm inside && echo committed",
          ].join("\n"),
        );
        assert.match(stdout, /Read-only file system[\s\S]*committed\n$/, stderr);
        assert.doesNotMatch(stderr, /isn't opened/);
        assert.equal(readFileSync(join(cwd, dir, "config"), "utf8"), config);
        git("-C", cwd, "status");
        git("-C", cwd, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "out", "--allow-empty");
        assert.equal(existsSync(join(cwd, "ran")), false);
        for (const name of ["hooks/pre-commit", "remotes/origin", "branches/origin"])
          assert.equal(existsSync(join(cwd, dir, name)), false, name);
      });
    }

    it("a submodule's pointer stays, so that `git status` outside doesn't obey another repository", async () => {
      const { cwd } = place;
      const git = (...args: string[]) =>
        execFileSync(
          "git",
          ["-c", "protocol.file.allow=always", "-c", "user.name=x", "-c", "user.email=x@y", ...args],
          {
            ...ids,
            env: { PATH: process.env.PATH, HOME: place.root },
            stdio: ["ignore", "pipe", "pipe"],
          },
        );
      const source = join(place.root, "source");
      git("init", "-q", source);
      git("-C", source, "commit", "-qm", "first", "--allow-empty");
      git("init", "-q", cwd);
      git("-C", cwd, "submodule", "--quiet", "add", source, "libs/sub");
      git("-C", cwd, "commit", "-qm", "first");
      const pointer = readFileSync(join(cwd, "libs/sub/.git"), "utf8");
      const evil = `touch ${join(cwd, "ran")}`;
      const { stdout } = await runInside(
        place,
        [
          "exec 2>&1",
          "cp -r .git/modules/libs/sub evil",
          `printf '[core]\n\tworktree = ../libs/sub\n\tfsmonitor = "${evil}; false"\n' > evil/config`,
          "echo 'gitdir: ../../evil' > libs/sub/.git",
          "rm -f libs/sub/.git && echo 'gitdir: ../../evil' > libs/sub/.git",
          "mv libs/sub libs/was && cp -r libs/was libs/sub && echo 'gitdir: ../../evil' > libs/sub/.git",
          "mv libs was && cp -r was libs && echo 'gitdir: ../../evil' > libs/sub/.git",
          "git -C libs/sub status --short && echo works",
        ].join("\n"),
      );
      assert.match(stdout, /works\n$/);
      assert.equal(readFileSync(join(cwd, "libs/sub/.git"), "utf8"), pointer);
      git("-C", cwd, "status");
      assert.equal(existsSync(join(cwd, "ran")), false);
    });

    it("what comes into being while an agent lives is held from the next prompt on: a repository, a worktree", async () => {
      const { cwd } = place;
      const git = (...args: string[]) =>
        execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@y", ...args], {
          ...ids,
          cwd,
          env: { PATH: process.env.PATH, HOME: place.root },
          stdio: "ignore",
        });
      const script = (command: string) => [[{ tool: "bash", args: { command } }], [{ text: "tried" }]];
      const evil = "printf '[core]\\n\\tfsmonitor = true\\n' >> .git/config; echo x > .git/hooks/pre-commit";
      const other = "echo ../../evil > .git/worktrees/other/commondir";
      const responses = [[{ text: "ready" }], ...script(evil), ...script(other)];
      const scenario = join(place.root, "scenario.json");
      writeFileSync(scenario, JSON.stringify({ responses }));
      const create = { options: { sandbox: profile, model: `scripted/${scenario}` } };
      await place.ok(["daemon", "start"]);
      const { sessionId } = await place.turn({ cwd, fresh: true, create, message: "one" });
      git("init", "-q");
      git("commit", "-qm", "first", "--allow-empty");
      const config = readFileSync(join(cwd, ".git/config"), "utf8");
      await place.turn({ cwd, sessionId, message: "two" });
      assert.equal(readFileSync(join(cwd, ".git/config"), "utf8"), config);
      assert.equal(existsSync(join(cwd, ".git/hooks/pre-commit")), false);
      git("worktree", "add", "-q", "../other");
      await place.turn({ cwd, sessionId, message: "three" });
      assert.equal(readFileSync(join(cwd, ".git/worktrees/other/commondir"), "utf8"), "../..\n");
      assert.equal((await place.ask("get_session", { sessionId, cwd })).session.messages > 6, true);
    });
  },
);
