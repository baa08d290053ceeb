import type { Reason } from "./matcher.ts";

/** An agent can make as many files as its disk has room for. */
export interface SearchLimits {
  /** Entries of directories that are looked at. */
  entries: number;
  /** Files that are listed. */
  files: number;
  /** Bytes of text that are kept of all of them. */
  textBytes: number;
}

/** A workspace of 50,000 files has 55,000 entries and a tenth of a second of work. */
export const SEARCH_LIMITS: SearchLimits = { entries: 1_000_000, files: 20_000, textBytes: 32 * 1024 * 1024 };

/** A file that something outside may run or obey. */
export interface LaterFile extends Reason {
  /** Where it is, counted in the roots of the search. */
  root: number;
  path: string;
  type: "file" | "link" | "other";
  /** Its permissions. */
  mode: number;
  size: number;
  /** When it was last changed in any way, which only the kernel says. */
  ctimeMs: number;
  /** Of a link. */
  target?: string;
  /** Of the content; absent where that is too large or can't be read. */
  hash?: string;
  /** The content, where it is a text and short enough. */
  text?: string;
}

/** What wasn't looked at. */
export interface LeftOut {
  root: number;
  /** Empty for the root itself. */
  path: string;
  because: string;
  /** Of a directory that is never looked into: how many entries have changed since the baseline. */
  changed?: number;
  /** Whether it may change unseen as long as it is left out so: a bound of the search, or what an agent can close. */
  isBound?: true;
}

export interface SearchOptions {
  /** Absolute directories without links. */
  roots: readonly string[];
  limits?: SearchLimits;
  /**
   * For a baseline: when the agent's process was begun, in milliseconds. What has changed since isn't as it was before,
   * so that it is left out. The clock of files is some milliseconds late, and an agent takes longer to begin.
   */
  before?: number;
  /** For a comparison: when the baseline was taken. Files with set-user-ID bits, and what is never looked into, are compared with it. */
  since?: number;
}

/** Names a file among those of all roots. */
export function key(root: number, path: string): string {
  return `${root}/${path}`;
}
