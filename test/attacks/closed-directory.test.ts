import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

attack(
  "a directory that an agent closes, and opens again in its next sandbox",
  "strict",
  ({ profile, makePlace, ids }) => {
    let place: Workspace;
    beforeEach(() => {
      place = makePlace();
    });
    afterEach(() => place.dispose());

    it("keeps what a policy denies in it", async () => {
      const { cwd } = place;
      const run = (script: string) =>
        place.run(["sandbox", "run", "--profile", profile, "--", "sh", "-c", script]);
      mkdirSync(place.paths.configDir, { recursive: true });
      const key = join(cwd, "config/key");
      writeFileSync(join(place.paths.configDir, "sandbox.toml"), `deny_read = [${JSON.stringify(key)}]\n`);
      mkdirSync(join(cwd, "config"));
      writeFileSync(key, "canary");
      assert.equal((await run("chmod 0 config")).code, 0);
      const { code, stdout, stderr } = await run("chmod 700 config; cat config/*; rm -rf config");
      const isRoot = process.getuid?.() === 0 && ids.uid === undefined;
      assert.doesNotMatch(stdout, /canary/);
      if (!isRoot) assert.deepEqual([code, /chmod u\+rwx .*config/.test(stderr)], [7, true], stderr);
      chmodSync(join(cwd, "config"), 0o700);
      assert.equal(readFileSync(key, "utf8"), "canary");
      assert.doesNotMatch((await run("cat config/*")).stdout, /canary/);
    });
  },
  { ofUsers: true },
);
