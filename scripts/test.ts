import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchedPiCli, OTHER_PIS } from "../test/support/pis.ts";
import { measureSlowness } from "../test/support/speed.ts";
import { DEPENDS_ON_PI, longestFirst, longForms, type OtherPi, runWith, SAYS_IT_ALL } from "./test/plan.ts";
import { countsText, failureText, fileText } from "./test/print.ts";
import { type FileResult, runFile, type TestRun } from "./test/run-file.ts";
import { countsOf, NO_COUNTS } from "./test/seen.ts";

/**
 * Runs the tests: all of them, the files named (`npm run test:only -- test/unit/**`), or the long forms (`--long`), which
 * include what depends on pi's version with each other pi that is supported. Options that begin with `--test-` go to
 * node:test with the latter two. All tests together include a part of those. All of this shares one pool of workers.
 */
const root = fileURLToPath(new URL("../", import.meta.url));
// Most files wait for processes of theirs; two files more than there are cores keep those busy.
const WORKERS = availableParallelism() + 2;
/** A machine gets busier while the tests run: limits that end a hang follow. */
const MEASURE_AGAIN_AFTER = 10;

const SIGNAL_CODES: Readonly<Record<string, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  const begun = performance.now();
  const isLong = args.includes("--long");
  const options = args.filter((arg) => arg.startsWith("--test-"));
  const named = args.filter((arg) => !arg.startsWith("--"));
  const runs = isLong ? longRuns(options) : named.length > 0 ? namedRuns(named, options) : allRuns();
  let slowness = measureSlowness();
  process.stdout.write(
    `${runs.length} files, ${WORKERS} at a time. Limits are ${slowness.toFixed(1)} times those of an idle machine.\n\n`,
  );
  const stop = new AbortController();
  for (const name of Object.keys(SIGNAL_CODES)) process.once(name, () => stop.abort(name));
  const directory = mkdtempSync(join(tmpdir(), "pt-"));
  // Some tests start processes of another user.
  chmodSync(directory, 0o755);
  const results: FileResult[] = [];
  const waiting = [...runs.entries()];
  try {
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined && !stop.signal.aborted; next = waiting.shift()) {
        const [index, run] = next;
        const result = await runFile(run, join(directory, String(index)), () => slowness, stop.signal);
        results.push(result);
        process.stdout.write(fileText(result));
        if (results.length % MEASURE_AGAIN_AFTER === 0) slowness = Math.max(slowness, measureSlowness());
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, worker));
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
  const code = conclude(results, performance.now() - begun);
  // What a signal ended says what it has seen, and how it ended.
  process.exitCode = stop.signal.aborted ? (SIGNAL_CODES[String(stop.signal.reason)] ?? 1) : code;
}

/** Prints the failures and the totals, which .ci/run and others read. @returns the exit code */
function conclude(results: readonly FileResult[], ms: number): number {
  const total = { ...NO_COUNTS };
  for (const { seen, problem } of results) {
    const counts = countsOf(seen);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key];
    if (problem !== undefined) {
      total.tests += 1;
      total.fail += 1;
    }
  }
  process.stdout.write(`\n${countsText(total, ms)}`);
  const failures = results.map(failureText).filter((text) => text !== "");
  if (failures.length > 0) process.stdout.write(`\n✖ failing tests:\n${failures.join("")}`);
  return failures.length > 0 || total.tests === 0 ? 1 : 0;
}

function allRuns(): TestRun[] {
  const pis = otherPis();
  const files = longestFirst(globSync("test/**/*.test.ts", { cwd: root }).sort());
  return files.flatMap((file) => [
    { file, env: {}, options: [] },
    ...(SAYS_IT_ALL.includes(file) ? pis.slice(-1).map((pi) => ({ file, ...runWith(pi, file) })) : []),
  ]);
}

function longRuns(options: readonly string[]): TestRun[] {
  const long = (run: TestRun): TestRun => ({
    ...run,
    options: [...run.options, ...options],
    env: { ...run.env, PICTL_TEST_LONG: "1" },
  });
  return [
    ...longForms(root).map((file) => long({ file, options: [], env: {} })),
    ...otherPis().flatMap((pi) =>
      Object.keys(DEPENDS_ON_PI).map((file) => long({ file, ...runWith(pi, file) })),
    ),
  ];
}

function namedRuns(named: readonly string[], options: readonly string[]): TestRun[] {
  fetchPis();
  const files = named.flatMap((pattern) => globSync(pattern, { cwd: root }));
  return longestFirst(files).map((file) => ({ file, options, env: {} }));
}

/** Fetches the other pis; a file says by itself which of its tests it skips without them. */
function fetchPis(): void {
  execFileSync(process.execPath, ["scripts/fetch-pis.ts"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Those that were fetched. */
function otherPis(): OtherPi[] {
  fetchPis();
  const found = OTHER_PIS.map(({ version }) => ({ version, cli: fetchedPiCli(version) }));
  const missing = found.filter(({ cli }) => !existsSync(cli)).map(({ version }) => version);
  if (missing.length > 0)
    process.stdout.write(
      `SKIPPED: the end-to-end tests with pi ${missing.join(" and ")}, which could not be fetched.\n`,
    );
  return found.filter(({ version }) => !missing.includes(version));
}
