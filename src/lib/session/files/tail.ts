import { closeSync, fstatSync } from "node:fs";
import { parseObject } from "../../core/session-files/json.ts";
import { forEachLine, type Line, readFully } from "../../core/session-files/line-reader.ts";
import { openSessionFile } from "../../core/session-files/open.ts";

/** pi writes an entry's ids first; this is ample for them. */
const IDS_WITHIN_BYTES = 512;
/** Looked at from the end for the last entry; more when that is longer. */
const END_BYTES = 64 * 1024;
const LF = 0x0a;

/** A place in a session file behind a whole line, and the entry that ends there or before. */
export interface FileMark {
  ino: number;
  /** Bytes from the start of the file. */
  offset: number;
  lastId: string | null;
}

/** What stands in the file behind a mark. */
export interface Tail extends FileMark {
  /** The ids of the entries, in order. */
  ids: string[];
  /** Whether each one's parent is the entry before it, the first one's that of the mark. */
  isChain: boolean;
  /** The file ends within a line. */
  isCut: boolean;
  /** The mark is the end of a line in this file. It isn't where the file was written anew. */
  isAfterLine: boolean;
}

/** The entries of a session file behind an offset, by their ids alone. Throws what the file system says. */
export function readTail(path: string, from: Pick<FileMark, "offset" | "lastId">): Tail {
  const fd = openSessionFile(path);
  try {
    const { ino, size } = fstatSync(fd);
    const { offset, lastId } = from;
    const isAfterLine = offset === 0 || byteAt(fd, offset - 1) === LF;
    const tail: Tail = { ino, offset, lastId, ids: [], isChain: true, isCut: false, isAfterLine };
    forEachLine(fd, from.offset, size, (line) => {
      if (!line.terminated) {
        tail.isCut = true;
        return true;
      }
      tail.offset = line.start + line.length + 1;
      const entry = idsOf(line);
      if (entry === undefined) return true;
      tail.isChain &&= entry.parentId === tail.lastId;
      tail.lastId = entry.id;
      tail.ids.push(entry.id);
      return true;
    });
    return tail;
  } finally {
    closeSync(fd);
  }
}

/** The end of a session file as it is now. Throws what the file system says. */
export function markEnd(path: string): FileMark {
  const fd = openSessionFile(path);
  try {
    const { ino, size } = fstatSync(fd);
    for (let length = Math.min(END_BYTES, size); ; length = Math.min(length * 4, size)) {
      const start = size - length;
      const bytes = Buffer.allocUnsafe(length);
      const text = bytes.subarray(0, readFully(fd, bytes, start, length));
      const end = text.lastIndexOf(LF) + 1;
      // The first line of a part of the file is itself a part of one.
      const first = start === 0 ? 0 : text.indexOf(LF) + 1;
      const id = lastIdIn(text.subarray(first, end));
      if (id !== undefined || start === 0) return { ino, offset: start + end, lastId: id ?? null };
    }
  } finally {
    closeSync(fd);
  }
}

function byteAt(fd: number, offset: number): number | undefined {
  const byte = Buffer.alloc(1);
  return readFully(fd, byte, offset, 1) === 1 ? byte[0] : undefined;
}

function lastIdIn(lines: Buffer): string | undefined {
  for (let end = lines.length; end > 0; ) {
    const start = lines.lastIndexOf(LF, end - 2) + 1;
    const bytes = lines.subarray(start, end - 1);
    const entry = idsOf({ head: bytes, text: () => bytes.toString("utf8") });
    if (entry !== undefined) return entry.id;
    if (start === 0) return undefined;
    end = start;
  }
  return undefined;
}

/** Undefined for the header, and for a line that pi would skip. */
function idsOf(line: Pick<Line, "head" | "text">): { id: string; parentId: string | null } | undefined {
  const head = line.head.subarray(0, IDS_WITHIN_BYTES).toString("latin1");
  const found = /^\{"type":"(\w+)","id":"([\w-]+)","parentId":(?:"([\w-]+)"|null),/.exec(head);
  if (found !== null) return { id: found[2] ?? "", parentId: found[3] ?? null };
  const { type, id, parentId } = parseObject(line.text() ?? "") ?? {};
  if (type === "session" || typeof id !== "string") return undefined;
  return { id, parentId: typeof parentId === "string" ? parentId : null };
}
