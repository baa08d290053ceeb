/** What a file is or was. */
export interface FileState {
  type: "file" | "link" | "other";
  /** Permissions in octal digits. */
  mode: string;
  /** Bytes. */
  size: number;
  /** Of a link. */
  target?: string;
}

/** A file that something outside of a sandbox may run or obey, and that isn't what it was. */
export interface LaterChange {
  /** Absolute. */
  path: string;
  /** `git`, `git-link`, `git-hidden`, `link`, `set-id`, `installed`, or a kind of the catalogue: docs/sandbox-review.md lists them. */
  kind: string;
  /** Who runs or obeys it, and when. */
  because: string;
  /**
   * `unknown`: it is there, and the baseline doesn't hold how it was. `hidden`: since the baseline git takes the file for
   * unchanged, whatever is in it.
   */
  change: "added" | "changed" | "removed" | "unknown" | "hidden";
  before?: FileState;
  after?: FileState;
  /** In the unified format, without the names of files. Absent where a side is no text or too long. */
  diff?: string;
  linesAdded?: number;
  linesRemoved?: number;
  /** Why there is no diff, or not all of it. */
  note?: string;
}

/** Something that a review can say nothing of: it may have changed. */
export interface NotReviewed {
  /** Absolute. */
  path: string;
  because: string;
  /** Of a directory that is never looked into: entries that have changed since the baseline. */
  changed?: number;
  /** It isn't looked at by the next review either, also when this one is accepted. */
  remains?: true;
}

/** What is compared with what. */
export interface SandboxReview {
  /** A session has a second one where its workspace became another, as by `git init` in a directory above. */
  baselines: { workspace: string; takenAt: number }[];
  changes: LaterChange[];
  notReviewed: NotReviewed[];
  /** Whether the state that was compared is the baseline from now on. */
  accepted: boolean;
}
