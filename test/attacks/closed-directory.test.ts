import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

attack(
  "a directory that an agent closes, and opens again in its next sandbox",
  "strict",
  ({ makePlace, runInside, ids }) => {
    let place: Workspace;
    beforeEach(() => {
      place = makePlace();
    });
    afterEach(() => place.dispose());

    const run = (script: string) => runInside(place, script);
    /** Root isn't kept out of anything, and sees what is to be hidden and held. */
    const isRoot = process.getuid?.() === 0 && ids.uid === undefined;

    /** Closes it in one sandbox, and gives what a script has printed in the next, which opens it. */
    const afterClosing = async (directory: string, script: string) => {
      assert.equal((await run(`chmod 0 ${directory}`)).code, 0);
      const { code, stdout, stderr } = await run(`chmod 700 ${directory}; ${script}`);
      if (!isRoot) assert.deepEqual([code, stderr.includes(`${directory} is closed`)], [7, true], stderr);
      chmodSync(join(place.cwd, directory), 0o700);
      return stdout;
    };

    it("keeps what a policy denies in it", async () => {
      mkdirSync(place.paths.configDir, { recursive: true });
      const key = join(place.cwd, "config/key");
      writeFileSync(join(place.paths.configDir, "sandbox.toml"), `deny_read = [${JSON.stringify(key)}]\n`);
      mkdirSync(join(place.cwd, "config"));
      writeFileSync(key, "canary");
      assert.doesNotMatch(await afterClosing("config", "cat config/*; rm -rf config"), /canary/);
      assert.equal(readFileSync(key, "utf8"), "canary");
      assert.doesNotMatch((await run("cat config/*")).stdout, /canary/);
    });

    it("keeps the configuration of a repository and of its submodules", async () => {
      place.giveToUser();
      const git = (...args: string[]) =>
        execFileSync("git", args, {
          ...ids,
          cwd: place.cwd,
          env: { PATH: process.env.PATH, HOME: place.root },
        });
      git("init", "-q");
      mkdirSync(join(place.cwd, ".git/modules/libs"), { recursive: true });
      place.giveToUser();
      git("init", "-q", "--separate-git-dir", ".git/modules/libs/sub", "libs/sub");
      const files = [".git/config", ".git/modules/libs/sub/config"].map((name) => join(place.cwd, name));
      const before = files.map((file) => readFileSync(file, "utf8"));
      for (const directory of [".git/modules/libs", ".git"])
        await afterClosing(directory, files.map((file) => `echo evil >> ${file}`).join("; "));
      assert.deepEqual(
        files.map((file) => readFileSync(file, "utf8")),
        before,
      );
    });
  },
  { ofUsers: true },
);
