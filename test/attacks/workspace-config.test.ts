import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

attack(
  "a config.toml of the workspace that an agent has written",
  "strict",
  ({ profile, makePlace, ids }) => {
    let place: Workspace;
    const file = () => join(place.cwd, ".pictl/config.toml");
    before(async () => {
      place = makePlace();
      execFileSync("git", ["init", "-q", place.cwd], ids);
    });
    after(() => place.dispose());

    it("doesn't choose the model of a session without a sandbox in silence", async () => {
      const writes =
        'mkdir .pictl && printf \'model = "scripted/echo"\\nthinking = "high"\\nformat = "quiet"\\n\' > .pictl/config.toml';
      await place.ok(["sandbox", "run", "--profile", profile, "--", "/bin/sh", "-c", writes]);
      const first = await place.run(["prompt", "--new", "hi"]);
      assert.match(first.stderr, new RegExp(`${file()} chose the model scripted/echo.*--model`));
      assert.match(first.stderr, /chose the thinking level high.*--thinking/);
      assert.match(first.stderr, /chose the format quiet.*--format/);
      assert.doesNotMatch((await place.run(["prompt", "--format", "text", "again"])).stderr, /chose/);
      const { warnings } = await place.json<{ warnings: string[] }>(["session", "create"]);
      assert.match(warnings.join("\n"), /chose the model/);
      const named = await place.run([
        "prompt",
        "--new",
        "--model",
        "scripted/echo",
        "--thinking",
        "low",
        "hi",
      ]);
      assert.doesNotMatch(named.stderr, /chose the (model|thinking)/);
    });

    it("is no matter where no sandbox was", async () => {
      const elsewhere = join(place.root, "elsewhere");
      mkdirSync(join(elsewhere, ".pictl"), { recursive: true });
      writeFileSync(join(elsewhere, ".pictl/config.toml"), 'model = "scripted/echo"\n');
      place.giveToUser();
      assert.equal((await place.run(["prompt", "--new", "hi"], { cwd: elsewhere })).stderr, "");
    });
  },
);
