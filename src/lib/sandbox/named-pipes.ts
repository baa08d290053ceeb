import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";

/** Where programs keep a directory each: their pipes are in those as well as in directories of the home itself. */
const OF_PROGRAMS = [".config", ".local/share", ".local/state", ".cache"];
/** Listing one takes some 20 µs. A home with more directories than this isn't a person's. */
const MAX_DIRECTORIES = 2_000;

/**
 * Named pipes where programs have those by which they take commands (players, panels): in the home, and in the
 * directories there and in those of programs. A pipe that can be seen can be written to, also where it is mounted
 * read-only. Looking for pipes everywhere would take longer than an agent's start.
 */
export function pipesOfPrograms(home: string): string[] {
  const top = list(home);
  const directories = [
    ...subdirectories(home, top),
    ...OF_PROGRAMS.map((name) => join(home, name)).flatMap((path) => subdirectories(path, list(path))),
  ];
  return [
    ...pipes(home, top),
    ...directories.slice(0, MAX_DIRECTORIES).flatMap((directory) => pipes(directory, list(directory))),
  ];
}

function subdirectories(directory: string, entries: readonly Dirent[]): string[] {
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
}

function pipes(directory: string, entries: readonly Dirent[]): string[] {
  return entries.filter((entry) => entry.isFIFO()).map(({ name }) => join(directory, name));
}

function list(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Not there, or not to be listed, inside either.
    return [];
  }
}
