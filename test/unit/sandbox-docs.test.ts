import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deniedDocs, reviewDocs, sandboxDocs } from "../../scripts/sandbox-docs.ts";
import { checkPolicyText, FILE_KEYS } from "../../src/lib/sandbox/policy/policy-file.ts";

const ROOT = join(import.meta.dirname, "../../");
const page = readFileSync(join(ROOT, "docs/sandbox.md"), "utf8");

test('the profiles of docs/sandbox.md and all of docs/sandbox-denied.md are what "npm run docs:sandbox" writes', () => {
  assert.equal(page, sandboxDocs(ROOT));
  assert.equal(readFileSync(join(ROOT, "docs/sandbox-denied.md"), "utf8"), deniedDocs());
});

test('the lists of docs/sandbox-review.md are what "npm run docs:sandbox" writes', () => {
  assert.equal(readFileSync(join(ROOT, "docs/sandbox-review.md"), "utf8"), reviewDocs(ROOT));
});

test("docs/sandbox.md has a row for every key, and a file with all of them that is accepted", () => {
  const keys = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, key = ""]) => key));
  for (const key of Object.keys(FILE_KEYS)) assert.ok(keys.includes(key), key);
  const [, toml = ""] = /```toml\n([\s\S]*?)```/.exec(page) ?? [];
  const { settings } = checkPolicyText(toml, "docs/sandbox.md", "/home/me");
  assert.deepEqual(Object.keys(settings).sort(), Object.values(FILE_KEYS).sort());
});
