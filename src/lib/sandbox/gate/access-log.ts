import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { systemErrorCode } from "../../core/errors.ts";
import type { GateRecord } from "./record.ts";

/** At this size the file becomes `.1`, in place of the one before: both together are the bound on the disk. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Records that wait to be written. A program inside can make them faster than a disk takes them. */
const MAX_WAITING = 2000;
/** Milliseconds that records are gathered before they are written together. */
const FLUSH_INTERVAL = 100;

/** Writes records of the gate as JSON lines to a file of mode 0600, bounded in size and in what waits. */
export class AccessLog {
  readonly #path: string;
  readonly #maxBytes: number;
  #waiting: GateRecord[] = [];
  #omitted = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, options: { maxBytes?: number } = {}) {
    this.#path = path;
    this.#maxBytes = options.maxBytes ?? MAX_FILE_BYTES;
  }

  /** Takes a record; it is in the file soon after, or after `flush`. Never throws. */
  readonly write = (record: GateRecord): void => {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#omitted += 1;
      return;
    }
    this.#waiting.push(record);
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_INTERVAL).unref();
  };

  /** Writes what waits. A log that can't be written (a full disk) must not stop the agent: it is given up. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const records = this.#waiting;
    this.#waiting = [];
    const last = records.at(-1);
    if (last === undefined) return;
    if (this.#omitted > 0)
      records[records.length - 1] = { ...last, omitted: (last.omitted ?? 0) + this.#omitted };
    this.#omitted = 0;
    try {
      this.#append(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
    }
  }

  #append(text: string): void {
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
    const file = openSync(this.#path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
    try {
      const { size, mode } = fstatSync(file);
      if ((mode & 0o077) !== 0) chmodSync(this.#path, 0o600);
      writeSync(file, text);
      if (size + Buffer.byteLength(text) >= this.#maxBytes) renameSync(this.#path, `${this.#path}.1`);
    } finally {
      closeSync(file);
    }
  }
}

/**
 * The records of a log and of the one before it, oldest first. Lines that aren't records (a write that a full disk
 * cut) are left out; a file that isn't there has none.
 *
 * @param filter `limit` counts from the newest
 */
export function readAccessLog(path: string, filter: { session?: string; limit?: number } = {}): GateRecord[] {
  const records = [`${path}.1`, path].flatMap(linesOf).flatMap(recordOf);
  const wanted = records.filter(({ session }) => filter.session === undefined || session === filter.session);
  return filter.limit === undefined ? wanted : wanted.slice(Math.max(0, wanted.length - filter.limit));
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function recordOf(line: string): GateRecord[] {
  try {
    const record = JSON.parse(line) as GateRecord;
    return typeof record?.time === "string" && typeof record.verdict === "string" ? [record] : [];
  } catch {
    return [];
  }
}
