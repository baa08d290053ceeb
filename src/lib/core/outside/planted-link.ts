import { readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { contains } from "../contains.ts";
import { PictlError, systemErrorCode } from "../errors.ts";
import { type Link, linksTo, pathInto } from "../links.ts";
import { realPath } from "../real-path.ts";

/** What is said of a path that leads through a link which an agent in a sandbox could have made. */
export function plantedLink(place: string, { path, target }: Link): PictlError {
  return new PictlError(
    "SANDBOX_CHANGED",
    `${place} leads through ${path}, a symbolic link to ${target} that an agent in a sandbox could have made.`,
    {
      hint: "If it is yours, name the place itself that it leads to; else look at what it replaced.",
      details: { place, link: path, target },
    },
  );
}

/**
 * Refuses a path of the user's that a link leads out of a place in which sandboxed agents write: what is read outside
 * could be what the agent may not see. A link that stays in its place shows the agent nothing.
 *
 * @param path absolute
 * @param places in which agents can write, free of links
 * @param real where the path led when it was followed: whatever is put on the way meanwhile, this is what counts
 * @throws PictlError SANDBOX_CHANGED naming the path, the link and where that leads
 */
export function refuseWayOut(path: string, places: readonly string[], real = realPath(path)): void {
  if (places.length === 0) return;
  for (const link of linksTo(path)) if (leadsOut(link.path, real, places)) throw plantedLink(path, link);
  // Also where the link isn't there at this moment.
  const named = pathInto(path, places);
  if (leadsOut(named, real, places)) throw plantedLink(path, { path: named, target: real });
}

/**
 * {@link refuseWayOut} for a file that was opened.
 *
 * @param fd of the file
 * @throws PictlError SANDBOX_CHANGED
 */
export function refuseOpenedOutside(fd: number, path: string, places: readonly string[]): void {
  if (places.length === 0) return;
  const absolute = resolve(path);
  refuseWayOut(absolute, places, openedPath(fd) ?? realPath(absolute));
}

/** Whether what lies in places of agents leads to a file that isn't in all of them. */
function leadsOut(path: string, real: string, places: readonly string[]): boolean {
  return places.some((place) => contains(place, path) && !contains(place, real));
}

/** Where the kernel has the file of a descriptor; undefined where it has no /proc to say so. */
function openedPath(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
