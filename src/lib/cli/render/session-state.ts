import type { SessionInfo, SessionState } from "../../protocol/session.ts";
import type { Colors } from "./color.ts";

/**
 * What a session is doing, with the prompts that wait behind it: `working +2`. One that rests because its last
 * turn was cut is `cut`: nothing in it has been brought to an end. One that another daemon works in is `elsewhere`.
 */
export function stateText(
  session: Pick<SessionInfo, "state" | "queued" | "interrupted" | "usedElsewhere">,
): string {
  const state = shownState(session);
  return session.queued > 0 ? `${state} +${session.queued}` : state;
}

/** The state in a word. */
export function shownState(
  session: Pick<SessionInfo, "state" | "interrupted" | "usedElsewhere">,
): SessionState | "cut" | "elsewhere" {
  return session.usedElsewhere ? "elsewhere" : isCut(session) ? "cut" : session.state;
}

/** Whether the end of its agent or of the daemon cut its last turn, and nothing was done about it since. */
export function isCut({ state, interrupted }: Pick<SessionInfo, "state" | "interrupted">): boolean {
  return interrupted === true && (state === "idle" || state === "parked");
}

/** The colour of a state: what works is green, what needs somebody yellow, what has no process dim. */
export function paintState(
  session: Pick<SessionInfo, "state" | "interrupted">,
  text: string,
  colors: Colors,
): string {
  const state: SessionState = session.state;
  if (isCut(session)) return colors.yellow(text);
  switch (state) {
    case "starting":
    case "compacting":
      return colors.cyan(text);
    case "working":
      return colors.green(text);
    case "waiting":
      return colors.yellow(text);
    case "parked":
    case "stopped":
      return colors.dim(text);
    case "idle":
      return text;
  }
}
