import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type Attempt, reasonOf } from "./row.ts";
import { programOf, type Steps } from "./steps.ts";
import { PREPARATION_FAILED } from "./syscall-program.ts";

/** Why a program was ended that came to no end by itself. */
export const TOO_LATE = "no end in time";

/** Ends a program that hangs. */
const PROGRAM_TIMEOUT_MS = 4_000;
/** The same for one that fills memory. */
const LONG_PROGRAM_TIMEOUT_MS = 7_000;

/**
 * Makes system calls in a process of their own, one list after the other, until the last call of one is let through.
 *
 * @param label what the calls have in common, for people
 * @param reached errors that only the kernel's own code gives, past every filter
 */
export function systemCalls(
  label: string,
  lists: readonly Steps[],
  reached: readonly string[] = [],
): Attempt {
  const reasons: string[] = [];
  for (const steps of lists) {
    const reason = runCalls(steps);
    const last = steps.at(-1)?.call ?? label;
    if (reason === undefined || reached.includes(reason))
      return { through: true, seen: `${last}: ${reason ?? "succeeded"}` };
    reasons.push(`${last}: ${reason}`);
  }
  const seen = [...new Set(reasons)].join(", ");
  return { through: false, seen, ...(reasons.includes(TOO_LATE) ? { late: true } : {}) };
}

/** The errno by which a list of calls failed, `before: …` when it wasn't the last one; undefined when none did. */
function runCalls(steps: Steps): string | undefined {
  return withProgram(steps, (path) => {
    const { status, signal, error } = spawnSync(path, { stdio: "ignore", timeout: PROGRAM_TIMEOUT_MS });
    if (error !== undefined && reasonOf(error) === "ETIMEDOUT") return TOO_LATE;
    return error === undefined ? reasonOfEnd(status, signal) : `not run: ${reasonOf(error)}`;
  });
}

/** Calls that run beside others. */
export interface RunningCalls {
  /** Settles with the first byte that the program writes to its stdout, or with its end. */
  wrote: Promise<unknown>;
  /** As of `runCalls`. */
  end: Promise<string | undefined>;
  /** Closes the program's stdin. */
  release(): void;
}

/** The same for several at a time, whose program can say that it has come so far and wait there. */
export function startCalls(steps: Steps): RunningCalls {
  const { promise: end, resolve } = Promise.withResolvers<string | undefined>();
  let child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  const reason = withProgram(steps, (path) => {
    child = spawn(path, { stdio: ["pipe", "pipe", "ignore"], timeout: LONG_PROGRAM_TIMEOUT_MS });
    child.once("error", (error) => resolve(`not run: ${reasonOf(error)}`));
    // By nobody else: the kernel kills what takes too much memory.
    child.once("exit", (status, signal) =>
      resolve(signal === "SIGTERM" ? TOO_LATE : reasonOfEnd(status, signal)),
    );
    return undefined;
  });
  if (child === undefined || reason !== undefined) resolve(reason);
  const wrote = child === undefined ? end : Promise.race([once(child.stdout, "data"), end]);
  return { wrote, end, release: () => child?.stdin.destroy() };
}

/** The file may be removed as soon as the program runs. */
function withProgram(steps: Steps, run: (path: string) => string | undefined): string | undefined {
  const program = programOf(steps);
  if (program === undefined) return `unknown on ${process.arch}`;
  const path = join(process.cwd(), `.pictl-probe-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    writeFileSync(path, program, { mode: 0o700 });
    return run(path);
  } catch (error) {
    return `not run: ${reasonOf(error)}`;
  } finally {
    rmSync(path, { force: true });
  }
}

function reasonOfEnd(status: number | null, signal: string | null): string | undefined {
  if (signal !== null) return signal;
  if (status === 0 || status === null) return undefined;
  return status >= PREPARATION_FAILED ? `before: ${nameOf(status - PREPARATION_FAILED)}` : nameOf(status);
}

function nameOf(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/** A structure of 64-bit fields, with room for what a kernel may add to it. */
export const struct = (...words: number[]) => {
  const bytes = Buffer.alloc(Math.max(128, words.length * 8));
  for (const [index, word] of words.entries()) bytes.writeBigInt64LE(BigInt(word), index * 8);
  return bytes;
};

/** Runs something with another current directory, one at a time. */
export async function inDirectory<T>(directory: string, run: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(directory);
  try {
    return await run();
  } finally {
    process.chdir(before);
  }
}
