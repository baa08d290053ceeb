import assert from "node:assert/strict";
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { TOOL_CACHES } from "../../src/lib/sandbox/runs-later/catalogue.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { Workspace } from "../support/workspace.ts";

const LINKED = TOOL_CACHES.filter(({ holds }) => holds === "links").map(({ path }) => path.slice(2));

describe("caches whose files are linked into the projects of the user", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
  });
  afterEach(() => place.dispose());

  it("can be used, and neither read nor changed", async () => {
    const modules = join(place.root, "other/node_modules");
    mkdirSync(modules, { recursive: true });
    for (const [index, cache] of LINKED.entries()) {
      mkdirSync(join(place.root, cache), { recursive: true });
      writeFileSync(join(modules, String(index)), "good");
      linkSync(join(modules, String(index)), join(place.root, cache, "file"));
    }
    const caches = LINKED.map((cache) => `~/${cache}`).join(" ");
    const line = `for c in ${caches}; do cat $c/file; echo evil > $c/file && cat $c/file; mv $c $c-2; done 2> /dev/null`;
    const { stdout, stderr } = await place.run([
      "sandbox",
      "run",
      "--profile",
      "development",
      "--",
      "sh",
      "-c",
      `${line}; true`,
    ]);
    assert.equal(stdout, "evil\n".repeat(LINKED.length), stderr);
    for (const [index, cache] of LINKED.entries()) {
      assert.equal(readFileSync(join(modules, String(index)), "utf8"), "good", cache);
      assert.deepEqual(readdirSync(join(place.root, cache)), ["file"]);
    }
    const explained = await place.ok([
      "sandbox",
      "explain",
      "--profile",
      "development",
      `${place.root}/${LINKED[0]}`,
    ]);
    assert.match(explained, /read .*linked into projects, of which the sandbox has an empty one/);
  });
});
