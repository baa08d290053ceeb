import { PictlError } from "../core/errors.ts";

/** How long a prompt waits for a place among the live agents; longer than most turns, but not for ever. */
const WAIT_TIMEOUT_MS = 60 * 60_000;

interface Waiter {
  grant: () => void;
  timer: NodeJS.Timeout;
}

/**
 * Bounds the live agents. A session that needs one and finds none free first has an idle session parked; when
 * none is idle it waits, first come first served.
 */
export class AgentPlaces {
  readonly #limit: number;
  /** Frees a place by parking an idle session; false when none is idle. */
  readonly #parkOne: () => boolean;
  readonly #waiting: Waiter[] = [];
  #taken = 0;

  constructor(limit: number, parkOne: () => boolean) {
    this.#limit = limit;
    this.#parkOne = parkOne;
  }

  /** Takes a place, checked and reserved in one step. Each must be given back with {@link release}. */
  async take(): Promise<void> {
    if (this.#taken < this.#limit) {
      this.#taken += 1;
      return;
    }
    const granted = new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        grant: resolve,
        timer: setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
          reject(
            new PictlError("LIMIT_EXCEEDED", `All ${this.#limit} agents were busy for an hour.`, {
              hint: "Raise limits.max_live_agents in config.toml, or end a turn with `pictl session abort`.",
              details: { limit: "max_live_agents", value: this.#limit },
              retryable: true,
            }),
          );
        }, WAIT_TIMEOUT_MS),
      };
      this.#waiting.push(waiter);
    });
    this.#parkOne();
    await granted;
  }

  /** Gives a place back, to whoever has waited longest. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#taken -= 1;
      return;
    }
    clearTimeout(next.timer);
    next.grant();
  }

  /** To be called when a session becomes idle: somebody may be waiting for its place. */
  offerIdle(): void {
    if (this.#waiting.length > 0) this.#parkOne();
  }
}
