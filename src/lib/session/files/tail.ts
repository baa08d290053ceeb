import { closeSync, fstatSync } from "node:fs";
import { parseObject } from "../../core/session-files/json.ts";
import { forEachLine, type Line, lineAt, readFully } from "../../core/session-files/line-reader.ts";
import { openSessionFile } from "../../core/session-files/open.ts";

/** pi writes an entry's ids first; this is ample for them. */
const IDS_WITHIN_BYTES = 512;
/** Looked at from the end for the last entry; more when that is longer. */
const END_BYTES = 64 * 1024;
const LF = 0x0a;
/** Parsing takes a second for some 100 MiB. The lines of larger files are known by their ids alone. */
const MAX_PARSED_BYTES = 64 * 1024 * 1024;
/** The system prompt is a message too, which pi saves without an event. */
const SAID = /^\{"type":"message","id":[^{]*"message":\{"role":"(user|assistant|toolResult)"/;
/** As pi writes most entries; those of extensions (`custom`) have their ids last. */
const IDS = /^\{"type":"(\w+)","id":"([\w-]+)","parentId":(?:"([\w-]+)"|null),/;

/** A place in a session file behind a whole line, and the entry that ends there or before. */
export interface FileMark {
  ino: number;
  /** Bytes from the start of the file. */
  offset: number;
  lastId: string | null;
  /** Where the line of that entry starts. Marks of older builds don't have it. */
  lastAt?: number | undefined;
}

/** What stands in the file behind a mark. */
export interface Tail extends FileMark {
  /** The ids of the entries, in order. */
  ids: string[];
  /** Whether each one's parent is the entry before it, the first one's that of the mark. */
  isChain: boolean;
  /** The file ends within a line. */
  isCut: boolean;
  /** The entry of the mark stands at its place in this file. */
  holdsMark: boolean;
  /** How many of the entries are messages of the user, the assistant or a tool. */
  messages: number;
}

/** The start of a session file. */
export const FILE_START: Omit<FileMark, "ino"> = { offset: 0, lastId: null };

/** The entries of a session file behind an offset, by their ids alone. Throws what the file system says. */
export function readTail(path: string, from: Omit<FileMark, "ino">): Tail {
  const fd = openSessionFile(path);
  try {
    const { ino, size } = fstatSync(fd);
    const { offset, lastId, lastAt } = from;
    const tail: Tail = {
      ino,
      offset,
      lastId,
      lastAt,
      ids: [],
      isChain: true,
      isCut: false,
      holdsMark: holdsMark(fd, from),
      messages: 0,
    };
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
      tail.lastAt = line.start;
      tail.ids.push(entry.id);
      if (entry.isSaid) tail.messages += 1;
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
      const last = lastEntryIn(text.subarray(first, end));
      if (last !== undefined)
        return { ino, offset: start + end, lastId: last.id, lastAt: start + first + last.at };
      if (start === 0) return { ino, offset: end, lastId: null };
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * Whether the file holds the last entry of a mark, at the mark's place or, after a rewrite, anywhere. The second is a
 * look at the whole file. Throws what the file system says.
 */
export function stillHolds(path: string, mark: Pick<FileMark, "offset" | "lastId" | "lastAt">): boolean {
  const { lastId } = mark;
  if (lastId === null) return true;
  const fd = openSessionFile(path);
  try {
    const { offset, lastAt } = mark;
    let isThere = false;
    const look = (line: Line) => {
      isThere = line.terminated && idsOf(line)?.id === lastId && isReadable(line);
      return !isThere;
    };
    if (lastAt !== undefined && holdsMark(fd, mark)) forEachLine(fd, lastAt, offset, look);
    if (!isThere) forEachLine(fd, 0, fstatSync(fd).size, look);
    return isThere;
  } finally {
    closeSync(fd);
  }
}

/**
 * The entry that the file's last one descends from and that isn't in the file, or is a line that pi can't parse: pi takes
 * nothing before it for said. Reads all of the file. Throws what the file system says.
 */
export function missingAncestor(path: string): string | undefined {
  const parents = new Map<string, string | null>();
  let last: string | null = null;
  const fd = openSessionFile(path);
  try {
    const { size } = fstatSync(fd);
    forEachLine(fd, 0, size, (line) => {
      const isKnown = line.terminated && (size > MAX_PARSED_BYTES || isReadable(line));
      const entry = isKnown ? idsOf(line) : undefined;
      if (entry !== undefined) {
        parents.set(entry.id, entry.parentId);
        last = entry.id;
      }
      return true;
    });
  } finally {
    closeSync(fd);
  }
  const visited = new Set<string>();
  for (let id: string | null = last; id !== null && !visited.has(id); ) {
    const parent = parents.get(id);
    if (parent === undefined) return id;
    visited.add(id);
    id = parent;
  }
  return undefined;
}

function holdsMark(fd: number, { offset, lastId, lastAt }: Omit<FileMark, "ino">): boolean {
  if (offset === 0) return true;
  if (byteAt(fd, offset - 1) !== LF) return false;
  if (lastId === null || lastAt === undefined) return true;
  if (lastAt > 0 && byteAt(fd, lastAt - 1) !== LF) return false;
  const head = Buffer.allocUnsafe(Math.min(IDS_WITHIN_BYTES, offset - lastAt));
  // Custom entries have their ids behind their data.
  const found = head.subarray(0, readFully(fd, head, lastAt, head.length)).toString("latin1");
  if (IDS.test(found)) return IDS.exec(found)?.[2] === lastId;
  const line = lineAt(fd, lastAt, offset - lastAt, offset - lastAt);
  return idsOf({ head: line.head, text: () => line.text()?.split("\n", 1)[0] })?.id === lastId;
}

/** Whether pi can parse the line; one that is too long to be looked at counts as such. */
function isReadable(line: Pick<Line, "text">): boolean {
  const text = line.text();
  return text === undefined || parseObject(text) !== undefined;
}

function byteAt(fd: number, offset: number): number | undefined {
  const byte = Buffer.alloc(1);
  return readFully(fd, byte, offset, 1) === 1 ? byte[0] : undefined;
}

function lastEntryIn(lines: Buffer): { id: string; at: number } | undefined {
  for (let end = lines.length; end > 0; ) {
    const start = lines.lastIndexOf(LF, end - 2) + 1;
    const bytes = lines.subarray(start, end - 1);
    const entry = idsOf({ head: bytes, text: () => bytes.toString("utf8") });
    if (entry !== undefined) return { id: entry.id, at: start };
    if (start === 0) return undefined;
    end = start;
  }
  return undefined;
}

interface Ids {
  /** A message of the user, the assistant or a tool. */
  isSaid: boolean;
  id: string;
  parentId: string | null;
}

/** Undefined for the header, and for a line that pi would skip. */
function idsOf(line: Pick<Line, "head" | "text">): Ids | undefined {
  const head = line.head.subarray(0, IDS_WITHIN_BYTES).toString("latin1");
  const found = IDS.exec(head);
  if (found !== null) return { isSaid: SAID.test(head), id: found[2] ?? "", parentId: found[3] ?? null };
  const { type, id, parentId } = parseObject(line.text() ?? "") ?? {};
  if (type === "session" || typeof id !== "string") return undefined;
  return { isSaid: false, id, parentId: typeof parentId === "string" ? parentId : null };
}
