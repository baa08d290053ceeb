import type { SessionInfo, SessionState } from "../../protocol/session.ts";
import type { Colors } from "./color.ts";

/** What a session is doing, with the prompts that wait behind it: `working +2`. */
export function stateText({ state, queued }: Pick<SessionInfo, "state" | "queued">): string {
  return queued > 0 ? `${state} +${queued}` : state;
}

/** The colour of a state: what works is green, what needs somebody yellow, what has no process dim. */
export function paintState(state: SessionState, text: string, colors: Colors): string {
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
