import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { writeSession } from "../support/session-file.ts";
import { Workspace } from "../support/workspace.ts";

describe("a link that an agent has made in the workspace", () => {
  test("leads no export and no settings out of it", async (t) => {
    const place = new Workspace();
    t.after(() => place.dispose());
    const outside = join(place.root, "outside");
    const canary = join(outside, "canary");
    mkdirSync(outside);
    writeFileSync(canary, "untouched");
    symlinkSync(canary, join(place.cwd, "report.md"));
    symlinkSync(join(outside, "new"), join(place.cwd, "new.md"));
    mkdirSync(join(place.cwd, "out"));
    symlinkSync(outside, join(place.cwd, "out", "reports"));
    symlinkSync(outside, join(place.cwd, ".pictl"));
    const id = writeSession(place, ["hi"]);
    const refused = async (...args: string[]) => {
      const { code, stderr } = await place.run(args);
      assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
      assert.match(stderr, /is a symbolic link/);
    };
    await refused("session", "export", id, "-o", "report.md", "--force");
    await refused("session", "export", id, "-o", "new.md");
    for (const format of ["md", "html", "jsonl"])
      await refused("session", "export", id, "-f", format, "-o", "out/reports/x");
    await refused("session", "export", id, "-o", "out/reports/canary", "--force");
    await refused("config", "set", "--workspace", "model", "scripted/echo");
    await refused("sandbox", "init", "--workspace");
    assert.equal(readFileSync(canary, "utf8"), "untouched");
    assert.deepEqual(
      ["new", "x", "config.toml", "sandbox.toml"].filter((name) => existsSync(join(outside, name))),
      [],
    );
    // The user's own link, from outside of the directory in which the agent works.
    const link = join(place.root, "documents");
    symlinkSync(outside, link);
    await place.ok(["session", "export", id, "-o", join(link, "mine.md")]);
    assert.match(readFileSync(join(outside, "mine.md"), "utf8"), /hi/);
  });
});
