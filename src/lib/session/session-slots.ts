import { limitExceeded } from "../core/limit-error.ts";

/** Looking for sessions that are gone reads a directory entry for each: not for every refused request. */
const TIDY_EVERY_MS = 60_000;

/**
 * Bounds the sessions that pictl knows. A slot is checked and reserved in one step, without an `await` between,
 * so that of many who come at once exactly as many get one as there are.
 */
export class SessionSlots {
  readonly #max: number;
  readonly #known: () => number;
  readonly #tidy: () => void;
  #reserved = 0;
  #tidiedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param known how many there are
   * @param tidy forgets those whose file somebody deleted
   */
  constructor(max: number, known: () => number, tidy: () => void) {
    this.#max = max;
    this.#known = known;
    this.#tidy = tidy;
  }

  /**
   * Keeps a slot for a session that is being made.
   *
   * @returns gives it back; to be called when the session is among the known ones, or won't be
   * @throws PictlError LIMIT_EXCEEDED
   */
  reserve(): () => void {
    if (this.#isFull() && performance.now() - this.#tidiedAt > TIDY_EVERY_MS) {
      this.#tidiedAt = performance.now();
      this.#tidy();
    }
    if (this.#isFull()) {
      throw limitExceeded(
        "max_sessions",
        this.#max,
        `pictl knows ${this.#max} sessions, and no more may be added.`,
        {
          hint: "Delete some with `pictl session delete`.",
        },
      );
    }
    this.#reserved += 1;
    let held = true;
    return () => {
      if (held) this.#reserved -= 1;
      held = false;
    };
  }

  #isFull(): boolean {
    return this.#known() + this.#reserved >= this.#max;
  }
}
