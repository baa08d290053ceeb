import type { PictlError } from "../core/errors.ts";
import { limitExceeded } from "../core/limit-error.ts";
import type { Connection } from "./connection.ts";
import type { Figures } from "./figures.ts";

/** One client as the daemon counts it: its number, its requests and which of them wait for an answer. */
export class ClientLink {
  readonly connection: Connection;
  readonly number: number;
  readonly #ended = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  readonly #figures: Figures;
  #requests = 0;
  #pending = 0;

  constructor(connection: Connection, figures: Figures) {
    this.connection = connection;
    this.#figures = figures;
    figures.connections.accepted += 1;
    this.number = figures.connections.accepted;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Fires when the connection has ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Takes note of a request. @returns its name in the log (`c12-3`), and what notes its one answer */
  begin(): { name: string; answered: (failed: boolean) => boolean } {
    this.#figures.requests.received += 1;
    this.#requests += 1;
    this.#pending += 1;
    return {
      name: `c${this.number}-${this.#requests}`,
      answered: (failed) => {
        if (this.signal.aborted) return false;
        this.#pending -= 1;
        this.#figures.requests[failed ? "failed" : "answered"] += 1;
        return true;
      },
    };
  }

  /** Why this connection may ask nothing more before some of its requests are answered. */
  overload(maxPending: number): PictlError | undefined {
    if (this.#pending <= maxPending) return undefined;
    const message = `${maxPending} requests of this connection wait for their answers.`;
    const hint = "Wait for some of the answers.";
    return limitExceeded("max_pending_requests", maxPending, message, { hint, retryable: true });
  }

  /** The connection has ended: nobody waits for what is not answered yet. */
  end(): void {
    if (this.signal.aborted) return;
    this.#figures.connections.closed += 1;
    this.#figures.requests.dropped += this.#pending;
    this.#pending = 0;
    this.#ended.abort();
    this.#closed.resolve();
  }
}
