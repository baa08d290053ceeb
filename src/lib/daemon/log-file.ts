import {
  closeSync,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import type { LogLevel } from "../core/config.ts";
import { configLogLevels } from "../core/config-keys.ts";
import type { Logger } from "../core/logger.ts";
import { openLog } from "../core/open-log.ts";

const LEVELS: readonly LogLevel[] = configLogLevels;
/** As the configuration's defaults. */
const DEFAULTS = { level: "debug", maxBytes: 5 * 1024 * 1024 } as const;

/** A rotation that failed copies the whole log: on a full disk not for every line. */
const ROTATE_AGAIN_MS = 10_000;
const LF = 0x0a;

export interface LogFileOptions {
  /** The least urgent level that is written. */
  level?: LogLevel;
  /** The size at which it is rotated: with the two older files, a third of what the log takes. */
  maxBytes?: number;
  /** Gets each line too, for a daemon in the foreground. */
  echo?: ((line: string) => void) | undefined;
  /** Writes to the file, and says how many bytes went out; absent: the file system does. */
  write?: (fd: number, bytes: Buffer) => number;
}

/**
 * The daemon's log: one JSON object a line.
 *
 * It rotates by copying and truncating, not by renaming: the daemon's own stdout and stderr point to the same
 * open file, and a crash's last words must land in the current log.
 */
export class LogFile implements Logger {
  readonly #path: string;
  readonly #fd: number;
  readonly #redact: (text: string) => string;
  readonly #echo: ((line: string) => void) | undefined;
  readonly #maxBytes: number;
  readonly #least: number;
  readonly #writeTo: (fd: number, bytes: Buffer) => number;
  /** The file ends within a line. */
  #isTorn: boolean;
  /** Lines that could not be written since the last one that could. */
  #lost = 0;
  #rotateAt = 0;

  /** @throws PictlError STORAGE_UNAVAILABLE */
  constructor(path: string, redact: (text: string) => string, options: LogFileOptions = {}) {
    const { level, maxBytes, echo, write = writeSync } = { ...DEFAULTS, ...options };
    this.#path = path;
    this.#least = LEVELS.indexOf(level);
    this.#maxBytes = maxBytes;
    this.#fd = openLog(path);
    this.#isTorn = endsWithinLine(this.#fd);
    this.#redact = redact;
    this.#echo = echo;
    this.#writeTo = write;
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#write("error", message, fields);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    if (LEVELS.indexOf(level) < this.#least) return;
    const line = this.#line(level, message, fields);
    this.#echo?.(line);
    const gap =
      this.#lost === 0 ? "" : this.#line("warn", "lines of the log are missing", { lines: this.#lost });
    try {
      this.#append(`${gap}${line}`);
      this.#lost = 0;
      if (fstatSync(this.#fd).size > this.#maxBytes && performance.now() >= this.#rotateAt) this.#rotate();
    } catch {
      // A full disk must not end the daemon; that lines are missing is said with the next one that has room.
    }
  }

  #line(level: LogLevel, message: string, fields: Record<string, unknown>): string {
    const record = { time: new Date().toISOString(), level, pid: process.pid, message, ...fields };
    return `${this.#redact(JSON.stringify(record))}\n`;
  }

  /** Throws when not all of it could be written. */
  #append(lines: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${lines}` : lines);
    this.#lost += 1;
    const written = this.#writeTo(this.#fd, bytes);
    // The last room on a disk takes a part of a line: nothing may be joined to that.
    if (written > 0) this.#isTorn = bytes[written - 1] !== LF;
    if (written < bytes.length) throw new Error("the disk is full");
  }

  #rotate(): void {
    this.#rotateAt = performance.now() + ROTATE_AGAIN_MS;
    const copy = `${this.#path}.new`;
    try {
      copyFileSync(this.#path, copy);
    } catch (error) {
      rmSync(copy, { force: true });
      throw error;
    }
    try {
      renameSync(`${this.#path}.1`, `${this.#path}.2`);
    } catch {
      // There is no older log yet.
    }
    renameSync(copy, `${this.#path}.1`);
    ftruncateSync(this.#fd, 0);
    this.#rotateAt = 0;
  }
}

function endsWithinLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== LF;
}
