import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, renameSync, writeSync } from "node:fs";
import type { LogLevel } from "../core/config.ts";
import { configLogLevels } from "../core/config-keys.ts";
import { toStorageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

const LEVELS: readonly LogLevel[] = configLogLevels;
/** As the configuration's defaults. */
const DEFAULTS = { level: "debug", maxBytes: 5 * 1024 * 1024 } as const;

export interface LogFileOptions {
  /** The least urgent level that is written. */
  level?: LogLevel;
  /** The size at which it is rotated: with the two older files, a third of what the log takes. */
  maxBytes?: number;
  /** Gets each line too, for a daemon in the foreground. */
  echo?: ((line: string) => void) | undefined;
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
  #failed = false;

  /** @throws PictlError STORAGE_UNAVAILABLE */
  constructor(path: string, redact: (text: string) => string, options: LogFileOptions = {}) {
    const { level, maxBytes, echo } = { ...DEFAULTS, ...options };
    this.#path = path;
    this.#least = LEVELS.indexOf(level);
    this.#maxBytes = maxBytes;
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

  #write(level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    if (LEVELS.indexOf(level) < this.#least) return;
    const record = { time: new Date().toISOString(), level, pid: process.pid, message, ...fields };
    const line = `${this.#redact(JSON.stringify(record))}\n`;
    this.#echo?.(line);
    if (this.#failed) return;
    try {
      writeSync(this.#fd, line);
      if (fstatSync(this.#fd).size > this.#maxBytes) this.#rotate();
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
