import { basename, dirname } from "node:path";
import { GIT_ENTRIES, type GitEntry } from "./runs-later/catalogue.ts";

/** What is held in a kind of git directory: names below it, in the order of the catalogue. */
export function heldGit(kind: GitEntry["held"][number]): string[] {
  return GIT_ENTRIES.filter(({ held }) => held.includes(kind)).map(({ name }) => name);
}

/** Files that git obeys as soon as they are there, and what says in them that nothing changes. */
export const RESERVED_GIT: Readonly<Record<string, string>> = Object.fromEntries(
  GIT_ENTRIES.flatMap(({ name, stands }) => (stands === undefined ? [] : [[name, stands]])),
);

/** Directories that git obeys as soon as they are there, and in whose place an empty one is kept. */
export const KEPT_EMPTY_GIT: readonly string[] = GIT_ENTRIES.filter(({ isKeptEmpty }) => isKeptEmpty).map(
  ({ name }) => name,
);

/** Files that git writes in their place, so that they can be written inside and are held all the same. */
const WRITTEN_GIT = GIT_ENTRIES.filter(({ isWritten }) => isWritten).map(({ name }) => name);

export function isWrittenGit(path: string): boolean {
  return WRITTEN_GIT.includes(basename(path));
}

/** What can't be a link in a repository, since what is in it, or it itself, is held in its place. */
export const UNLINKED_GIT: readonly string[] = GIT_ENTRIES.filter(
  ({ held, holds }) => held.includes("repository") || holds === "repositories",
).map(({ name }) => name);

/** The same for a git directory outside of the workspace, with the directories on the way. */
export const UNLINKED_OUTSIDE_GIT: readonly string[] = [
  ...new Set(
    [...UNLINKED_GIT, ...heldGit("outside")].flatMap((name) =>
      name.includes("/") ? [dirname(name), name] : [name],
    ),
  ),
];
