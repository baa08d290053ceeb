import { formatDuration } from "../core/duration.ts";
import { PictlError } from "../core/errors.ts";

/** The first restart hardly waits; a session whose agent dies again and again must not burn the machine. */
const FIRST_MS = 250;
const MAX_MS = 30_000;
/** An agent that has lived this long doesn't die of how it was started. */
const LIVED_MS = 60_000;

/**
 * How long the next start of a session's agent has to wait: 250 ms after the first death or failed start, twice
 * as long after each that follows, up to 30 s, counted from the last one. A turn that ends by itself sets it back.
 */
export class RestartDelay {
  readonly #now: () => number;
  readonly #waiting = new Set<() => void>();
  #failures = 0;
  #failedAt = 0;
  #startedAt = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Deaths and failed starts in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** What a start that came now would have to wait. */
  get remainingMs(): number {
    if (this.#failures === 0) return 0;
    const delay = Math.min(MAX_MS, FIRST_MS * 2 ** (this.#failures - 1));
    return Math.max(0, Math.ceil(this.#failedAt + delay - this.#now()));
  }

  /** An agent has been started. */
  started(): void {
    this.#startedAt = this.#now();
  }

  /** It has died, or did not become ready. */
  failed(): void {
    const now = this.#now();
    if (this.#startedAt > 0 && now - this.#startedAt >= LIVED_MS) this.#failures = 0;
    this.#startedAt = 0;
    this.#failures += 1;
    this.#failedAt = now;
  }

  /** A turn has ended by itself: its agent works. */
  worked(): void {
    this.#failures = 0;
  }

  /** Waits until the next start may come, or until {@link skip}. */
  async wait(): Promise<void> {
    const delay = this.remainingMs;
    if (delay === 0) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, delay);
      this.#waiting.add(done);
    });
  }

  /** Lets nobody wait any longer: what they wait for isn't wanted any more. */
  skip(): void {
    for (const done of [...this.#waiting]) done();
  }
}

/** Whether a failed start was a process that ended or hung: what was refused before costs nothing to try again. */
export function countsAsDeath(error: unknown): boolean {
  return error instanceof PictlError && (error.code === "AGENT_START_FAILED" || error.code === "AGENT_DIED");
}

/** What a prompt is told that waits for {@link RestartDelay}. */
export function restartDelayed(failures: number, delayMs: number): string {
  const what = failures === 1 ? "its agent has died" : `its agent has died ${failures} times in a row`;
  return `${what}, the next one starts in ${formatDuration(delayMs)}`;
}
