import { parseLine } from "../core/session-files/json.ts";

const WINDOW_MS = 60_000;

/**
 * Lines that are no records, in a minute. pi itself writes none; something that it started and that shares its
 * stdout may print a few.
 */
const MAX_GARBAGE_LINES = 1_000;

/**
 * Notices an agent that sends without end. What it sends is bounded in memory anyway; but it takes the daemon's
 * time, which all sessions share, and nobody reads what no model can have said.
 */
export class FloodGuard {
  readonly #maxBytes: number;
  readonly #now: () => number;
  #since: number;
  #bytes = 0;
  #garbage = 0;

  /** @param maxBytes in a minute; 0: as many as it likes */
  constructor(maxBytes: number, now: () => number = () => performance.now()) {
    this.#maxBytes = maxBytes;
    this.#now = now;
    this.#since = now();
  }

  /** @returns why the agent must be ended, or undefined while all is well */
  bytes(count: number): string | undefined {
    this.#turn();
    this.#bytes += count;
    if (this.#maxBytes <= 0 || this.#bytes <= this.#maxBytes) return undefined;
    return `sent more than ${this.#maxBytes} bytes in a minute (limits.max_agent_bytes_per_minute)`;
  }

  /** Takes a line that is no record; see {@link bytes}. */
  garbage(): string | undefined {
    this.#turn();
    this.#garbage += 1;
    if (this.#garbage <= MAX_GARBAGE_LINES) return undefined;
    return `printed more than ${MAX_GARBAGE_LINES} lines in a minute that are not RPC`;
  }

  #turn(): void {
    const now = this.#now();
    if (now - this.#since < WINDOW_MS) return;
    this.#since = now;
    this.#bytes = 0;
    this.#garbage = 0;
  }
}

/**
 * Whether a line that is no record holds one that broke: cut in the middle, with something printed into it, or of millions
 * of values. What it said is lost, maybe the end of a turn, so the stream can't be relied on any more.
 */
export function isBrokenRecord(line: string): boolean {
  return line.includes('{"type":"') && parseLine(line) === undefined;
}
