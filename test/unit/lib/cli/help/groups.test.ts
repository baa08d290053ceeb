import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { COMMAND_GROUPS } from "../../../../../src/lib/cli/help/groups.ts";
import { rootHelp } from "../../../../../src/lib/cli/help/root-help.ts";
import { commandName, readManifest } from "../../../../../src/lib/cli/manifest.ts";
import { plainColors } from "../../../../../src/lib/cli/render/color.ts";

const manifest = readManifest(join(import.meta.dirname, "../../../../.."));
const commands = manifest.commands.filter(({ hidden }) => !hidden).map(commandName);
const grouped = COMMAND_GROUPS.flatMap(({ commands: names }) => names);

describe("the groups of help", () => {
  it("have every command that isn't hidden exactly once, and nothing else", () => {
    assert.deepEqual([...grouped].sort(), [...commands].sort());
  });

  it("fit one screen of 24 lines and 80 columns", () => {
    const lines = page(80).split("\n");
    // The last line of the screen is the shell's.
    assert.ok(lines.length <= 23, `${lines.length} lines`);
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
  });

  it("fit a narrow one as well", () => {
    const rows = page(60).split("\n").slice(7);
    assert.deepEqual(
      rows.filter((line) => line.length > 60),
      [],
    );
  });

  it("leave out what this build doesn't have", () => {
    const some = rootHelp(
      { bin: "pictl", summary: "S", groups: COMMAND_GROUPS, existing: new Set(["session list", "doctor"]) },
      80,
      plainColors(),
    );
    assert.match(some, /session list$/m);
    assert.ok(!some.includes("The daemon"));
  });
});

describe("topics", () => {
  it("have a description each", () => {
    const topics = new Set(commands.flatMap((name) => (name.includes(" ") ? [name.split(" ", 1)[0]] : [])));
    for (const topic of topics) assert.ok(manifest.topics[topic ?? ""], topic);
  });
});

function page(width: number): string {
  return rootHelp(
    { bin: "pictl", summary: "Summary", groups: COMMAND_GROUPS, existing: new Set(grouped) },
    width,
    plainColors(),
  );
}
