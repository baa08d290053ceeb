import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { contains } from "../core/contains.ts";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { type Look, rememberingLinksTo, rememberingRealPath } from "../core/links.ts";
import { plantedLink } from "../core/outside/planted-link.ts";
import { userId } from "../core/user.ts";

/**
 * Refuses places that are reached through a link which an agent in a sandbox could have made: the policy or the user
 * named what was there, and the next sandbox would open, or leave open, what the link leads to.
 *
 * @param places absolute paths of a policy or of a command line
 * @param writable roots that can be written inside, free of links
 * @throws PictlError SANDBOX_CHANGED naming the place, the link and where that leads
 */
export function refusePlantedLinks(
  places: readonly string[],
  writable: readonly string[],
  look?: Look,
): void {
  const linksTo = rememberingLinksTo(look);
  for (const place of places) {
    const link = linksTo(place).find(({ path }) => writable.some((root) => contains(root, path)));
    if (link !== undefined) throw plantedLink(place, link);
  }
}

/**
 * A {@link rememberingRealPath} that follows no link which an agent in a sandbox could have made: what it returns was
 * reached without one, also when one was there before or is there later.
 *
 * @param writable roots that can be written inside, free of links
 * @returns it throws PictlError SANDBOX_CHANGED
 */
export function unplantedRealPath(writable: readonly string[], look?: Look): (path: string) => string {
  return rememberingRealPath(look, (path, target) => {
    if (writable.some((root) => contains(root, path))) throw plantedLink(path, { path, target });
  });
}

/**
 * Refuses places that can't be looked for, because a directory on the way is closed that an agent in a sandbox could have
 * closed, and could open again inside, where nothing would be hidden or held in it.
 *
 * @param places absolute paths
 * @param writable roots that can be written inside, free of links
 * @throws PictlError SANDBOX_CHANGED naming the place and the directory
 */
export function refuseClosedDirectories(places: readonly string[], writable: readonly string[]): void {
  for (const place of places.filter((path) => writable.some((root) => contains(root, path)))) {
    try {
      lstatSync(place, { throwIfNoEntry: false });
    } catch (error) {
      refuseClosed(place, error);
    }
  }
}

/**
 * The same once that is known.
 *
 * @param place that couldn't be looked for, or a directory that couldn't be listed or written
 * @param error what the file system said
 */
export function refuseClosed(place: string, error: unknown): void {
  if (systemErrorCode(error) !== "EACCES") return;
  const closed = closedDirectoryTo(place) ?? place;
  if (lstatSync(closed).uid !== userId()) return;
  throw new PictlError(
    "SANDBOX_CHANGED",
    `The directory ${closed} is closed, so that what is in it can't be kept from the agent; one in a sandbox could have closed it.`,
    {
      hint: `Look at what is in it, and open it again: chmod u+rwx ${closed}`,
      details: { place, directory: closed },
    },
  );
}

/** The directory that doesn't let this user see whether something is at a path. */
function closedDirectoryTo(path: string): string | undefined {
  try {
    lstatSync(path, { throwIfNoEntry: false });
    return undefined;
  } catch (error) {
    if (systemErrorCode(error) !== "EACCES") return undefined;
    return closedDirectoryTo(dirname(path)) ?? dirname(path);
  }
}

/**
 * What is said when something else was mounted than what was checked.
 *
 * @param place what was to be mounted, or where
 * @param found what was; undefined: nothing
 */
export function exchangedPlace(place: string, found: string | undefined): PictlError {
  return new PictlError(
    "SANDBOX_CHANGED",
    `${place} was exchanged while the sandbox was made: ${found === undefined ? "nothing" : found} was mounted in its place.`,
    {
      hint: "Nothing has run in it. Look for an agent that works there (`pictl session list`), and try again.",
      details: { place, found: found ?? null },
    },
  );
}

/**
 * Refuses a session's directory in whose place a link was put since the session was created in it.
 *
 * @param cwd the directory as it was, free of links
 * @param real where it leads now
 * @throws PictlError SANDBOX_CHANGED naming both
 */
export function refuseMovedDirectory(cwd: string, real: string): void {
  if (cwd === real) return;
  throw new PictlError(
    "SANDBOX_CHANGED",
    `The session's directory ${cwd} leads to ${real} now, through a symbolic link that an agent in a sandbox could have made.`,
    {
      hint: `Put the directory back. If the other one is meant, go on there with a copy, \`pictl prompt --fork --cwd ${real}\`, once you have seen what it is.`,
      details: { cwd, real },
    },
  );
}
