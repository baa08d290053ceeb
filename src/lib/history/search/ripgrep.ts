import { lstatSync } from "node:fs";
import { searchProgram } from "../../core/outside/find-program.ts";
import { runProgram } from "../../core/outside/start-program.ts";
import { MAX_SESSION_FILE_BYTES } from "../../core/session-files/open.ts";

/** Files given to one ripgrep: command lines have an end. */
const FILES_AT_ONCE = 500;
/** Offsets of lines, a dozen bytes each. */
const MAX_OUTPUT = 256 * 1024 * 1024;
/** It reads a GiB in a second or two. What takes longer has something else than a file before it. */
const TIMEOUT_MS = 60_000;

/**
 * Which lines of which files may hold a word, by the offsets of the lines, found by ripgrep; undefined where it
 * isn't installed. It only narrows what is then looked at: a line with any letter that isn't ASCII passes, since such
 * a letter may be folded into one that is. So the answer is the same with and without it.
 *
 * @param needle lower-case ASCII letters and digits
 * @param places in which sandboxed agents can write, as real paths; a ripgrep from there isn't run
 */
export async function linesWith(
  needle: string,
  paths: readonly string[],
  places: readonly string[],
): Promise<Map<string, Set<number>> | undefined> {
  const { path: program } = searchProgram("rg", process.env, places);
  if (program === undefined) return undefined;
  const found = new Map<string, Set<number>>();
  const files = paths.filter(isReadable);
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    const output = await ripgrep(program, needle, files.slice(at, at + FILES_AT_ONCE));
    if (output === undefined) return undefined;
    addLines(output, found);
  }
  return found;
}

/** Its agent may have put something else in its place, which ripgrep would wait for or follow. */
function isReadable(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size <= MAX_SESSION_FILE_BYTES;
}

/** @param output of each line `<path> NUL <offset>:` and a line end, which a path may hold, too */
function addLines(output: string, found: Map<string, Set<number>>): void {
  let at = 0;
  for (;;) {
    const nul = output.indexOf("\0", at);
    const end = output.indexOf("\n", nul);
    if (nul === -1 || end === -1) return;
    const path = output.slice(at, nul);
    const offsets = found.get(path) ?? new Set<number>();
    offsets.add(Number.parseInt(output.slice(nul + 1, end), 10));
    found.set(path, offsets);
    at = end + 1;
  }
}

function ripgrep(program: string, needle: string, paths: readonly string[]): Promise<string | undefined> {
  // From the start of the line, so that the offset is that of the line.
  const pattern = `^(?:.*?(?i-u:${needle}|[^\\x00-\\x7f]|\\\\u[0-9a-f]{4}))`;
  const options = [
    "--no-config",
    "--text",
    "--only-matching",
    "--byte-offset",
    "--no-line-number",
    "--with-filename",
  ];
  const args = [
    ...options,
    "--null",
    "--no-ignore",
    "--hidden",
    "--replace",
    "",
    "-e",
    pattern,
    "--",
    ...paths,
  ];
  return new Promise((resolve) => {
    runProgram(program, args, { maxBuffer: MAX_OUTPUT, timeout: TIMEOUT_MS, env: {} }, (error, stdout) => {
      // 1: no line matches. Anything else (not installed, too much output, too slow): we look ourselves.
      const code = error === null ? 0 : error.code;
      resolve(code === 0 || code === 1 ? stdout : undefined);
    });
  });
}
