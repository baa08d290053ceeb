import { formatDuration } from "../../core/duration.ts";
import { replaceStderrLine, writeStderr } from "../output.ts";

/** An answer that comes sooner needs no explanation. */
const SHOW_AFTER_MS = 1_000;
const TICK_MS = 1_000;

/** Shows on a terminal, until there is something else to see, that a silent model is waited for, and how long. */
export class WaitingLine {
  readonly #since = performance.now();
  readonly #canReplace: boolean;
  #timer: NodeJS.Timeout | undefined;
  #isShown = false;

  /** @param isDumb whether the terminal can't replace a line: then one is printed once */
  constructor(isDumb: boolean) {
    this.#canReplace = !isDumb;
    this.#timer = setTimeout(() => this.#show(), SHOW_AFTER_MS);
  }

  get isActive(): boolean {
    return this.#timer !== undefined;
  }

  /** Makes room for something else on stderr; the line comes back below it. */
  clear(): void {
    if (this.#isShown) replaceStderrLine("");
    this.#isShown = false;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.clear();
  }

  #show(): void {
    if (!this.#canReplace) {
      void writeStderr("Waiting for the model…\n");
      return;
    }
    this.#isShown = true;
    replaceStderrLine(`Waiting for the model… ${formatDuration(performance.now() - this.#since)}`);
    this.#timer = setTimeout(() => this.#show(), TICK_MS);
  }
}
