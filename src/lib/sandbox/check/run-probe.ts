import type { StdioOptions } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { type ErrorBody, PictlError } from "../../core/errors.ts";
import { startProgram } from "../../core/outside/start-program.ts";
import { packagePlace } from "../../core/package-place.ts";
import type { Environment } from "../../core/paths.ts";
import type { ProbeRecord } from "../inside/probe.ts";
import { ownNamespaces } from "../inside/refuse-outside.ts";
import type { Attempt } from "./row.ts";
import type { RunnerEnd, RunnerJob } from "./runner.ts";

/** Above what Node closes to its children by itself when it starts. */
const LEFT_OPEN_FD = 40;
/** All rows together; each has a bound of its own. */
const RUN_TIMEOUT_MS = 120_000;

/** What came of one sandbox. */
export interface ProbeRun {
  attempts: ReadonlyMap<string, Attempt>;
  controls: ReadonlyMap<string, Attempt>;
  hasControlGroup: boolean;
  /** How the probe ended, when not well. */
  problem: string | undefined;
}

/** The file that pictl runs of itself, by its name in the sources and in a release. */
export function ownProgram(source: string, built: string): string {
  const { root, fromSource } = packagePlace();
  return fromSource ? join(root, "src", source) : join(root, "dist", built);
}

/** Tells the probe which files were open before Node opened some of its own. */
const LIST_DESCRIPTORS = '(ls -l /proc/$$/fd > "$0"); exec "$@"';

/**
 * Runs the probe in a sandbox and gathers what it reports.
 *
 * @param leftOpen a file that whoever starts the sandbox has open
 * @throws PictlError SANDBOX_UNAVAILABLE
 */
export async function runProbe(
  job: Omit<RunnerJob, "command">,
  {
    environment,
    leftOpen,
    shared,
  }: { environment: Environment; leftOpen: string; shared: readonly string[] },
): Promise<ProbeRun> {
  const argument = JSON.stringify({ outside: ownNamespaces(), shared });
  const probe = ownProgram("lib/sandbox/inside/probe.ts", "sandbox-probe.js");
  // In the workspace: there may be no /tmp to write to. Several sandboxes at once may have the same one.
  const descriptors = `.pictl-descriptors-${randomBytes(4).toString("hex")}`;
  const list = ["/bin/sh", "-c", LIST_DESCRIPTORS, descriptors];
  const command = [...list, process.execPath, probe, argument, descriptors];
  const whole: RunnerJob = { ...job, command };
  const { output, timedOut } = await runRunner(JSON.stringify(whole), environment, leftOpen);
  const attempts = new Map<string, Attempt>();
  const controls = new Map<string, Attempt>();
  for (const line of output.split("\n").filter((text) => text.startsWith("{"))) {
    const record = JSON.parse(line) as ProbeRecord | RunnerEnd;
    if ("error" in record) throw PictlError.fromBody(record.error as ErrorBody);
    if ("end" in record) return { attempts, controls, ...ended(record.end) };
    (record.as === "control" ? controls : attempts).set(record.id, record.attempt);
  }
  const problem = timedOut
    ? `the sandbox did not end within ${RUN_TIMEOUT_MS / 1000} s: try again when the machine is less busy`
    : "what runs the sandbox ended early";
  return { attempts, controls, hasControlGroup: false, problem };
}

function ended({ code, signal, stderr, hasControlGroup }: Extract<RunnerEnd, { end: unknown }>["end"]) {
  const why = stderr.trim().split("\n").at(-1) ?? "";
  const problem =
    code === 0 ? undefined : `the probe ended with ${signal ?? code}${why === "" ? "" : `: ${why}`}`;
  return { hasControlGroup, problem };
}

async function runRunner(
  input: string,
  environment: Environment,
  leftOpen: string,
): Promise<{ output: string; timedOut: boolean }> {
  const file = openSync(leftOpen, "r");
  const stdio = ["pipe", "pipe", "inherit"] as StdioOptions & unknown[];
  while (stdio.length < LEFT_OPEN_FD) stdio.push("ignore");
  stdio.push(file);
  try {
    const runner = ownProgram("lib/sandbox/check/runner.ts", "sandbox-check-runner.js");
    const child = startProgram(process.execPath, [runner], {
      stdio,
      env: environment,
      timeout: RUN_TIMEOUT_MS,
    });
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve());
    });
    return { output, timedOut: child.killed };
  } finally {
    closeSync(file);
  }
}
