import { closeSync, fstatSync, lstatSync, readlinkSync } from "node:fs";
import { openAgentFile, readAgentFile } from "../../core/agent-file.ts";
import { systemErrorCode } from "../../core/errors.ts";
import { sha256 } from "../../core/sha256.ts";
import { type IndexEntry, parseGitIndex } from "./git-index.ts";
import { entryPath, openRealDirectory, withDirectoryBelow } from "./open-below.ts";

/** An index of a million files has that much, as has no source. */
export const MAX_INDEX_BYTES = 64 * 1024 * 1024;

/** Why `git status` and `git diff` say nothing of a file, whatever is in it. */
export const HIDDEN_BECAUSE = {
  "assume-unchanged":
    "`git status` and `git diff` don't look at it: `git update-index --no-assume-unchanged` takes that away",
  "skip-worktree":
    "`git status` and `git diff` don't look at it: `git update-index --no-skip-worktree` takes that away",
  times:
    "`git status` and `git diff` take it for unchanged by its times, and it isn't what git's index says, unless a filter of yours converts it: `touch` it, and they look again",
} as const;

export interface HiddenFile {
  why: keyof typeof HIDDEN_BECAUSE;
  /** Relative to the worktree. A byte that isn't UTF-8 is written as `\xff`. */
  name: string;
  /** For `times`: which content is hidden. */
  hash?: string;
}

export interface HiddenOptions {
  /** A real path; absent where it isn't one that an agent could have changed. */
  worktree?: string | undefined;
  /** When the baseline was taken, for a review: files that have changed since are compared with the index. */
  since?: number | undefined;
}

/**
 * Reads the index of a git directory for what it hides. With a split index, also the one that it shares.
 *
 * @param directory an open git directory
 * @throws Error where it isn't an index or can't be read, with the code of {@link readAgentFile}
 */
export function* hiddenFromGit(
  directory: number,
  { worktree, since }: HiddenOptions,
): Generator<void, HiddenFile[]> {
  const { bytes, mtimeSeconds } = readIndex(directory, "index");
  // What hides a change without a flag has the time of that change, which only the kernel sets.
  const changedFrom =
    worktree === undefined || since === undefined ? Number.POSITIVE_INFINITY : since / 1000 - 1;
  const { entries, shared } = yield* parseGitIndex(bytes, { changedFrom });
  const found =
    shared === undefined ? entries : yield* withShared(directory, { entries, ...shared, changedFrom });
  const hidden: HiddenFile[] = [];
  const unproven: IndexEntry[] = [];
  for (const entry of found) {
    const { isAssumedUnchanged, isSkipped } = entry;
    if (isSkipped || isAssumedUnchanged)
      hidden.push({ why: isSkipped ? "skip-worktree" : "assume-unchanged", name: nameOf(entry) });
    // git compares contents itself where a file is as new as the index.
    else if (entry.ctimeSeconds >= changedFrom && entry.mtimeSeconds < mtimeSeconds) unproven.push(entry);
  }
  if (worktree !== undefined && unproven.length > 0) {
    const root = openRealDirectory(worktree);
    try {
      for (const entry of unproven) {
        const hash = yield* hiddenContent(root, entry);
        if (hash !== undefined) hidden.push({ why: "times", name: nameOf(entry), hash });
      }
    } finally {
      closeSync(root);
    }
  }
  return hidden;
}

/**
 * The entries of a split index with those of the shared one. The first ones stand for some of those, without their names.
 * Source: gitformat-index(5), split index.
 */
function* withShared(
  directory: number,
  {
    entries,
    file,
    replaced,
    changedFrom,
  }: { entries: IndexEntry[]; file: string; replaced: number[]; changedFrom: number },
): Generator<void, IndexEntry[]> {
  const positions = new Set(replaced);
  const base = yield* parseGitIndex(readIndex(directory, file).bytes, { changedFrom, positions });
  const names = new Map(base.entries.map(({ position, name }) => [position, name]));
  return [
    ...entries.map((entry) => ({ ...entry, name: names.get(replaced[entry.position] ?? -1) ?? entry.name })),
    ...base.entries.filter(({ position }) => !positions.has(position)),
  ];
}

function readIndex(directory: number, name: string): { bytes: Buffer; mtimeSeconds: number } {
  const path = entryPath(directory, name);
  const fd = openAgentFile(path);
  try {
    const mtimeSeconds = Math.floor(fstatSync(fd).mtimeMs / 1000);
    return { bytes: readAgentFile(path, { maxBytes: MAX_INDEX_BYTES }), mtimeSeconds };
  } finally {
    closeSync(fd);
  }
}

/** The hash of a file's content where git takes the file for unchanged, and its index has another content. */
function* hiddenContent(root: number, entry: IndexEntry): Generator<void, string | undefined> {
  const path = entry.name.toString("utf8").split("/");
  const name = path.pop() ?? "";
  if ([...path, name].some((part) => ["", ".", ".."].includes(part))) return undefined;
  try {
    return yield* withDirectoryBelow(root, path, function* (directory) {
      yield;
      const file = entryPath(directory, name);
      const stats = lstatSync(file, { throwIfNoEntry: false });
      const isUnchanged =
        stats !== undefined &&
        stats.size % 2 ** 32 === entry.size &&
        Math.floor(stats.ctimeMs / 1000) === entry.ctimeSeconds &&
        Math.floor(stats.mtimeMs / 1000) === entry.mtimeSeconds;
      if (!isUnchanged || !(stats.isFile() || stats.isSymbolicLink())) return undefined;
      const content = stats.isFile()
        ? readAgentFile(file, { maxBytes: MAX_INDEX_BYTES })
        : readlinkSync(file, { encoding: "buffer" });
      return [content, withLineFeeds(content), lfsPointer(content)].some((bytes) => isBlob(bytes, entry.hash))
        ? undefined
        : sha256(content);
    });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    // Not there, or behind a link: git shows it as deleted.
    return undefined;
  }
}

function isBlob(content: Buffer, hash: Buffer): boolean {
  const made = process
    .getBuiltinModule("node:crypto")
    .createHash(hash.length === 20 ? "sha1" : "sha256")
    .update(`blob ${content.length}\0`)
    .update(content);
  return made.digest().equals(hash);
}

/** As git keeps a text that has the ends of lines of Windows in the worktree. Source: gitattributes(5), `eol`. */
function withLineFeeds(content: Buffer): Buffer {
  return content.includes("\r\n")
    ? Buffer.from(content.toString("latin1").replaceAll("\r\n", "\n"), "latin1")
    : content;
}

/** As git-lfs keeps a file. Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
function lfsPointer(content: Buffer): Buffer {
  return Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`,
  );
}

function nameOf({ name }: IndexEntry): string {
  const text = name.toString("utf8");
  if (Buffer.from(text).equals(name)) return text;
  return name.toString("latin1").replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
