import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "../../core/errors.ts";

/** A directory that holds session files. */
export interface Root {
  path: string;
  /** Whether they lie in directories below it, as in pi's own, and not in itself. */
  nested: boolean;
}

/** A file as its directory tells it. */
export interface FoundFile {
  path: string;
  ino: number;
  size: number;
  mtime: number;
}

export interface Found {
  files: FoundFile[];
  /** Directories, files and links that can't be read or lead elsewhere. */
  skipped: string[];
}

/** More aren't named one by one. */
const MAX_SKIPPED = 100;

/** Every session file of these directories. Never throws: what can't be read is named. */
export function findFiles(roots: readonly Root[]): Found {
  const found: Found = { files: [], skipped: [] };
  const seen = new Set<string>();
  for (const { path, nested } of roots) {
    const directories = nested ? subdirectories(path, found) : [path];
    for (const directory of directories) {
      if (!seen.has(directory)) addFiles(directory, found);
      seen.add(directory);
    }
  }
  return found;
}

/** Whether a file lies where one of these directories would have it. */
export function isBelow(path: string, roots: readonly Root[]): boolean {
  const directory = dirname(path);
  return roots.some((root) => (root.nested ? dirname(directory) : directory) === root.path);
}

function subdirectories(path: string, found: Found): string[] {
  const names: string[] = [];
  for (const entry of read(path, found)) {
    if (entry.isDirectory()) names.push(`${path}/${entry.name}`);
    else if (entry.isSymbolicLink()) skip(found, `${path}/${entry.name}`);
  }
  return names;
}

function addFiles(directory: string, found: Found): void {
  for (const entry of read(directory, found)) {
    if (!entry.name.endsWith(".jsonl") || entry.isDirectory()) continue;
    const path = `${directory}/${entry.name}`;
    // A link or a pipe with that name would lead out of the directory, or block for ever.
    if (!entry.isFile()) skip(found, path);
    else {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats?.isFile()) found.files.push({ path, ino: stats.ino, size: stats.size, mtime: stats.mtimeMs });
    }
  }
}

function read(path: string, found: Found): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") skip(found, path);
    return [];
  }
}

function skip(found: Found, path: string): void {
  if (found.skipped.length < MAX_SKIPPED) found.skipped.push(path);
}
