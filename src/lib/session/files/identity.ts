import { closeSync, fstatSync, lstatSync } from "node:fs";
import { parseObject } from "../../core/session-files/json.ts";
import { forEachLine } from "../../core/session-files/line-reader.ts";
import { openSaved } from "./entries.ts";

/** pi's own headers are far shorter. More is read only where the first lines are broken. */
const HEADER_BYTES = 4096;
/** As pi looks for a header (its session-manager.js). */
const MAX_HEADER_OFFSET = 1024 * 1024;

/** Why a file isn't the session's: `holds` is the id of the session that it holds instead. */
export type FileProblem = { kind: "missing" | "empty" | "headless" } | { kind: "other"; holds: string };

/**
 * Whether a file is the session's file: by its header, the first lines of it alone are read.
 *
 * @throws PictlError STORAGE_UNAVAILABLE for what is no regular file, or can't be read
 */
export function problemOf(path: string, sessionId: string): FileProblem | undefined {
  if (!isThere(path)) return { kind: "missing" };
  const fd = openSaved(path);
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return { kind: "empty" };
    const holds =
      headerId(fd, Math.min(size, HEADER_BYTES)) ?? headerId(fd, Math.min(size, MAX_HEADER_OFFSET));
    if (holds === undefined) return { kind: "headless" };
    return holds === sessionId ? undefined : { kind: "other", holds };
  } finally {
    closeSync(fd);
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A directory above it can't be entered: opening the file says so.
    return true;
  }
}

/** Lines that don't parse before the header are skipped, as pi skips them. */
function headerId(fd: number, within: number): string | undefined {
  let id: string | undefined;
  forEachLine(fd, 0, within, (line) => {
    const record = parseObject(line.text() ?? "");
    if (record?.type === "session" && typeof record.id === "string") id = record.id;
    return record === undefined;
  });
  return id;
}
