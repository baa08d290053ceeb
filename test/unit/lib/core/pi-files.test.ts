import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { brokenPiFiles } from "../../../../src/lib/core/pi-files.ts";

test("a models.json of which pi would take nothing is told, with the place", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "pictl-pi-files-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const problems = (text: string) => {
    writeFileSync(join(directory, "models.json"), text);
    return brokenPiFiles(directory, ["models.json"]);
  };
  for (const text of [
    '{"providers": {}}',
    '// mine\n{"providers": {"x": {"models": [],}, "y": {"baseUrl": "http://x"}}}',
  ])
    assert.deepEqual(problems(text), []);
  for (const [text, problem] of [
    ['{"providers": ', /models\.json isn't valid JSON, so pi goes without its models\.$/],
    ["[]", /has no object `providers`/],
    ['{"providers": {"x": 1}}', /has a provider "x" that is no object/],
    ['{"providers": {"x": {"models": {}}}}', /has a provider "x" .* `models` is no list/],
  ] as const) {
    assert.equal(problems(text).length, 1);
    assert.match(problems(text)[0] ?? "", problem);
  }
});
