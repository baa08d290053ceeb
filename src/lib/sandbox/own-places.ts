import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../core/errors.ts";
import { removeOldControlGroups } from "./bubblewrap/process-limits.ts";

/** Begins the name of each sandbox's own directory. */
const DIRECTORY_PREFIX = "sandbox-";
/** Begins the name of each control group, before the process id of who made it. */
const GROUP_PREFIX = "pictl-";

/** Below the runtime directory: of the sandboxes that are nobody's but a command's. Any number of those run at a time. */
const RUN_DIRECTORY = "run";

/** How often a directory is made that others remove when it is empty. */
const MAX_ATTEMPTS = 10;

/** Makes a private directory (0700) for what is made for one sandbox of a daemon. */
export function sandboxDirectory(runtimeDir: string): string {
  for (let attempt = 1; ; attempt++) {
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
    try {
      return mkdtempSync(join(runtimeDir, `${DIRECTORY_PREFIX}${process.pid}-`));
    } catch (error) {
      // Another command removed the empty directory in between.
      if (systemErrorCode(error) !== "ENOENT" || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** The directory in which `pictl sandbox run` has its sandboxes. */
export function runDirectory(runtimeDir: string): string {
  return join(runtimeDir, RUN_DIRECTORY);
}

/** @param dir of the sandbox, from {@link sandboxDirectory} */
export function controlGroupName(dir: string): string {
  return `${GROUP_PREFIX}${process.pid}-${dir.slice(-6)}`;
}

/** Takes away what a daemon that was killed has left of its sandboxes, and commands. Nothing runs in them any more. */
export function removeOldSandboxes(runtimeDir: string): void {
  for (const name of sandboxesIn(runtimeDir))
    rmSync(join(runtimeDir, name), { recursive: true, force: true });
  removeDeadRuns(runtimeDir);
}

/** The same for commands: they run side by side, so that only those of processes that have ended are taken away. */
export function removeDeadRuns(runtimeDir: string): void {
  const directory = runDirectory(runtimeDir);
  for (const name of sandboxesIn(directory)) {
    if (!isAlive(Number(name.slice(DIRECTORY_PREFIX.length).split("-", 1)[0])))
      rmSync(join(directory, name), { recursive: true, force: true });
  }
  removeOldControlGroups(GROUP_PREFIX, isAlive);
}

function sandboxesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => name.startsWith(DIRECTORY_PREFIX));
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
