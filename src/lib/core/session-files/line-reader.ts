import { readSync } from "node:fs";

/** Bytes read at once. A line that fits costs no second read. */
const CHUNK_BYTES = 1024 * 1024;
/** How much of each end of a longer line is at hand without reading it again. */
const EDGE_BYTES = 4096;
/** Longest line that is turned into a string: below V8's limit for one (512 MiB) even if all of it is ASCII. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

const LF = 0x0a;

/** One line of a file, without its LF. Valid only during the visit: the bytes are then reused. */
export interface Line {
  /** Byte offset of its first byte in the file. */
  start: number;
  /** Bytes, without the LF. */
  length: number;
  /** False for the last bytes of a file that doesn't end in an LF. */
  terminated: boolean;
  /** The first bytes: all of them, or at least {@link EDGE_BYTES}. */
  head: Buffer;
  /** The last bytes: all of them, or at least {@link EDGE_BYTES}. */
  tail: Buffer;
  /** Its first `length` bytes, or all of them. */
  bytes(length: number): Buffer;
  /** Whether `needle` occurs in it, from this byte of it on. */
  includes(needle: Buffer, from?: number): boolean;
  /** The line as text, invalid UTF-8 replaced as pi's own decoder does; undefined when it is too long for that. */
  text(): string | undefined;
}

/**
 * Visits the lines of an open file between two byte offsets, in memory bounded by {@link CHUNK_BYTES} unless
 * a visitor asks for the text of a longer line. Splits only at LF: `readline` also splits at U+2028, which
 * JSON strings may hold. Stops when the visitor returns false.
 */
export function forEachLine(fd: number, from: number, to: number, visit: (line: Line) => boolean): void {
  if (to <= from) return;
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, to - from));
  let start = from;
  while (start < to) {
    const filled = readFully(fd, chunk, start, Math.min(chunk.length, to - start));
    if (filled === 0) return;
    const atEnd = start + filled >= to;
    const base = start;
    let cursor = 0;
    const bytes = chunk.subarray(0, filled);
    for (let lf = bytes.indexOf(LF); lf !== -1; lf = bytes.indexOf(LF, cursor)) {
      if (!visit(shortLine(bytes.subarray(cursor, lf), base + cursor, true))) return;
      cursor = lf + 1;
    }
    start = base + cursor;
    if (cursor > 0 && !atEnd) continue;
    if (atEnd) {
      if (cursor < filled) visit(shortLine(bytes.subarray(cursor), start, false));
      return;
    }
    const end = findLineEnd(fd, start + filled, to, chunk);
    if (!visit(longLine(fd, start, end.offset, end.terminated))) return;
    start = end.offset + 1;
  }
}

/**
 * Whether what stands at an offset belongs to the line before it: a last line without an LF that was taken for whole may
 * have been written on.
 */
export function isInLine(fd: number, offset: number): boolean {
  if (offset === 0) return false;
  const around = Buffer.alloc(2);
  return readFully(fd, around, offset - 1, 2) === 2 && !around.includes(LF);
}

/** Reads until `length` bytes are there or the file ends; returns how many there are. */
export function readFully(fd: number, buffer: Buffer, position: number, length: number): number {
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, buffer, filled, length - filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

function shortLine(bytes: Buffer, start: number, terminated: boolean): Line {
  return {
    start,
    length: bytes.length,
    terminated,
    head: bytes,
    tail: bytes,
    bytes: (length) => bytes.subarray(0, length),
    includes: (needle, from) => bytes.includes(needle, from),
    text: () => bytes.toString("utf8"),
  };
}

function longLine(fd: number, start: number, end: number, terminated: boolean): Line {
  const size = Math.min(EDGE_BYTES, end - start);
  const edge = (from: number) => {
    const bytes = Buffer.allocUnsafe(size);
    return bytes.subarray(0, readFully(fd, bytes, from, size));
  };
  return {
    start,
    length: end - start,
    terminated,
    head: edge(start),
    tail: edge(end - size),
    bytes: (length) => {
      const bytes = Buffer.allocUnsafe(Math.min(length, end - start));
      return bytes.subarray(0, readFully(fd, bytes, start, bytes.length));
    },
    includes: (needle, from = 0) => rangeIncludes(fd, start + from, end, needle),
    text: () => {
      if (end - start > MAX_LINE_BYTES) return undefined;
      const bytes = Buffer.allocUnsafe(end - start);
      return bytes.subarray(0, readFully(fd, bytes, start, bytes.length)).toString("utf8");
    },
  };
}

function findLineEnd(
  fd: number,
  from: number,
  to: number,
  chunk: Buffer,
): { offset: number; terminated: boolean } {
  for (let at = from; at < to; ) {
    const filled = readFully(fd, chunk, at, Math.min(chunk.length, to - at));
    if (filled === 0) return { offset: at, terminated: false };
    const lf = chunk.subarray(0, filled).indexOf(LF);
    if (lf !== -1) return { offset: at + lf, terminated: true };
    at += filled;
  }
  return { offset: to, terminated: false };
}

function rangeIncludes(fd: number, from: number, to: number, needle: Buffer): boolean {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = from; at < to; ) {
    const filled = readFully(fd, chunk, at, Math.min(chunk.length, to - at));
    if (chunk.subarray(0, filled).includes(needle)) return true;
    if (filled <= needle.length) return false;
    // Overlap, or a needle across two chunks would be missed.
    at += at + filled >= to ? filled : filled - needle.length + 1;
  }
  return false;
}

/** The line between two byte offsets that were seen before, its LF not included. */
export function lineAt(fd: number, start: number, length: number, wholeUpTo: number): Line {
  if (length > wholeUpTo) return longLine(fd, start, start + length, true);
  const bytes = Buffer.allocUnsafe(length);
  return shortLine(bytes.subarray(0, readFully(fd, bytes, start, length)), start, true);
}
