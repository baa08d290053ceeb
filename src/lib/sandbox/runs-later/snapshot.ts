import type { LaterFile, LeftOut, SearchOptions } from "./found.ts";
import { inSlices } from "./in-slices.ts";
import { LaterSearch } from "./search.ts";

/** The files of a workspace that something outside may run or obey, by value. */
export interface Snapshot {
  /** Of this form; another one isn't read. */
  version: 1;
  /** In milliseconds since 1970. */
  takenAt: number;
  /** The workspace, and its git directory where that is elsewhere. */
  roots: string[];
  files: LaterFile[];
  /** What it doesn't hold. */
  leftOut: LeftOut[];
}

/** @param options `limitMs`: how long the search may take; what it doesn't come to by then is left out, which the snapshot says */
export async function takeSnapshot(options: SearchOptions & { limitMs: number }): Promise<Snapshot> {
  const takenAt = options.before ?? Date.now();
  const search = new LaterSearch(options);
  if (!(await inSlices(search.run(), options.limitMs)))
    search.leaveOut([], `it took longer than ${options.limitMs / 1000} s`, { isBound: true });
  return {
    version: 1,
    takenAt,
    roots: [...options.roots],
    files: [...search.files.values()],
    leftOut: search.leftOut,
  };
}
