import { PictlError } from "../core/errors.ts";

/** How long a prompt waits for a place among the live agents; longer than most turns, but not for ever. */
const WAIT_TIMEOUT_MS = 60 * 60_000;

interface Waiter {
  grant: () => void;
  refuse: (error: PictlError) => void;
  timer: NodeJS.Timeout;
}

/**
 * What was done for somebody who waits: an idle session was parked; every place is held by a session that
 * works and will be idle; or all are held by sessions that can't be parked and have nothing to do.
 */
export type MakingRoom = "parked" | "working" | "stuck";

/**
 * Bounds the live agents. A session that needs one and finds none free first has an idle session parked; when
 * none is idle it waits, first come first served, unless there is nothing to wait for.
 */
export class AgentPlaces {
  readonly #limit: number;
  readonly #makeRoom: () => MakingRoom;
  readonly #waiting: Waiter[] = [];
  #taken = 0;
  #closed: PictlError | undefined;

  constructor(limit: number, makeRoom: () => MakingRoom) {
    this.#limit = limit;
    this.#makeRoom = makeRoom;
  }

  /**
   * Takes a place, checked and reserved in one step. Each must be given back with {@link release}.
   *
   * @throws PictlError LIMIT_EXCEEDED, or the reason that {@link close} was given
   */
  async take(): Promise<void> {
    if (this.#closed) throw this.#closed;
    if (this.#taken < this.#limit) {
      this.#taken += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      reject(this.#limitReached("were busy for an hour"));
    }, WAIT_TIMEOUT_MS);
    const waiter: Waiter = { grant: resolve, refuse: reject, timer };
    this.#waiting.push(waiter);
    this.offerIdle();
    await promise;
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
    if (this.#waiting.length === 0) return;
    if (this.#makeRoom() === "stuck") this.#refuseAll(this.#limitReached("belong to ephemeral sessions"));
  }

  /** Refuses whoever waits and whoever comes: the daemon is stopping. */
  close(reason: PictlError): void {
    this.#closed = reason;
    this.#refuseAll(reason);
  }

  #refuseAll(reason: PictlError): void {
    for (const { refuse, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      refuse(reason);
    }
  }

  #limitReached(why: string): PictlError {
    return new PictlError("LIMIT_EXCEEDED", `All ${this.#limit} agents ${why}, and no more may run.`, {
      hint: "End one with `pictl session close` (see `pictl session list --all`), or raise limits.max_live_agents in config.toml.",
      details: { limit: "max_live_agents", value: this.#limit },
      retryable: true,
    });
  }
}
