import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { absolutePaths, requirePaths } from "../../../../src/lib/agent/path-arguments.ts";

test("a path after -- is a file or a directory, at creation and at each start", (t) => {
  const place = mkdtempSync(join(tmpdir(), "pictl-paths-"));
  t.after(() => rmSync(place, { recursive: true }));
  const pipe = join(place, "pipe");
  execFileSync("mkfifo", [pipe]);
  const refused = { code: "INVALID_INPUT", message: /is not a regular file/ };
  for (const flag of ["-e", "--extension", "--skill", "--prompt-template", "--theme"]) {
    assert.deepEqual(absolutePaths([flag, "."], place, {}, []), [flag, place]);
    assert.throws(() => absolutePaths([flag, "pipe"], place, {}, []), refused);
    assert.throws(() => requirePaths([flag, pipe], []), refused);
  }
  const gone = join(place, "gone");
  assert.throws(() => absolutePaths(["-e", gone], place, {}, []), {
    code: "FILE_NOT_FOUND",
    hint: /^Correct/,
  });
  assert.throws(() => requirePaths(["-e", gone], []), { code: "FILE_NOT_FOUND", hint: /^Put it back/ });
});
