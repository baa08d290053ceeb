/** A live pi answers from memory at once; this long it may be kept from it by a machine that swaps. */
const PROBE_TIMEOUT_MS = 15_000;
/** How often is looked, at most: what is found then is up to this much older. */
const MAX_TICK_MS = 1_000;
/** Looks within each of the two times, at least. */
const TICKS = 8;

export interface WatchdogOptions {
  /** Silence after which the agent is asked whether it is there; 0: it is never watched. */
  silenceMs: number;
  /** Silence after the question, after which it is stuck. */
  probeMs?: number;
  /** Whether the agent owes something: the answer to a command, or the end of a turn. */
  isExpected: () => boolean;
  /** Asks for something that any live agent answers. */
  probe: () => void;
  /** Called once. */
  onStuck: (silentMs: number) => void;
}

/**
 * Tells an agent that is stuck from one that is slow. A model or a tool may be silent for as long as it likes:
 * pi still answers a question from memory. One that sends not a single byte after being asked answers nobody.
 *
 * Time is counted in looks and not by the clock, so that a machine that was suspended, or a daemon that was
 * stopped, doesn't take its own absence for the agent's.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #tickMs: number;
  readonly #probeMs: number;
  #timer: NodeJS.Timeout | undefined;
  #heard = false;
  #silentMs = 0;
  #probed = false;
  #ended = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#probeMs = options.probeMs ?? Math.min(PROBE_TIMEOUT_MS, options.silenceMs);
    const shortest = Math.min(options.silenceMs, this.#probeMs);
    this.#tickMs = Math.max(1, Math.min(MAX_TICK_MS, Math.floor(shortest / TICKS)));
  }

  /** A byte has come. */
  heard(): void {
    this.#heard = true;
  }

  /** Begins to watch, if it is on and doesn't already. It rests by itself when nothing is expected any more. */
  watch(): void {
    if (this.#options.silenceMs <= 0 || this.#ended || this.#timer !== undefined) return;
    this.#silentMs = 0;
    this.#probed = false;
    this.#timer = setInterval(() => this.#look(), this.#tickMs);
    this.#timer.unref();
  }

  /** Asks at once: something has taken too long already. */
  suspect(): void {
    this.watch();
    if (this.#timer === undefined || this.#probed) return;
    this.#silentMs = this.#options.silenceMs;
  }

  /** Stops for good. */
  end(): void {
    this.#ended = true;
    this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { silenceMs, isExpected, probe, onStuck } = this.#options;
    if (this.#heard) {
      this.#heard = false;
      this.#silentMs = 0;
      this.#probed = false;
      if (!isExpected()) this.#rest();
      return;
    }
    this.#silentMs += this.#tickMs;
    if (!this.#probed && this.#silentMs >= silenceMs) {
      this.#probed = true;
      this.#silentMs = silenceMs;
      // The question is itself something that is expected.
      probe();
      return;
    }
    if (!this.#probed) {
      if (!isExpected()) this.#rest();
      return;
    }
    if (this.#silentMs < silenceMs + this.#probeMs) return;
    this.end();
    onStuck(this.#silentMs);
  }
}
