import { execFileSync, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** What these test is the same with every pi: they aren't run once more. */
const NO_PI =
  /\/(agent-death|completion|config|conversation|daemon|help|history|hostile|json-shapes|limits|one-writer|sandbox|sandbox-policy|sandbox-run|sandbox-sessions|schemas|shutdown|systemd|watching)\.test\.ts$/;

/**
 * Runs the tests: all of them, or the files named (`npm run test:only -- test/unit/**`). The newer pi is
 * fetched first; the tests that need it find it in PICTL_TEST_PI_NEXT or show as skipped. When all tests run,
 * the end-to-end tests run once more with the newer pi behind pictl.
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

function run(what: string[], env: Record<string, string>): number {
  const { status, signal } = spawnSync(
    process.execPath,
    ["--test", `--test-concurrency=${concurrency}`, "--test-timeout=120000", ...what],
    { cwd: root, stdio: "inherit", env: { ...process.env, ...env } },
  );
  return signal === null ? (status ?? 1) : 1;
}

const withNext: Record<string, string> = next === "" ? {} : { PICTL_TEST_PI_NEXT: next };
const codes = [run(files.length > 0 ? files : ["test/**/*.test.ts"], withNext)];
if (files.length === 0 && next !== "") {
  process.stdout.write(`\nThe end-to-end tests once more, with PICTL_PI=${next}\n\n`);
  const again = globSync("test/e2e/*.test.ts", { cwd: root }).filter((file) => !NO_PI.test(file));
  codes.push(run(again, { PICTL_TEST_PI: next, PICTL_TEST_KILLS: "20" }));
} else if (files.length === 0) {
  process.stdout.write("\nSKIPPED: the end-to-end tests with the newer pi, which could not be fetched.\n");
}
process.exitCode = Math.max(...codes);
