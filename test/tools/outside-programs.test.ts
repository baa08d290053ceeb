import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What could lead to a program beside find-program.ts, and who may have it (scripts/check-imports.ts has the imports). */
const WAYS: readonly (readonly [pattern: RegExp, why: string, ...files: string[]])[] = [
  [
    /\.PATH\b/,
    "looks for something on PATH",
    "src/lib/core/outside/find-program.ts",
    // Says what is skipped.
    "src/lib/client/doctor/check-programs.ts",
    // Warns of roots that open a program.
    "src/lib/sandbox/policy/user-policy.ts",
    // Hands it to that.
    "src/lib/sandbox/check/place.ts",
  ],
  // As the first process of a container: /bin/sh.
  [/\bexecve\b(?!\()/, "becomes another program", "src/lib/client/run-daemon.ts"],
  [/shell: true/, "lets a shell look for a program"],
  [/process\.(binding|dlopen)/, "goes around Node's modules"],
];

test("no file but those that are known looks for programs, or starts one by other means", () => {
  const files = globSync("src/**/*.ts", { cwd: ROOT });
  assert.ok(files.length > 400, "the sources weren't found");
  for (const [pattern, why, ...known] of WAYS) {
    const found = files.filter((file) => pattern.test(readFileSync(`${ROOT}${file}`, "utf8")));
    assert.deepEqual(found.sort(), known.sort(), `${pattern} ${why}: use src/lib/core/outside`);
  }
});
