import type { SessionInfo, SessionState } from "../protocol/session.ts";

/** Every state, in the order of a session's life. A record, so that one that is missing doesn't compile. */
const STATES: Record<SessionState, true> = {
  starting: true,
  idle: true,
  working: true,
  compacting: true,
  waiting: true,
  parked: true,
  stopped: true,
};
export const sessionStates = Object.keys(STATES) as SessionState[];

/** The first `limit` sessions in this state; without either, all of them. */
export function selectSessions(
  sessions: readonly SessionInfo[],
  { state, limit }: { state?: SessionState | undefined; limit?: number | undefined },
): SessionInfo[] {
  return sessions.filter((session) => state === undefined || session.state === state).slice(0, limit);
}
