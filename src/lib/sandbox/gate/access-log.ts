import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { systemErrorCode } from "../../core/errors.ts";
import { keepShares, LogShares } from "./log-shares.ts";
import type { GateRecord } from "./record.ts";

/**
 * At this size the file and the one before it (`.1`) become the new `.1`, which is no larger, with a share of it for each
 * session: both together are the bound on the disk.
 */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Milliseconds that records are gathered before they are written together. */
const FLUSH_INTERVAL = 100;

/** Writes records of the gate as JSON lines to a file of mode 0600, bounded in size, also for each session. */
export class AccessLog {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #shares = new LogShares();
  #waiting: GateRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, options: { maxBytes?: number } = {}) {
    this.#path = path;
    this.#maxBytes = options.maxBytes ?? MAX_FILE_BYTES;
  }

  /**
   * Takes a record; it is in the file soon after, or after `flush`. Of a session with too many the last one is, when its
   * time has come, and says how many it stands for. Never throws.
   */
  readonly write = (record: GateRecord): void => {
    const taken = this.#shares.take(record, performance.now());
    if (taken !== undefined) this.#waiting.push(taken);
    this.#schedule();
  };

  /** Writes all that was taken. A log that can't be written (a full disk) must not stop the agent: it is given up. */
  flush(): void {
    this.#write(true);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#write(false), FLUSH_INTERVAL).unref();
  }

  #write(all: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const records = [...this.#waiting, ...this.#shares.due(performance.now(), all)];
    this.#waiting = [];
    if (this.#shares.hasHeld) this.#schedule();
    if (records.length === 0) return;
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
      if (size + Buffer.byteLength(text) >= this.#maxBytes) this.#rotate();
    } finally {
      closeSync(file);
    }
  }

  #rotate(): void {
    const kept = keepShares(readAccessLog(this.#path), this.#maxBytes);
    const next = `${this.#path}.new`;
    writeFileSync(next, kept.map((record) => `${JSON.stringify(record)}\n`).join(""), { mode: 0o600 });
    renameSync(next, `${this.#path}.1`);
    rmSync(this.#path, { force: true });
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
