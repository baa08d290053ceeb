import type { SessionInfo } from "../protocol/session.ts";
import { shownState } from "./render/session-state.ts";

type ShownState = ReturnType<typeof shownState>;

/** Every state that is shown, in the order of a session's life. A record, so that one that is missing doesn't compile. */
const STATES: Record<ShownState, true> = {
  starting: true,
  idle: true,
  working: true,
  compacting: true,
  waiting: true,
  parked: true,
  stopped: true,
  cut: true,
  elsewhere: true,
};
export const sessionStates = Object.keys(STATES) as ShownState[];

/**
 * The first `limit` sessions in this state; without either, all of them. One that is shown as cut or elsewhere is also in
 * the state that JSON gives it.
 */
export function selectSessions(
  sessions: readonly SessionInfo[],
  { state, limit }: { state?: ShownState | undefined; limit?: number | undefined },
): SessionInfo[] {
  const isIn = (session: SessionInfo) => session.state === state || shownState(session) === state;
  return sessions.filter((session) => state === undefined || isIn(session)).slice(0, limit);
}
