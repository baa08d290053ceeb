import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { removeOldControlGroups } from "./bubblewrap/process-limits.ts";

/** Begins the name of each sandbox's own directory. */
const DIRECTORY_PREFIX = "sandbox-";
/** Begins the name of each control group, before the process id of who made it. */
const GROUP_PREFIX = "pictl-";

/** Makes a private directory (0700) for what is made for one sandbox. */
export function sandboxDirectory(runtimeDir: string): string {
  mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
  return mkdtempSync(join(runtimeDir, DIRECTORY_PREFIX));
}

/** @param dir of the sandbox, from {@link sandboxDirectory} */
export function controlGroupName(dir: string): string {
  return `${GROUP_PREFIX}${process.pid}-${dir.slice(-6)}`;
}

/** Takes away what a process that was killed has left of its sandboxes. Nothing runs in them any more. */
export function removeOldSandboxes(runtimeDir: string): void {
  for (const name of readdirSync(runtimeDir)) {
    if (name.startsWith(DIRECTORY_PREFIX)) rmSync(join(runtimeDir, name), { recursive: true, force: true });
  }
  removeOldControlGroups(GROUP_PREFIX, (pid) => existsSync(`/proc/${pid}`));
}
