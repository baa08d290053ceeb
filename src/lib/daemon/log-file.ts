import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, renameSync, writeSync } from "node:fs";
import { toStorageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

/** A log of at most 5 MB and two older ones: weeks of ordinary use, and a bound for the other kind. */
const MAX_LOG_BYTES = 5 * 1024 * 1024;

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
  #failed = false;

  /**
   * @param echo gets each line too, for a daemon in the foreground
   * @throws PictlError STORAGE_UNAVAILABLE
   */
  constructor(path: string, redact: (text: string) => string, echo?: (line: string) => void) {
    this.#path = path;
    try {
      this.#fd = openSync(path, "a", 0o600);
    } catch (error) {
      throw toStorageError(error, path);
    }
    this.#redact = redact;
    this.#echo = echo;
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

  #write(level: string, message: string, fields: Record<string, unknown> = {}): void {
    const record = { time: new Date().toISOString(), level, pid: process.pid, message, ...fields };
    const line = `${this.#redact(JSON.stringify(record))}\n`;
    this.#echo?.(line);
    if (this.#failed) return;
    try {
      writeSync(this.#fd, line);
      if (fstatSync(this.#fd).size > MAX_LOG_BYTES) this.#rotate();
    } catch {
      // A full disk must not end the daemon; without a log there is nowhere left to say so.
      this.#failed = true;
    }
  }

  #rotate(): void {
    try {
      renameSync(`${this.#path}.1`, `${this.#path}.2`);
    } catch {
      // There is no older log yet.
    }
    copyFileSync(this.#path, `${this.#path}.1`);
    ftruncateSync(this.#fd, 0);
  }
}
