import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { contains } from "./contains.ts";
import { realPath } from "./real-path.ts";

/** More links than that on the way to one file are a circle for the kernel, too (path_resolution(7)). */
const MAX_LINKS = 40;
/** So many places in one directory are looked for one by one. For more it is listed. */
const MANY_PLACES = 8;

/** A symbolic link where it really is, and what stands in it. */
export interface Link {
  path: string;
  target: string;
}

/** What is at a path: nothing, a link with what stands in it, or something else. */
type Found = "nothing" | "no link" | { target: string };

/** Of a path that no link leads to, save for the path's own last name. */
export type Look = (path: string) => Found;

/** The links that are followed on the way to an absolute path, in their order. */
export function linksTo(path: string): Link[] {
  return follow(path, look);
}

/**
 * A look for one who asks for many places, and for the same again and again: nothing is looked at twice, nor in a directory
 * that isn't there, or that was listed and doesn't have it. Most of a policy's denied places aren't there.
 */
export function rememberingLook(): Look {
  const known = new Map<string, Found>([["/", "no link"]]);
  const asked = new Map<string, number>();
  const lists = new Map<string, ReadonlySet<string> | undefined>();
  const isListedElsewhere = (path: string, parent: string) => {
    const times = (asked.get(parent) ?? 0) + 1;
    asked.set(parent, times);
    if (times === MANY_PLACES) lists.set(parent, namesIn(parent));
    return lists.get(parent)?.has(basename(path)) === false;
  };
  const remember = (path: string): Found => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const parent = dirname(path);
    const isNowhere = remember(parent) === "nothing" || isListedElsewhere(path, parent);
    const found = isNowhere ? "nothing" : look(path);
    known.set(path, found);
    return found;
  };
  return remember;
}

/** {@link linksTo} for one who asks for many places: absolute ones, normalized. */
export function rememberingLinksTo(look = rememberingLook()): (path: string) => Link[] {
  const free = new Map<string, boolean>([["/", true]]);
  const isFree = (path: string): boolean => {
    const before = free.get(path);
    if (before !== undefined) return before;
    const isIt = isFree(dirname(path)) && typeof look(path) === "string";
    free.set(path, isIt);
    return isIt;
  };
  return (path) => (isFree(path) ? [] : follow(path, look));
}

/**
 * {@link realPath} for one who asks for many places: absolute ones, normalized.
 *
 * @param onLink is called with each link that is followed, free of links itself but for its name, and where it leads
 */
export function rememberingRealPath(
  look = rememberingLook(),
  onLink?: (path: string, real: string) => void,
): (path: string) => string {
  const known = new Map<string, string>();
  const real = (path: string): string => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const parent = dirname(path);
    const around = parent === path ? path : real(parent);
    const unlinked = around === parent ? path : join(around, basename(path));
    const found = typeof look(unlinked) === "string" ? unlinked : realPath(unlinked);
    if (found !== unlinked) onLink?.(unlinked, found);
    known.set(path, found);
    return found;
  };
  return real;
}

/**
 * An absolute path with what is named of it in one of these directories left as it is named: the links on the way there are
 * followed, and those in it, which may change at any moment, aren't.
 *
 * @param directories real paths
 */
export function pathInto(path: string, directories: readonly string[]): string {
  let names = path.split("/");
  let at = "/";
  for (let links = 0; names.length > 0 && links < MAX_LINKS; ) {
    const [name = "", ...rest] = names;
    names = rest;
    const next = join(at, name);
    if (directories.some((directory) => contains(directory, next))) return join(next, ...rest);
    const found = look(next);
    if (typeof found === "string") at = next;
    else {
      links++;
      names = [...found.target.split("/"), ...rest];
      if (found.target.startsWith("/")) at = "/";
    }
  }
  return join(at, ...names);
}

function follow(path: string, look: Look): Link[] {
  const links: Link[] = [];
  let names = path.split("/");
  let at = "/";
  while (names.length > 0 && links.length < MAX_LINKS) {
    const [name = "", ...rest] = names;
    names = rest;
    const next = join(at, name);
    const found = look(next);
    if (found === "nothing") break;
    if (found === "no link") at = next;
    else {
      links.push({ path: next, target: found.target });
      names = [...found.target.split("/"), ...rest];
      if (found.target.startsWith("/")) at = "/";
    }
  }
  return links;
}

function look(path: string): Found {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return "nothing";
    return stats.isSymbolicLink() ? { target: readlinkSync(path) } : "no link";
  } catch {
    // Below a directory that may not be entered: what is there can't be followed by the sandbox either.
    return "nothing";
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
