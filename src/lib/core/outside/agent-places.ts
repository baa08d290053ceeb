import { appendFileSync, readFileSync } from "node:fs";
import { systemErrorCode, toStorageError } from "../errors.ts";
import { linksTo } from "../links.ts";
import { realPath } from "../real-path.ts";

/**
 * The directories in which sandboxed agents and commands of this installation can write, now or once: no program that
 * runs outside may come from them. Commands read the file without a daemon, so that it isn't the registry.
 *
 * @param file in the state directory, which no sandbox shows
 * @returns real paths; none where no sandbox has been made yet
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function agentPlaces(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").flatMap(toPath);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw toStorageError(error, file);
  }
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
    // One write, and a line of its own after one that a crash has cut.
    appendFileSync(file, added.map((place) => `\n${JSON.stringify(place)}\n`).join(""), { mode: 0o600 });
  } catch (error) {
    throw toStorageError(error, file);
  }
}

/** The first of the places that a path is in, or that a link on the way to it is in. */
export function agentPlaceAround(path: string, places: readonly string[]): string | undefined {
  if (places.length === 0) return undefined;
  const deciding = [...linksTo(path).map((link) => link.path), realPath(path)];
  return places.find((place) => deciding.some((each) => each === place || each.startsWith(`${place}/`)));
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
