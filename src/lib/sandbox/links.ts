import { lstatSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { realPath } from "../core/real-path.ts";

/** So many places in one directory are looked for one by one. For more it is listed. */
const MANY_PLACES = 8;

/**
 * {@link realPath} for one who asks for many places, and for the same again and again: absolute ones, normalized. Most of
 * a policy's denied places aren't there. Nothing is looked for in a directory that isn't there, or hasn't been found in a
 * list of it.
 *
 * @param onLink is called with each link that is followed, free of links itself but for its name, and where it leads
 */
export function rememberingRealPath(onLink?: (path: string, real: string) => void): (path: string) => string {
  const known = new Map<string, string>();
  const missing = new Set<string>();
  const asked = new Map<string, number>();
  const lists = new Map<string, ReadonlySet<string> | undefined>();
  const isMissing = (path: string, parent: string): boolean => {
    if (missing.has(parent)) return true;
    const times = (asked.get(parent) ?? 0) + 1;
    asked.set(parent, times);
    if (times === MANY_PLACES) lists.set(parent, namesIn(parent));
    const names = lists.get(parent);
    return names === undefined ? !isThere(path) : !names.has(basename(path));
  };
  const real = (path: string): string => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const parent = dirname(path);
    const realParent = parent === path ? path : real(parent);
    const isNowhere = parent !== path && isMissing(path, parent);
    if (isNowhere) missing.add(path);
    const unlinked = join(realParent, basename(path));
    const found = isNowhere ? unlinked : realPath(path);
    if (found !== unlinked) onLink?.(unlinked, found);
    known.set(path, found);
    return found;
  };
  return real;
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // In a directory that may not be entered.
    return false;
  }
}

/** Undefined for a directory that can't be listed. */
function namesIn(directory: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(directory));
  } catch {
    // What is in it may be found by its name.
    return undefined;
  }
}
