import { appendFileSync, linkSync, lstatSync, readFileSync, rmSync } from "node:fs";
import { contains } from "../contains.ts";
import { systemErrorCode, toStorageError } from "../errors.ts";
import { linksTo } from "../links.ts";
import { realPath } from "../real-path.ts";

/** More than anybody works in. Each is compared with every entry of PATH when a program is looked for. */
const MAX_PLACES = 2_000;

/**
 * The directories in which sandboxed agents and commands of this installation can write, now or once: no program that
 * runs outside may come from them. Commands read the file without a daemon, so that it isn't the registry.
 *
 * @param file in the state directory, which no sandbox shows
 * @returns real paths; none where no sandbox has been made yet
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function agentPlaces(file: string): string[] {
  const before = linesOf(oldFile(file));
  const now = linesOf(file);
  // It may have become the old one between the two.
  const lines = [
    ...(before ?? []),
    ...(now ?? []),
    ...(before === undefined ? (linesOf(oldFile(file)) ?? []) : []),
  ];
  return [...new Set(lines.flatMap(toPath))];
}

/**
 * Adds directories, before a sandbox that opens them is made.
 *
 * @param file in a directory that exists
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function noteAgentPlaces(file: string, places: readonly string[]): void {
  const known = new Set(agentPlaces(file));
  const added = [...new Set(places.map(realPath))].filter((place) => !known.has(place));
  if (added.length === 0) return;
  try {
    append(file, added);
  } catch (error) {
    throw toStorageError(error, file);
  }
}

/**
 * Forgets places that lie in another one, which says the same of them. Where more than `max` are left, those that aren't
 * there any more are forgotten too, the longest known first, down to `max`. Such a place may come back with what an
 * agent left in it, from a disk that was unplugged or a directory that was moved away. It stays known as long as there
 * is room, and no agent decides: none can add places, or take away the one that it works in.
 *
 * Works in two steps, of which each call takes one: the file becomes the old one, whose places are added to the new one at
 * the next call. So nothing is lost that others append meanwhile. Not to be called by two processes at once: the daemon
 * calls it when it starts.
 *
 * @returns those that aren't there any more
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function forgetAgentPlaces(file: string, max = MAX_PLACES): string[] {
  const old = oldFile(file);
  const places = agentPlaces(file);
  const { kept, gone } = sortOut(places, max);
  try {
    if (linesOf(old) !== undefined) {
      const now = new Set((linesOf(file) ?? []).flatMap(toPath));
      append(
        file,
        kept.filter((place) => !now.has(place)),
      );
      rmSync(old);
      return gone;
    }
    if (places.length > max && kept.length < places.length) {
      linkSync(file, old);
      rmSync(file);
      append(file, []);
    }
    return [];
  } catch (error) {
    throw toStorageError(error, file);
  }
}

function sortOut(places: readonly string[], max: number): { kept: string[]; gone: string[] } {
  const known = new Set(places);
  const outer = places.filter((place) => !directoriesAround(place).some((around) => known.has(around)));
  const gone = outer.filter((place) => !isThere(place)).slice(0, Math.max(0, outer.length - max));
  const forgotten = new Set(gone);
  return { kept: outer.filter((place) => !forgotten.has(place)), gone };
}

function directoriesAround(path: string): string[] {
  const names = path.split("/");
  return names.slice(2).map((_, index) => names.slice(0, index + 2).join("/"));
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    // One that can't be looked at may be there.
    const code = systemErrorCode(error);
    return code !== "ENOENT" && code !== "ENOTDIR";
  }
}

function oldFile(file: string): string {
  return `${file}.old`;
}

/** The lines of a file, or undefined where it isn't there. */
function linesOf(file: string): string[] | undefined {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw toStorageError(error, file);
  }
}

/** One write, and a line of its own after one that a crash has cut. */
function append(file: string, places: readonly string[]): void {
  appendFileSync(file, places.map((place) => `\n${JSON.stringify(place)}\n`).join(""), { mode: 0o600 });
}

/** The first of the places that a path is in, or that a link on the way to it is in. */
export function agentPlaceAround(path: string, places: readonly string[]): string | undefined {
  if (places.length === 0) return undefined;
  const deciding = [...linksTo(path).map((link) => link.path), realPath(path)];
  return places.find((place) => deciding.some((each) => contains(place, each)));
}

/** A path may hold a line end, so that a line is JSON. */
function toPath(line: string): string[] {
  if (line === "") return [];
  try {
    return [JSON.parse(line) as string];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // A crash has cut the line, so that no sandbox was made after it.
    return [];
  }
}
