import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { shellCommand } from "../../../../src/lib/cli/shell-words.ts";

test("one word is a line for the shell as it is", () => {
  assert.equal(shellCommand(["git diff | head"]), "git diff | head");
  assert.equal(shellCommand([]), "");
});

test("several words reach the command as they are", () => {
  const words = [
    "a",
    "b c",
    "",
    "$HOME",
    "it's",
    "*",
    'say "no"',
    "line\nbreak",
    "~",
    "--x=1",
    "ü",
    "a;b",
    "\\",
  ];
  const command = shellCommand(["printf", "%s\\0", ...words]);
  const printed = execFileSync("sh", ["-c", command], { encoding: "utf8" });
  assert.deepEqual(printed.split("\0").slice(0, -1), words);
  assert.equal(shellCommand(["npm", "run", "test:only", "a/b.ts"]), "npm run test:only a/b.ts");
});
