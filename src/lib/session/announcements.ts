import type { Question, QuestionState } from "../protocol/question.ts";
import type { SessionState, Turn } from "../protocol/session.ts";
import { EventLog, type HistoryBounds } from "./event-log.ts";
import { Subscribers } from "./subscribers.ts";
import { Waits } from "./waits.ts";

/** What a session tells: to its log, to those who subscribe to it, and to those who wait for it to change. */
export class Announcements {
  readonly log: EventLog;
  readonly subscribers: Subscribers;
  readonly #waits = new Waits();
  readonly #state: () => SessionState;
  #shownState: SessionState | undefined;

  /** @param state gives the session's state as it is now */
  constructor(sessionId: string, bounds: HistoryBounds | undefined, state: () => SessionState) {
    this.log = new EventLog(sessionId, bounds);
    this.subscribers = new Subscribers(sessionId, this.log);
    this.#state = state;
  }

  emitTurn(turn: Turn): void {
    this.log.append("turn", { turn });
    this.#flush();
  }

  /** Reports the session's state to subscribers when it differs from the last one reported, and to waits always. */
  emitState(): void {
    const state = this.#state();
    if (state !== this.#shownState) {
      this.#shownState = state;
      this.log.append("state", { state });
      this.subscribers.flush();
    }
    // What a wait looks at may change while the state stays the same, as the end of a short command.
    this.#waits.changed();
  }

  emitQuestion(state: QuestionState, question: Question): void {
    this.log.append("question", { state, question });
    this.emitState();
    this.#flush();
  }

  /** Waits until `find` finds something; see {@link Waits.until}. */
  until<T>(find: () => T | undefined, signal: AbortSignal): Promise<T> {
    return this.#waits.until(find, signal);
  }

  #flush(): void {
    this.subscribers.flush();
    this.#waits.changed();
  }
}
