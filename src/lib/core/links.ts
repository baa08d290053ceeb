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
  const links: Link[] = [];
  let names = path.split("/");
  let at = "/";
  while (names.length > 0 && links.length < MAX_LINKS) {
    const [name = "", ...rest] = names;
    names = rest;
    const next = join(at, name);
    const target = targetOf(next);
    if (target === undefined) at = next;
    else {
      links.push({ path: next, target });
      names = [...target.split("/"), ...rest];
      if (target.startsWith("/")) at = "/";
    }
  }
  return links;
}

function targetOf(path: string): string | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    // Below a directory that may not be entered: what is there can't be followed by the sandbox either.
    return undefined;
  }
}
