import type { TurnOutcome } from "../protocol/session.ts";

/** Turns since the daemon started; those that ended are counted by how. */
export type TurnFigures = { started: number } & Record<TurnOutcome, number>;

/** Agents since the daemon started: those that became ready, and those of them that have ended. */
export interface AgentFigures {
  started: number;
  ended: number;
}

export function noTurns(): TurnFigures {
  return { started: 0, completed: 0, failed: 0, aborted: 0, truncated: 0, died: 0, handled: 0 };
}
