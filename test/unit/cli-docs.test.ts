import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cliDocs } from "../../scripts/cli-docs.ts";
import { commandName, readManifest } from "../../src/lib/cli/manifest.ts";

const ROOT = join(import.meta.dirname, "../..");

test('docs/cli.md is what "npm run docs:cli" writes', () => {
  assert.equal(readFileSync(join(ROOT, "docs/cli.md"), "utf8"), cliDocs(ROOT));
});

test("it has a section for every command, with every flag and example", () => {
  const sections = cliDocs(ROOT).split(/^## /m);
  for (const command of readManifest(ROOT).commands.filter(({ hidden }) => !hidden)) {
    const section = sections.find((one) => one.startsWith(`${commandName(command)}\n`)) ?? "";
    assert.ok(section, commandName(command));
    for (const { name, hidden } of Object.values(command.flags)) {
      if (!hidden && name !== "json") assert.match(section, new RegExp(`--(\\[no-\\])?${name}\\b`), name);
    }
    assert.match(section, /```sh\n.*pictl/, `${command.id}: an example`);
  }
});
