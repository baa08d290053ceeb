import { formatDuration } from "../../core/duration.ts";
import { shortIds } from "./short-ids.ts";

/** As many are named; the rest is a number. */
const MAX_NAMED = 5;

/** The line that says which sessions the end of the daemon waits for. */
export function runningSessionsLine(
  running: readonly { sessionId: string; state: string }[],
  limitMs: number,
): string {
  const ids = shortIds(running.map(({ sessionId }) => sessionId));
  const named = running
    .slice(0, MAX_NAMED)
    .map(({ sessionId, state }) => `${ids.get(sessionId) ?? sessionId} (${state})`);
  const rest = running.length - named.length;
  const list = [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
  const what = running.length === 1 ? "a session" : `${running.length} sessions`;
  return `Waiting for ${what} to finish, for at most ${formatDuration(limitMs)}: ${list}\n`;
}
