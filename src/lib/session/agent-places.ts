import type { PictlError } from "../core/errors.ts";
import { limitExceeded } from "../core/limit-error.ts";

/** How long a prompt waits for a place among the live agents; longer than most turns, but not for ever. */
const WAIT_TIMEOUT_MS = 60 * 60_000;
/** What keeps a session from being parked besides its turn (a command that runs on) ends without a word. */
const LOOK_AGAIN_MS = 2_000;

interface Waiter<T> {
  accepts: (offered: T) => boolean;
  grant: (handed: T | undefined) => void;
  refuse: (error: unknown) => void;
  timer: NodeJS.Timeout;
  name: string;
  askedBy: string | undefined;
  since: number;
}

export interface TakeOptions<T> {
  /** Of who waits, for {@link AgentPlaces.waiting}. */
  name?: string;
  /** The session whose turn asks, by a command of its tools: it holds a place of its own meanwhile. */
  askedBy?: string | undefined;
  /** Whether what is handed over with a place is of use; absent: it isn't. */
  accepts?: (offered: T) => boolean;
  /** Called, with the reason, when no place will be free before some session has done its work. */
  onWaiting?: (because: string) => void;
  /** Leaves the line when it fires, with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * What was done for those who wait: places are coming, of agents that end or leave their session; every place
 * is held by a session that works and will be idle; all are held by sessions that can't be parked and have nothing to
 * do; or all by turns that wait for one another's places themselves.
 */
export type MakingRoom = "coming" | "working" | "stuck" | "deadlocked";

/**
 * Bounds the live agents, whether they belong to a session or not. Who needs a place and finds none free has
 * room made; when none can be made he waits, first come first served, unless there is nothing to wait for.
 */
export class AgentPlaces<T = never> {
  readonly #limit: number;
  readonly #makeRoom: (waiting: number) => MakingRoom;
  readonly #waiting: Waiter<T>[] = [];
  #lookAgain: NodeJS.Timeout | undefined;
  #taken = 0;
  #closed: PictlError | undefined;

  /** @param makeRoom makes room for one more; called again with each that comes to wait */
  constructor(limit: number, makeRoom: (waiting: number) => MakingRoom) {
    this.#limit = limit;
    this.#makeRoom = makeRoom;
  }

  /** Those who wait, the longest first, and since when (milliseconds since the epoch). */
  get waiting(): { name: string; since: number }[] {
    return this.#waiting.map(({ name, since }) => ({ name, since }));
  }

  /** Sessions whose turns wait here, by what their tools have asked for. */
  get askers(): string[] {
    return this.#waiting.flatMap(({ askedBy }) => askedBy ?? []);
  }

  /** Whether that one has a use for what could be handed over to it. */
  firstAccepts(offered: T): boolean {
    return this.#waiting[0]?.accepts(offered) === true;
  }

  get free(): number {
    return this.#closed ? 0 : this.#limit - this.#taken;
  }

  /**
   * Takes a place, checked and reserved in one step. Each must be given back with {@link release}.
   *
   * @returns what was handed over with it, if anything
   * @throws PictlError LIMIT_EXCEEDED, or the reason that {@link close} was given, or the signal's
   */
  async take(options: TakeOptions<T> = {}): Promise<T | undefined> {
    const { name = "", askedBy, accepts = () => false, onWaiting, signal } = options;
    if (this.#closed) throw this.#closed;
    signal?.throwIfAborted();
    if (this.#taken < this.#limit) {
      this.#taken += 1;
      return undefined;
    }
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    const timer = setTimeout(() => leave(this.#limitReached("were busy for an hour")), WAIT_TIMEOUT_MS);
    const waiter: Waiter<T> = {
      accepts,
      grant: resolve,
      refuse: reject,
      timer,
      name,
      askedBy,
      since: Date.now(),
    };
    const leave = (reason: unknown) => {
      const index = this.#waiting.indexOf(waiter);
      if (index === -1) return;
      this.#waiting.splice(index, 1);
      clearTimeout(timer);
      reject(reason);
    };
    const onAbort = () => leave(signal?.reason);
    const ahead = this.#waiting.push(waiter) - 1;
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (this.offerIdle() === "working" && this.#waiting.includes(waiter)) onWaiting?.(this.#busy(ahead));
      return await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Gives a place back, to whoever has waited longest. */
  release(): void {
    if (!this.#grant(undefined)) this.#taken -= 1;
  }

  /**
   * Gives a place back together with what stands in it, when whoever has waited longest has a use for that.
   *
   * @returns whether it was
   */
  handOver(offered: T): boolean {
    return this.firstAccepts(offered) && this.#grant(offered);
  }

  /** To be called when a session becomes idle: somebody may be waiting for its place. */
  offerIdle(): MakingRoom | undefined {
    clearTimeout(this.#lookAgain);
    if (this.#waiting.length === 0) return undefined;
    const made = this.#makeRoom(this.#waiting.length);
    if (made === "stuck") this.#refuseAll(this.#limitReached("belong to ephemeral sessions"));
    // The others can go on once one turn has its answer.
    if (made === "deadlocked") this.#refuseNewestAsker();
    if (made === "working" || made === "deadlocked") {
      this.#lookAgain = setTimeout(() => this.offerIdle(), LOOK_AGAIN_MS);
      this.#lookAgain.unref();
    }
    return made;
  }

  /** Refuses whoever waits and whoever comes: the daemon is stopping. */
  close(reason: PictlError): void {
    this.#closed = reason;
    clearTimeout(this.#lookAgain);
    this.#refuseAll(reason);
  }

  #grant(handed: T | undefined): boolean {
    const next = this.#waiting.shift();
    if (next === undefined) return false;
    clearTimeout(next.timer);
    next.grant(handed);
    return true;
  }

  #refuseNewestAsker(): void {
    const index = this.#waiting.findLastIndex(({ askedBy }) => askedBy !== undefined);
    const [newest] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (newest === undefined) return;
    clearTimeout(newest.timer);
    newest.refuse(this.#limitReached("are held by turns that wait for an agent themselves"));
  }

  #refuseAll(reason: PictlError): void {
    for (const { refuse, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      refuse(reason);
    }
  }

  #busy(ahead: number): string {
    const all = this.#limit === 1 ? "the only agent is busy" : `all ${this.#limit} agents are busy`;
    if (ahead === 0) return all;
    return `${all}, and ${ahead === 1 ? "another session has" : `${ahead} others have`} waited longer`;
  }

  #limitReached(why: string): PictlError {
    const message = `All ${this.#limit} agents ${why}, and no more may run.`;
    const hint = "End one with `pictl session close` (see `pictl session list --all`).";
    return limitExceeded("max_live_agents", this.#limit, message, { hint, retryable: true });
  }
}
