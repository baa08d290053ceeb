import { lstatSync, readlinkSync } from "node:fs";
import { isAbsolute } from "node:path";
import { systemErrorCode } from "../../core/errors.ts";
import { entryPath, withDirectoryBelow } from "./open-below.ts";

/** As many links as the kernel follows in one path. Source: path_resolution(7). */
const MAX_LINKS = 40;

/**
 * Where a path leads through all links: names below the root, none of them a link, at which there may be nothing.
 * Undefined where the way leaves the root for good, or has no end. Nothing outside is looked at.
 *
 * @param root an open directory and its real path
 * @param path absolute, or from the root
 */
export function* resolveBelow(
  root: { fd: number; path: string },
  path: string,
): Generator<void, string[] | undefined> {
  const above = partsOf(root.path);
  let at = isAbsolute(path) ? [] : [...above];
  const left = path.split("/").reverse();
  for (let links = 0, part = left.pop(); part !== undefined; part = left.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at.pop();
      continue;
    }
    if (at.length < above.length) {
      if (part !== above[at.length]) return undefined;
      at.push(part);
      continue;
    }
    const link = yield* readLinkBelow(root.fd, at.slice(above.length), part);
    if (link === undefined) {
      at.push(part);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    left.push(...link.split("/").reverse());
    if (isAbsolute(link)) at = [];
  }
  return at.length < above.length ? undefined : at.slice(above.length);
}

/** What a link says; undefined for what is none or isn't there. */
function* readLinkBelow(
  root: number,
  names: readonly string[],
  name: string,
): Generator<void, string | undefined> {
  yield;
  try {
    // biome-ignore lint/correctness/useYield: one step.
    return yield* withDirectoryBelow(root, names, function* (fd) {
      const path = entryPath(fd, name);
      // Most are none: an error for each of them would take as long as all else.
      return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
    });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
