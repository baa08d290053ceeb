import { spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { KEPT_ALIVE } from "./reporter.ts";
import { countsOf, runningIn, type Seen } from "./seen.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const REPORTER = fileURLToPath(new URL("reporter.ts", import.meta.url));
/** Limits on an idle machine of the faster kind. */
const LIMITS = {
  /** A single test: most take below a second. */
  testMs: 120_000,
  /** A file: the longest takes a minute, with others beside it. */
  fileMs: 300_000,
  /** What may still run after a file's last test: sockets that close, processes that end. */
  idleMs: 10_000,
};
const POLL_MS = 50;

export interface TestRun {
  file: string;
  /** Shown behind the file's name. */
  label?: string | undefined;
  env: Record<string, string>;
  options: readonly string[];
}

export interface FileResult {
  run: TestRun;
  seconds: number;
  seen: Seen[];
  /** What the file printed itself. */
  output: string;
  /** What is wrong with the file beside its failed tests. */
  problem?: string | undefined;
}

/**
 * Runs one test file in a process group and a temporary directory of its own, and ends what is left of it: the file
 * must not hang the run. A file that is over its limit, that something keeps running, or that leaves a process behind
 * has a problem.
 *
 * @param slowness how much longer things take now; asked again and again, because a machine gets busy
 */
export async function runFile(
  run: TestRun,
  directory: string,
  slowness: () => number,
  signal: AbortSignal,
  { testMs, fileMs, idleMs } = LIMITS,
): Promise<FileResult> {
  const temporary = join(directory, "t");
  const events = join(directory, "events");
  const outputPath = join(directory, "output");
  mkdirSync(temporary, { recursive: true });
  for (const each of [directory, temporary]) chmodSync(each, 0o755);
  const begun = performance.now();
  const factor = slowness();
  const output = openSync(outputPath, "a");
  const child = spawn(
    process.execPath,
    [`--test-timeout=${Math.ceil(testMs * factor)}`, `--test-reporter=${REPORTER}`, ...run.options, run.file],
    {
      cwd: ROOT,
      detached: true,
      // Files, since a process that outlives the test would keep a pipe open.
      stdio: ["ignore", output, output],
      env: {
        ...process.env,
        // Set in a test of the runner itself; node:test would report to its own parent then.
        NODE_TEST_CONTEXT: undefined,
        // Half of the start of most files.
        NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/pictl/compiled-tests"),
        TMPDIR: temporary,
        PICTL_TEST_EVENTS: events,
        PICTL_TEST_IDLE_MS: String(Math.ceil(idleMs * factor)),
        PICTL_TEST_SLOWNESS: String(factor),
        ...run.env,
      },
    },
  );
  closeSync(output);
  let how: string | undefined;
  const exit = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      how = `could not be started: ${error.message}`;
      resolve();
    });
    child.once("exit", (code, signalName) => {
      if (code !== 0) how = `ended with ${signalName ?? `exit code ${code}`}`;
      if (code === KEPT_ALIVE) how = "kept running after its last test";
      resolve();
    });
  });
  const isOver = await within(exit, () => performance.now() - begun < fileMs * slowness() && !signal.aborted);
  const seen = readSeen(events);
  let problem: string | undefined;
  if (!isOver) {
    const running = runningIn(seen);
    const why = signal.aborted
      ? "was ended with the run"
      : `did not end within ${Math.round((fileMs * slowness()) / 1000)} s`;
    problem = `${why}. It was running: ${running.join("; ") || "no test"}`;
    endGroup(child.pid);
    await within(exit, () => !signal.aborted);
  } else if (how !== undefined) {
    const kept = seen.find((each) => each.type === "kept-alive");
    const counts = countsOf(seen);
    if (kept !== undefined) problem = `${how}, because of: ${kept.resources.join(", ")}`;
    else if (counts.fail + counts.cancelled === 0) problem = how;
  } else if (!seen.some(({ type }) => type === "end") && run.options.length === 0) problem = "has no tests";
  endGroup(child.pid);
  const left = await endLeft(temporary, isOver ? idleMs * slowness() : 0);
  if (left.length > 0 && problem === undefined) problem = `left processes behind:\n${left.join("\n")}`;
  const printed = existsSync(outputPath) ? readFileSync(outputPath, "utf8") : "";
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  return { run, seconds: (performance.now() - begun) / 1000, seen, output: printed, problem };
}

/** @returns whether it ended while it was allowed to go on */
async function within(end: Promise<void>, goesOn: () => boolean): Promise<boolean> {
  const ended = end.then(() => true);
  while (goesOn()) if (await Promise.race([ended, sleep(1_000, false, { ref: true })])) return true;
  return false;
}

function readSeen(path: string): Seen[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  // The last one may be cut, where the process was killed.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Seen);
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group has ended.
  }
}

/**
 * Waits until no process has the directory in its environment, as each daemon and agent of a test has, and kills
 * those that are left after the time.
 */
async function endLeft(directory: string, ms: number): Promise<string[]> {
  const end = performance.now() + ms;
  let left = processesWith(directory);
  while (left.length > 0 && performance.now() < end) {
    await sleep(POLL_MS);
    left = processesWith(directory);
  }
  for (const { pid } of left) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
  return left.map(({ pid, command }) => `${pid} ${command}`);
}

function processesWith(directory: string): { pid: number; command: string }[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, "utf8").includes(directory)) return [];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return [{ pid: Number(name), command }];
      } catch {
        // It ended meanwhile, or is another user's.
        return [];
      }
    });
}
