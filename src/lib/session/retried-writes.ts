import { toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

/** A disk that is full is seldom so for long, and a try costs next to nothing. */
const RETRY_MS = 5_000;

/**
 * Writes to the registry that may wait: a full disk must neither end the turn that causes one nor refuse a look at
 * what is there. What fails is logged and tried again, with the next write and after a while; it is lost only when
 * the daemon ends before.
 */
export class RetriedWrites {
  readonly #log: Logger;
  readonly #pending = new Map<string, () => void>();
  #retry: NodeJS.Timeout | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param key of what is written: a later write of the same takes the place of one that waits */
  write(key: string, action: () => void): void {
    this.#pending.delete(key);
    if (this.#succeeds(key, action)) this.flush();
    else this.#pending.set(key, action);
  }

  /** Tries all that waits, up to the first that fails: the others would fail for the same reason. */
  flush(): void {
    for (const [key, action] of [...this.#pending]) {
      this.#pending.delete(key);
      if (this.#succeeds(key, action)) continue;
      // Behind the others, should the reason be its own.
      this.#pending.set(key, action);
      return;
    }
  }

  #succeeds(key: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#log.error("could not be saved yet", { what: key, error: toPictlError(error).message });
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.flush(), RETRY_MS);
      this.#retry.unref();
      return false;
    }
  }
}
