import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseSlashCommand, slashCommands } from "../../../../../src/lib/cli/conversation/slash-commands.ts";

describe("parseSlashCommand", () => {
  test("a command with its argument", () => {
    assert.equal(parseSlashCommand("/model")?.command.name, "model");
    assert.equal(parseSlashCommand("/model")?.argument, "");
    assert.equal(parseSlashCommand(" /model  a/b c ")?.argument, "a/b c");
    assert.equal(parseSlashCommand("/compact keep\nthis")?.argument, "keep\nthis");
  });

  test("everything else is for the agent", () => {
    for (const line of ["model", "/modell", "/usr/bin/env is missing", "/", "/skill:model x", "/Model"]) {
      assert.equal(parseSlashCommand(line), undefined, line);
    }
  });

  test("what the issue asks for is there", () => {
    const names = slashCommands.map(({ name }) => name);
    for (const name of ["model", "thinking", "fork", "sessions", "export", "help"])
      assert.ok(names.includes(name));
    assert.equal(new Set(names).size, names.length);
  });
});
