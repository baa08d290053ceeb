import { PictlError } from "../core/errors.ts";
import type { RequestParams, RequestResults } from "../protocol/requests.ts";
import type { Caller } from "./caller.ts";

/** Prompts that may wait behind a running turn; more than this is a script that went wrong. */
const MAX_QUEUED_PROMPTS = 100;

export type PromptParams = Omit<
  RequestParams<"prompt">,
  "sessionId" | "cwd" | "create" | "fresh" | "subscribe"
>;
export type Accepted = Omit<RequestResults["prompt"], "created">;

export interface QueuedPrompt {
  turnId: string;
  params: PromptParams;
  caller: Caller;
  /** Exactly one of the two is called, once. */
  accept: (data: Accepted) => void;
  reject: (error: PictlError) => void;
}

/** The prompts of one session that wait their turn, in order. */
export class PromptQueue {
  readonly #waiting: QueuedPrompt[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  /** @throws PictlError LIMIT_EXCEEDED */
  add(prompt: QueuedPrompt): void {
    if (this.#waiting.length >= MAX_QUEUED_PROMPTS) {
      throw new PictlError("LIMIT_EXCEEDED", `${MAX_QUEUED_PROMPTS} prompts already wait for this session.`, {
        hint: "Wait until some are done.",
        details: { limit: "queued_prompts", value: MAX_QUEUED_PROMPTS },
        retryable: true,
      });
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
