import { randomUUID } from "node:crypto";
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemErrorCode, toStorageError } from "../../core/errors.ts";

/** Tries it with a real file, for permission bits tell nothing about full disks, quotas and read-only mounts. */
export function whyNotWritable(directory: string): string | undefined {
  const probe = join(directory, `.doctor-${randomUUID()}`);
  try {
    try {
      writeFileSync(probe, "pictl doctor\n", { flag: "wx", mode: 0o600 });
    } finally {
      // A full disk leaves an empty file behind.
      if (existsSync(probe)) rmSync(probe);
    }
    return undefined;
  } catch (error) {
    return reasonOf(error, directory);
  }
}

/** Whether a directory that doesn't exist could be made, without making it. */
export function whyNotCreatable(directory: string): string | undefined {
  const parent = nearestExisting(directory);
  try {
    if (!statSync(parent).isDirectory()) return `Cannot make ${directory}: ${parent} is not a directory.`;
    accessSync(parent, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return reasonOf(error, directory);
  }
}

/** The path itself or the nearest of its parents that exists. */
export function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function reasonOf(error: unknown, path: string): string {
  const known = toStorageError(error, path);
  if (known !== error && known instanceof Error) return known.message;
  if (systemErrorCode(error) === undefined) throw error;
  return `Cannot write ${path}: ${error instanceof Error ? error.message : String(error)}.`;
}
