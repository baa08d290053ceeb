import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import { systemErrorCode } from "../../core/errors.ts";
import { startProgram } from "../../core/outside/start-program.ts";
import type { Environment } from "../../core/paths.ts";
import { killGroup } from "../kill-group.ts";

/** More than any program says about its version. */
const MAX_OUTPUT_BYTES = 16 * 1024;

export interface BriefRun {
  stdout: string;
  stderr: string;
  /** How it ended, as the end of a sentence: `with exit code 0`, `after 10 s (stopped)`. */
  ended: string;
  /** It was stopped, as its time was over. */
  timedOut: boolean;
}

/**
 * Runs a program that should end at once, in a process group of its own that is killed with it. Never rejects.
 * Not by execa: a program whose child keeps the pipes open must not be waited for beyond the
 * time limit, and execa kills only the child itself.
 */
export function runBriefly(
  [program = "", ...args]: readonly string[],
  env: Environment,
  timeoutMs: number,
): Promise<BriefRun> {
  return new Promise((resolve) => {
    const child = startProgram(program, args, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    }) as ChildProcessByStdio<null, Readable, Readable>;
    const stdout = keepHead(child.stdout);
    const stderr = keepHead(child.stderr);
    const settle = (ended: string, timedOut = false) => {
      clearTimeout(timer);
      if (child.pid !== undefined) killGroup(child.pid, "SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ stdout: stdout(), stderr: stderr(), ended, timedOut });
    };
    const timer = setTimeout(() => settle(`after ${timeoutMs / 1000} s (stopped)`, true), timeoutMs);
    child.once("error", (error) => settle(`before it began (${systemErrorCode(error) ?? error.message})`));
    child.once("close", (code, signal) => settle(signal ? `by ${signal}` : `with exit code ${code}`));
  });
}

function keepHead(stream: Readable): () => string {
  let head = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    if (head.length < MAX_OUTPUT_BYTES) head = Buffer.concat([head, chunk]).subarray(0, MAX_OUTPUT_BYTES);
  });
  return () => head.toString("utf8");
}
