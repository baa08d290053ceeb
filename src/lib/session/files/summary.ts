import { createHash } from "node:crypto";
import { closeSync, fstatSync } from "node:fs";
import { forEachLine, isInLine, type Line, readFully } from "../../core/session-files/line-reader.ts";
import type { SessionFile } from "../../core/session-files/locate.ts";
import { openSessionFile } from "../../core/session-files/open.ts";
import { applyFacts, type SessionSummary, startSummary } from "./summary-fields.ts";
import { readLine } from "./summary-line.ts";

export type { SessionSummary } from "./summary-fields.ts";

/** A header within the first MiB or none: a file of another kind must not be read to its end to find that out. */
const MAX_HEADER_OFFSET = 1024 * 1024;
/** Bytes at the start and before the old end whose hash tells a file that grew from one that was rewritten. */
const FINGERPRINT_BYTES = 256;

/** What {@link summarize} has to be given again to read on from where it stopped. Plain JSON. */
export interface SummaryState {
  /** Absent when the file isn't a pi session, can't be read or has no whole header yet. */
  summary?: SessionSummary;
  /** Bytes that are accounted for. */
  offset: number;
  size: number;
  mtimeMs: number;
  ino: number;
  /** Hash over both ends of the bytes that are accounted for; empty when there are none. */
  fingerprint: string;
}

/**
 * Summarizes a session file, reading only what was appended since `previous`. A file that was replaced, cut or
 * rewritten is read anew; a half-written last line is left for the next time. Never throws: a file that can't
 * be read, or isn't a pi session, gives a state without a summary. `previous` is not changed.
 *
 * @param file as {@link listSessionFiles} lists it; when nothing differs from `previous` it isn't even opened
 */
export function summarize(file: SessionFile, previous?: SummaryState): SummaryState {
  if (
    previous !== undefined &&
    previous.ino === file.ino &&
    previous.size === file.size &&
    previous.mtimeMs === file.mtimeMs
  ) {
    return previous;
  }
  // An mtime of -1 matches no file: a file that couldn't be read is tried again the next time.
  const unreadable = { offset: 0, size: file.size, mtimeMs: -1, ino: file.ino, fingerprint: "" };
  try {
    const fd = openSessionFile(file.path);
    try {
      return summarizeOpen(fd, previous);
    } finally {
      closeSync(fd);
    }
  } catch {
    return unreadable;
  }
}

function summarizeOpen(fd: number, previous: SummaryState | undefined): SummaryState {
  const { size, mtimeMs, ino } = fstatSync(fd);
  const grown =
    previous?.summary !== undefined &&
    previous.ino === ino &&
    size >= previous.offset &&
    previous.fingerprint === fingerprint(fd, previous.offset) &&
    !isInLine(fd, previous.offset);
  const noSession = { offset: 0, size, mtimeMs, ino, fingerprint: "" };
  let summary = grown ? structuredClone(previous.summary) : undefined;
  let offset = grown ? previous.offset : 0;
  let brokenBeforeHeader = 0;
  if (!grown && size > MAX_HEADER_OFFSET && !hasLineBreak(fd, MAX_HEADER_OFFSET)) return noSession;
  let isSession = true;
  forEachLine(fd, offset, size, (line) => {
    const facts = readLine(line, summary?.firstMessage === undefined);
    // The end of a line that is still being written. A whole object can't be the start of a longer one, so
    // a last line without LF that parses is complete, as it is for pi.
    if (!line.terminated && facts.kind === "broken") return false;
    if (summary !== undefined) applyFacts(summary, facts);
    else if (facts.kind === "broken") brokenBeforeHeader++;
    else if (facts.kind !== "blank") {
      summary = facts.kind === "entry" ? startSummary(facts.entry, brokenBeforeHeader) : undefined;
      isSession = summary !== undefined;
    }
    offset = endOf(line);
    return isSession && (summary !== undefined || offset < MAX_HEADER_OFFSET);
  });
  if (summary === undefined) return noSession;
  return { summary, offset, size, mtimeMs, ino, fingerprint: fingerprint(fd, offset) };
}

function endOf(line: Line): number {
  return line.start + line.length + (line.terminated ? 1 : 0);
}

function hasLineBreak(fd: number, within: number): boolean {
  const bytes = Buffer.allocUnsafe(within);
  return bytes.subarray(0, readFully(fd, bytes, 0, within)).includes("\n");
}

function fingerprint(fd: number, offset: number): string {
  const length = Math.min(FINGERPRINT_BYTES, offset);
  const bytes = Buffer.alloc(length);
  const hash = createHash("sha1");
  for (const position of [0, offset - length])
    hash.update(bytes.subarray(0, readFully(fd, bytes, position, length)));
  return hash.digest("base64");
}
