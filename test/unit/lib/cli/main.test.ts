import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { commandWords } from "../../../../src/lib/cli/main.ts";

test("a command is found by one, two or three words, and by nothing that leads elsewhere", (t) => {
  const commands = mkdtempSync(join(tmpdir(), "pictl-commands-"));
  t.after(() => rmSync(commands, { recursive: true }));
  mkdirSync(join(commands, "session/queue"), { recursive: true });
  for (const name of ["prompt", "session/list", "session/queue/list"]) {
    writeFileSync(join(commands, `${name}.js`), "");
  }
  const words = (...argv: string[]) => commandWords(argv, commands);
  assert.equal(words("prompt"), 1);
  assert.equal(words("prompt", "session", "list"), 1);
  assert.equal(words("session", "list"), 2);
  assert.equal(words("session", "list", "queue"), 2);
  assert.equal(words("session", "queue", "list"), 3);
  assert.equal(words("session", "queue", "list", "review"), 3);
  for (const argv of [[], ["session"], ["session", "queue"], ["session", "queue", "-s"], ["queue", "list"]]) {
    assert.equal(words(...argv), 0, argv.join(" "));
  }
  assert.equal(words("..", "session", "list"), 0);
  assert.equal(words("session", "../session", "list"), 0);
  assert.equal(words("session/list"), 0);
});
