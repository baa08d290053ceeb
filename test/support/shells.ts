import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { scaled } from "./speed.ts";
import type { Workspace } from "./workspace.ts";

const BIN = fileURLToPath(new URL("../../bin/run.js", import.meta.url));
/** A shell that waits for an answer that never comes must fail the test, not hang it. */
const TIMEOUT_MS = scaled(30_000);

/** Why tests of this shell are skipped, or false when it is installed. */
export function missing(shell: string): string | false {
  return spawnSync(shell, ["-c", "exit 0"]).status === 0 ? false : `${shell} is not installed`;
}

/**
 * Runs a script in a shell that finds this pictl on its PATH, and gives what it printed.
 *
 * @param args in front of the script's text: `-c`, and what keeps the user's own files away
 */
export function runInShell(place: Workspace, shell: string, args: readonly string[], script: string): string {
  const bin = join(place.root, "bin");
  mkdirSync(bin, { recursive: true });
  const link = join(bin, "pictl");
  writeFileSync(link, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
  chmodSync(link, 0o755);
  const { stdout, stderr, status, error } = spawnSync(shell, [...args, script], {
    cwd: place.cwd,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    env: { ...place.env, PATH: `${bin}${delimiter}${place.env.PATH}`, TERM: "xterm" } as NodeJS.ProcessEnv,
  });
  if (status !== 0 || stderr !== "")
    throw new Error(`${shell} exited ${status} ${error}\n${stdout}\n${stderr}`);
  return stdout;
}
