import { readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { systemErrorCode } from "./errors.ts";

/** Where an absolute path leads, also one that isn't there yet: what is there of it is resolved. */
export function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const parent = dirname(path);
    // What leads in a circle can't be made either: who tries is told.
    if (systemErrorCode(error) === "ELOOP" || parent === path) return path;
    const target = linkTarget(path);
    return target === undefined
      ? join(realPath(parent), basename(path))
      : realPath(resolve(realPath(parent), target));
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // No link.
    return undefined;
  }
}
