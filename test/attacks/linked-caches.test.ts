import assert from "node:assert/strict";
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { TOOL_CACHES } from "../../src/lib/sandbox/runs-later/catalogue.ts";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

const LINKED = TOOL_CACHES.filter(({ holds }) => holds === "links").map(({ path }) => path.slice(2));
/** What is read in each of them, before and after the attempt to change it. `strict` has an empty home. */
const SEEN = { minimal: "good\n", development: "evil\n", strict: "" } as const;

attack(
  "caches whose files are linked into the projects of the user",
  "development",
  ({ profile, makePlace, runInside }) => {
    let place: Workspace;
    beforeEach(() => {
      place = makePlace();
    });
    afterEach(() => place.dispose());

    it("can't be changed, and `development` has others in their place", async () => {
      const modules = join(place.root, "other/node_modules");
      mkdirSync(modules, { recursive: true });
      for (const [index, cache] of LINKED.entries()) {
        mkdirSync(join(place.root, cache), { recursive: true });
        writeFileSync(join(modules, String(index)), "good\n");
        linkSync(join(modules, String(index)), join(place.root, cache, "file"));
      }
      const caches = LINKED.map((cache) => `~/${cache}`).join(" ");
      const line = `for c in ${caches}; do cat $c/file; echo evil > $c/file && cat $c/file; mv $c $c-2; done 2> /dev/null`;
      const { stdout, stderr } = await runInside(place, `${line}; true`);
      assert.equal(stdout, SEEN[profile].repeat(LINKED.length), stderr);
      for (const [index, cache] of LINKED.entries()) {
        assert.equal(readFileSync(join(modules, String(index)), "utf8"), "good\n", cache);
        assert.deepEqual(readdirSync(join(place.root, cache)), ["file"]);
      }
      if (profile !== "development") return;
      const explained = await place.ok([
        "sandbox",
        "explain",
        "--profile",
        profile,
        `${place.root}/${LINKED[0]}`,
      ]);
      assert.match(explained, /read .*linked into projects, of which the sandbox has an empty one/);
    });
  },
);
