import { lstatSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { systemErrorCode } from "./errors.ts";

/**
 * Where an absolute path leads, also one that isn't there yet: what is there of it is resolved. Most of what is asked
 * for isn't there, and an error thrown for each would take longer than all the rest.
 */
export function realPath(path: string): string {
  const parent = dirname(path);
  if (parent === path) return path;
  const stats = lstat(path);
  if (stats === undefined) return join(realPath(parent), basename(path));
  try {
    return realpathSync.native(path);
  } catch (error) {
    // What leads in a circle can't be made either: who tries is told.
    if (systemErrorCode(error) === "ELOOP" || !stats.isSymbolicLink()) return path;
    return realPath(resolve(realPath(parent), readlinkSync(path)));
  }
}

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // In a directory that may not be entered.
    return undefined;
  }
}
