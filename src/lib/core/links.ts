import { lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** More links than that on the way to one file are a circle for the kernel, too (path_resolution(7)). */
const MAX_LINKS = 40;

/** A symbolic link where it really is, and what stands in it. */
export interface Link {
  path: string;
  target: string;
}

/** The links that are followed on the way to an absolute path, in their order. */
export function linksTo(path: string): Link[] {
  return follow(path, look);
}

/** {@link linksTo} for one who asks for many places at a time: nothing is looked at twice. */
export function rememberingLinksTo(): (path: string) => Link[] {
  const known = new Map<string, Found>();
  const remember = (path: string) => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const found = look(path);
    known.set(path, found);
    return found;
  };
  return (path) => follow(path, remember);
}

/** What is at a path: nothing, a link with what stands in it, or something else. */
type Found = "nothing" | "no link" | { target: string };

function follow(path: string, look: (path: string) => Found): Link[] {
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
