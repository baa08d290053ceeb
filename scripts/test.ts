import { execFileSync, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { OTHER_PIS } from "../test/support/pis.ts";

/** End-to-end tests of what pi does or says: the other supported pis run these too. */
const OF_PI = /\/(agent-commands|agents|parking|questions|stream-json|turns)\.test\.ts$/;

/**
 * Runs the tests: all of them, or the files named (`npm run test:only -- test/unit/**`). The other supported pis are
 * fetched first; without a registry their tests show as skipped. When all tests run, the end-to-end tests of what pi
 * does run once more with each of them.
 */
const root = fileURLToPath(new URL("../", import.meta.url));
const files = process.argv.slice(2);
const fetched = execFileSync(process.execPath, ["scripts/fetch-pis.ts"], {
  cwd: root,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
})
  .split("\n")
  .filter((path) => path !== "");
// Most test files wait for processes of theirs; one file more than there are cores keeps those busy.
const concurrency = availableParallelism() + 1;

function run(what: string[], env: Record<string, string>): number {
  const { status, signal } = spawnSync(
    process.execPath,
    ["--test", `--test-concurrency=${concurrency}`, "--test-timeout=120000", ...what],
    { cwd: root, stdio: "inherit", env: { ...process.env, ...env } },
  );
  return signal === null ? (status ?? 1) : 1;
}

const codes = [run(files.length > 0 ? files : ["test/**/*.test.ts"], {})];
if (files.length === 0) {
  const again = globSync("test/e2e/*.test.ts", { cwd: root }).filter((file) => OF_PI.test(file));
  for (const pi of fetched) {
    process.stdout.write(`\nThe end-to-end tests of what pi does, with PICTL_PI=${pi}\n\n`);
    codes.push(run(again, { PICTL_TEST_PI: pi }));
  }
  if (fetched.length < OTHER_PIS.length)
    process.stdout.write("\nSKIPPED: the end-to-end tests with pis that could not be fetched (see above).\n");
}
process.exitCode = Math.max(...codes);
