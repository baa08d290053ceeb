import type { ErrorBody } from "../../core/errors.ts";
import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";

/** What is known of a turn beside its own records. */
export interface TurnContext {
  sessionId: string;
  turnId: string;
  created: boolean;
}

/** Shows one turn in one output format. Methods that return a promise are awaited in order. */
export interface TurnView {
  /** Each record of the session from the turn's start to its end, the last one included, in order. */
  record(record: PushRecord): void;
  /** The turn has ended, or the wait for it has: `error` says why then. */
  end(turn: Turn | undefined, context: TurnContext, error: ErrorBody | undefined): Promise<void>;
  /** Whether something of this record is seen; absent: nothing is before the end. */
  shows?(record: PushRecord): boolean;
  /** Somebody else is going to write to the terminal. */
  endLine?(): void;
}
