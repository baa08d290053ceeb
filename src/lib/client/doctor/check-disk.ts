import { statfsSync } from "node:fs";
import { type Finding, failure, ok, warning } from "./finding.ts";
import { nearestExisting } from "./writable.ts";

const MIB = 1024 ** 2;
/** One long session with images, or the history index of a few, fills this. */
const LOW_BYTES = 1024 * MIB;
/** Below it SQLite and pi's session files are about to fail. */
const TOO_LOW_BYTES = 100 * MIB;

/**
 * Room on the file systems where pictl writes; the fullest one counts.
 *
 * @param freeBytes how much an ordinary user may still write at an existing path
 */
export function checkDisk(
  directories: readonly string[],
  freeBytes: (path: string) => number = freeBytesAt,
): Finding {
  const [fullest] = [...new Set(directories.map(nearestExisting))]
    .map((path) => ({ path, free: freeBytes(path) }))
    .sort((a, b) => a.free - b.free);
  if (fullest === undefined) return ok("disk", "Nothing to check.");
  const room = `${Math.floor(fullest.free / MIB).toLocaleString("en")} MiB are free at ${fullest.path}`;
  const hint = "Free space, or set PICTL_HOME to a directory on another disk.";
  if (fullest.free < TOO_LOW_BYTES) return failure("disk", `Only ${room}; sessions can't be kept.`, hint);
  if (fullest.free < LOW_BYTES) return warning("disk", `Only ${room}.`, hint);
  return ok("disk", `${room}.`);
}

function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
