import { PictlError } from "../core/errors.ts";

/** After the limit, what can't be cancelled (a start, a read) gets this long to end before the process ends anyway. */
const EXIT_AFTER_MS = 200;

/** The time limit of a whole command. */
export class Deadline {
  readonly timeoutMs: number;
  readonly #startedAt: number;

  /** @param startedAt as `performance.now()` counts: 0 is the start of this process */
  constructor(timeoutMs: number, startedAt = 0) {
    this.timeoutMs = timeoutMs;
    this.#startedAt = startedAt;
  }

  get remainingMs(): number {
    return Math.max(0, Math.ceil(this.#startedAt + this.timeoutMs - performance.now()));
  }

  /** The same limit, counted from this moment. */
  fromNow(): Deadline {
    return new Deadline(this.timeoutMs, performance.now());
  }

  /**
   * Waits for work, but not longer than the limit.
   *
   * @param what names what the limit cuts, as the subject of a sentence: "Reading the prompt"
   * @throws PictlError TIMEOUT, or what the work rejects with
   */
  async limit<T>(what: string, work: Promise<T>): Promise<T> {
    const expired = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      setTimeout(() => process.exit(), EXIT_AFTER_MS).unref();
      expired.reject(this.#error(what));
    }, this.remainingMs);
    try {
      return await Promise.race([work, expired.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #error(what: string): PictlError {
    return new PictlError("TIMEOUT", `${what} did not end within ${this.timeoutMs / 1000} s.`, {
      hint: "--timeout counts from the start of the command. Raise it, or check what the command waits for.",
      details: { timeoutMs: this.timeoutMs },
    });
  }
}

/** The deadline that `--timeout` sets. Throws USAGE for what is no duration. */
export async function deadlineFrom(flag: string | undefined): Promise<Deadline | undefined> {
  if (flag === undefined) return undefined;
  const { parseDuration } = await import("../core/duration.ts");
  return new Deadline(parseDuration(flag));
}

/** Waits for work, within the deadline where there is one. */
export function within<T>(deadline: Deadline | undefined, what: string, work: Promise<T>): Promise<T> {
  return deadline === undefined ? work : deadline.limit(what, work);
}
