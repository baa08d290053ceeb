import { execFileSync, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/**
 * Runs the tests: all of them, or the files named (`npm run test:only -- test/unit/**`). The newer pi is
 * fetched first, and the tests that need it find it in PICTL_TEST_PI_NEXT or show as skipped.
 */
const root = fileURLToPath(new URL("../", import.meta.url));
const files = process.argv.slice(2);
const next = execFileSync(process.execPath, ["scripts/fetch-pi-next.ts"], {
  cwd: root,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
}).trim();
// Most test files wait for processes of theirs; one file more than there are cores keeps those busy.
const concurrency = availableParallelism() + 1;
const { status, signal } = spawnSync(
  process.execPath,
  ["--test", `--test-concurrency=${concurrency}`, ...(files.length > 0 ? files : ["test/**/*.test.ts"])],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...(next === "" ? {} : { PICTL_TEST_PI_NEXT: next }) },
  },
);
process.exitCode = signal === null ? (status ?? 1) : 1;
