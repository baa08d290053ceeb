import type { PictlError } from "../core/errors.ts";
import { limitExceeded } from "../core/limit-error.ts";
import type { RequestParams, RequestResults } from "../protocol/requests.ts";
import type { Caller } from "./caller.ts";

/** As the configuration's default. */
const MAX_WAITING = 100;

export type PromptParams = Omit<
  RequestParams<"prompt">,
  "sessionId" | "cwd" | "create" | "fresh" | "subscribe"
>;
export type Accepted = Omit<RequestResults["prompt"], "created">;

export interface QueuedPrompt {
  turnId: string;
  params: PromptParams;
  caller: Caller;
  /** When it came, in milliseconds since the epoch. */
  since: number;
  /** One of the two is called first; what is called after it does nothing. */
  accept: (data: Accepted) => void;
  reject: (error: PictlError) => void;
}

/** The prompts of one session that wait their turn, in order. */
export class PromptQueue {
  readonly #max: number;
  readonly #waiting: QueuedPrompt[] = [];

  /** @param max that may wait behind a running turn */
  constructor(max: number = MAX_WAITING) {
    this.#max = max;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** @throws PictlError LIMIT_EXCEEDED */
  add(prompt: QueuedPrompt): void {
    if (this.#waiting.length >= this.#max) {
      throw limitExceeded(
        "max_waiting_prompts",
        this.#max,
        `${this.#max} prompts already wait for this session.`,
        {
          hint: "Wait until some are done.",
          retryable: true,
        },
      );
    }
    this.#waiting.push(prompt);
  }

  /** What waits, in order. */
  list(): { turnId: string; message: string }[] {
    return this.#waiting.map(({ turnId, params }) => ({ turnId, message: params.message }));
  }

  next(): QueuedPrompt | undefined {
    return this.#waiting.shift();
  }

  /** Takes out the prompt of this turn. */
  remove(turnId: string): QueuedPrompt | undefined {
    const index = this.#waiting.findIndex((prompt) => prompt.turnId === turnId);
    return index === -1 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  /** Takes out all of them. */
  clear(): QueuedPrompt[] {
    return this.#waiting.splice(0);
  }
}
