import { type AgentExit, howItEnded, lastWords } from "../agent/agent-exit.ts";
import { PictlError } from "../core/errors.ts";
import type { QuestionPolicy } from "../protocol/question-policies.ts";
import type { Turn, TurnOutcome } from "../protocol/session.ts";
import type { Asker } from "./questions.ts";
import { TurnTracker } from "./turn-tracker.ts";

/** The turn that a session is running, from the moment it is taken up to its end. */
export class ActiveTurn implements Asker {
  readonly id: string;
  /** What becomes of a question that comes in it. */
  readonly onQuestion: QuestionPolicy;
  readonly tracker = new TurnTracker();
  /** Names in the log the request that began it. */
  request: string | undefined;
  /** The session whose turn has asked for it, by a command of its tools. */
  askedBy: string | undefined;
  /** The prompt has been sent to pi. */
  sent = false;
  /** pi has accepted its prompt: what runs from then on is the prompt's own. */
  accepted = false;
  /** Refuses the prompt of a turn that ends before pi has it. */
  refuse: ((error: PictlError) => void) | undefined;
  /** The end of the turn was reported while its agent is still starting. */
  isTold = false;
  /** Answers the prompt before pi has accepted it. */
  acceptEarly: (() => void) | undefined;
  /** pi has begun a run for it. */
  running = false;
  /** With what an extension's command failed that took its prompt. */
  brokenCommand: string | undefined;
  /** Who has asked for its end. */
  abort: { pid: number | undefined } | undefined;
  /** It ends because it asked something where nobody may answer. */
  unanswered: PictlError | undefined;
  readonly #ended = Promise.withResolvers<void>();
  readonly #onFail: (turn: ActiveTurn) => void;

  /** @param onFail ends the turn, when it has asked where nobody may answer */
  constructor(id: string, onQuestion: QuestionPolicy, onFail: (turn: ActiveTurn) => void) {
    this.id = id;
    this.onQuestion = onQuestion;
    this.#onFail = onFail;
  }

  fail(error: PictlError): void {
    this.unanswered ??= error;
    this.#onFail(this);
  }

  /** Resolves when the turn has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Ends the turn.
   *
   * @param told how it ended, where its own events don't tell (it was handled, refused, or its agent is gone)
   * @returns its last record
   */
  end(told?: TurnOutcome, failure?: PictlError): Turn & { outcome: TurnOutcome } {
    this.#ended.resolve();
    const seen =
      told === undefined
        ? this.tracker.outcome(this.abort !== undefined)
        : { outcome: told, error: undefined };
    // What went wrong in the turn itself goes before what became of its file.
    const error = this.unanswered ?? seen.error ?? failure;
    const isFailed = this.unanswered !== undefined || (seen.outcome === "completed" && error !== undefined);
    return {
      id: this.id,
      state: "ended",
      outcome: isFailed ? "failed" : seen.outcome,
      ...(error === undefined
        ? {}
        : {
            error: {
              code: error.code,
              message: error.message,
              ...(error.hint ? { hint: error.hint } : {}),
              ...(error.retryable ? { retryable: true } : {}),
            },
          }),
      ...(this.abort?.pid === undefined ? {} : { abortedBy: this.abort.pid }),
      ...this.tracker.totals(),
    };
  }
}

/** Why a turn ended whose agent has gone in the middle of it. */
export function agentDiedError(exit: AgentExit): PictlError {
  const words = lastWords(exit);
  return new PictlError(
    "AGENT_DIED",
    `The pi process ${howItEnded(exit)} in the middle of the turn${words ? `:\n${words}` : "."}`,
    {
      hint: "Prompt again: the session goes on with all that pi had saved.",
      retryable: true,
    },
  );
}

/** pi tells no failure of a command that an extension takes, except as an event. */
export function brokenCommandError(message: string): PictlError {
  return new PictlError("TURN_FAILED", `The extension's command failed: ${message}`, {
    hint: "It is the extension's own error. See its path with `pictl session commands`.",
  });
}

/** A turn whose agent had to be ended to abort it; of others pi's own events tell the same (turn-tracker.ts). */
export function abortedError(): PictlError {
  return new PictlError("TURN_ABORTED", "The turn was aborted.");
}

export function abortedWhileWaiting(): PictlError {
  return new PictlError("TURN_ABORTED", "The prompt was aborted before its turn began.");
}
