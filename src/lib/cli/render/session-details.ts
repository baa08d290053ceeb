import { formatAge } from "../../core/duration.ts";
import type { SessionInfo } from "../../protocol/session.ts";
import type { Colors } from "./color.ts";
import { renderDetails } from "./details.ts";
import { compactNumber, dollars, shortPath, timeOf } from "./numbers.ts";
import { stateText } from "./session-state.ts";

/** One session as aligned lines. */
export function renderSessionDetails(session: SessionInfo, colors: Colors, now: number = Date.now()): string {
  const { tokens } = session;
  const age = formatAge(Math.max(0, now - session.modifiedAt));
  const notes = [
    ...(session.current ? ["current session of its directory"] : []),
    ...(session.ephemeral ? ["ephemeral: gone when its agent ends"] : []),
    ...(session.origin === "pi" ? ["made by pi's own terminal interface"] : []),
    ...(session.origin === "pi" && session.sandbox !== undefined
      ? ["in a sandbox because sandboxed agents could write where its file is"]
      : []),
    ...(session.usedElsewhere ? ["another pictl daemon runs a turn in it"] : []),
    ...(session.interrupted
      ? ["its last turn was cut by the end of its agent or of the daemon; all that pi had saved is there"]
      : []),
  ];
  return renderDetails(
    {
      ID: session.id,
      Name: session.name,
      State: `${stateText(session)}${session.agentPid === undefined ? "" : ` (process ${session.agentPid})`}`,
      Sandbox: session.sandbox,
      Turn: session.turnId,
      Directory: shortPath(session.cwd),
      Model: session.model,
      Thinking: session.thinking,
      Messages: String(session.messages),
      Tokens: `${compactNumber(tokens.total)} (input ${compactNumber(tokens.input)}, output ${compactNumber(tokens.output)}, cache read ${compactNumber(tokens.cacheRead)}, cache write ${compactNumber(tokens.cacheWrite)})`,
      Cost: dollars(session.cost),
      Created: timeOf(session.createdAt),
      Modified: `${timeOf(session.modifiedAt)} (${age === "now" ? "just now" : `${age} ago`})`,
      File: session.file === undefined ? undefined : shortPath(session.file),
      Parent: session.parentSession === undefined ? undefined : shortPath(session.parentSession),
      Note: notes.length === 0 ? undefined : notes.join("; "),
    },
    colors,
  );
}
