import type { Client } from "../../client/client.ts";
import { PictlError } from "../../core/errors.ts";
import type { Answer, Question } from "../../protocol/question.ts";
import type { PushRecord } from "../../protocol/records.ts";
import { writeStderr } from "../output.ts";

/** Asks a person, as `askQuestion` does. */
type Ask = (question: Question, signal: AbortSignal) => Promise<Answer | undefined>;

/** Puts the questions of a session to the person at this terminal, one after the other, and hands the answers back. */
export class QuestionAnswerer {
  readonly #client: Client;
  readonly #ask: Ask;
  readonly #open = new Map<string, AbortController>();
  #asking: Promise<void> = Promise.resolve();

  constructor(client: Client, ask: Ask) {
    this.#client = client;
    this.#ask = ask;
  }

  record(record: PushRecord): void {
    if (record.type !== "question") return;
    const { sessionId, question, state } = record;
    if (state !== "open") {
      this.#open.get(question.id)?.abort();
      this.#open.delete(question.id);
      return;
    }
    const closed = new AbortController();
    this.#open.set(question.id, closed);
    this.#asking = this.#asking.then(() => this.#answer(sessionId, question, closed.signal));
  }

  /** Takes the questions back that are still on the screen. */
  async close(): Promise<void> {
    for (const closed of this.#open.values()) closed.abort();
    await this.#asking;
  }

  async #answer(sessionId: string, question: Question, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      const answer = await this.#ask(question, signal);
      if (answer === undefined) return;
      await this.#client.request("respond", { sessionId, questionId: question.id, answer });
    } catch (error) {
      // Answered elsewhere in the same moment: what counts is that it was answered.
      if (error instanceof PictlError && error.code === "QUESTION_NOT_FOUND") return;
      await writeStderr(
        `The question could not be answered: ${error instanceof Error ? error.message : error}\n`,
      );
      const decline = { sessionId, questionId: question.id, answer: { cancelled: true } as const };
      await this.#client.request("respond", decline).catch(() => undefined);
    }
  }
}
