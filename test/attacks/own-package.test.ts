import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { fileURLToPath } from "node:url";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FILES = ["bin/run.js", "package.json", "dist/lib/cli/main.js"];

attack("a pictl that is installed in the workspace", "development", ({ profile, makePlace, ids }) => {
  let place: Workspace;
  beforeEach(() => {
    place = makePlace();
    execFileSync("git", ["init", "-q", place.cwd], ids);
  });
  afterEach(() => place.dispose());

  it("stays as it is and where it is, so that the next command is none of an agent's", () => {
    const installed = join(place.cwd, "node_modules/pictl");
    for (const name of ["bin", "dist", "package.json", "oclif.manifest.json"])
      cpSync(join(ROOT, name), join(installed, name), { recursive: true });
    const moving = `cd node_modules
      for file in ${FILES.join(" ")}; do echo '// mine' >> pictl/$file; rm -f pictl/$file; mv pictl/$file away; done
      mv pictl/dist pictl/away; mv pictl away; cd ..; mv node_modules away; rm -rf node_modules/pictl; true`;
    place.giveToUser();
    const run = (...command: string[]) =>
      execFileSync(
        process.execPath,
        [join(installed, "bin/run.js"), "sandbox", "run", "--profile", profile, "--", ...command],
        {
          cwd: place.cwd,
          ...ids,
          env: place.env as NodeJS.ProcessEnv,
          stdio: ["ignore", "pipe", "ignore"],
          encoding: "utf8",
        },
      );
    run("/bin/sh", "-c", moving);
    for (const file of FILES)
      assert.equal(readFileSync(join(installed, file), "utf8"), readFileSync(join(ROOT, file), "utf8"), file);
    assert.equal(existsSync(join(place.cwd, "away")), false);
    assert.equal(run("/bin/echo", "still here"), "still here\n");
  });
});
