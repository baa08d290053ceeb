import { constants, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PictlError } from "../core/errors.ts";
import { findSystemProgram } from "../core/outside/find-program.ts";
import { runProgramSync } from "../core/outside/start-program.ts";
import { sandboxDirectory } from "./own-places.ts";

/** A pipe between this process and a program that it starts, which can open its end again by /dev/stdin or /dev/stdout. */
export interface KernelPipe {
  /** Open for reading. Reads don't wait. */
  ours: number;
  /** Open for writing. Writes wait while the pipe is full. */
  writer: number;
  /** Open for reading. Reads wait while the pipe is empty. */
  reader: number;
}

/**
 * Makes pipes that have no name any more. Node's own "pipes" are sockets, which can't be opened again, so that
 * `echo >/dev/stdout` would fail.
 *
 * @param runtimeDir private directory
 * @returns as many as asked for; the caller closes the descriptors
 * @throws PictlError SANDBOX_UNAVAILABLE
 */
export function makeKernelPipes(count: number, runtimeDir: string): KernelPipe[] {
  if (count === 0) return [];
  const dir = sandboxDirectory(runtimeDir);
  try {
    const paths = Array.from({ length: count }, (_, index) => join(dir, `pipe-${index}`));
    makeNamedPipes(paths);
    const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
    // In this order none of them waits for the other end.
    return paths.map((path) => ({
      ours: openSync(path, O_RDONLY | O_NONBLOCK),
      writer: openSync(path, O_WRONLY),
      reader: openSync(path, O_RDONLY),
    }));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function makeNamedPipes(paths: readonly string[]): void {
  const program = findSystemProgram("mkfifo");
  const made =
    program && runProgramSync(program, ["-m", "600", "--", ...paths], { env: {}, timeout: MKFIFO_MS });
  if (made && made.status === 0) return;
  throw new PictlError("SANDBOX_UNAVAILABLE", "No pipe can be made for the command's input and output.", {
    hint: "Install coreutils: mkfifo makes the pipes. Or redirect from and to pipes: cat FILE | pictl sandbox run …",
    details: { reason: made ? made.stderr : "mkfifo isn't installed" },
  });
}

/** It takes 2 ms. */
const MKFIFO_MS = 10_000;
