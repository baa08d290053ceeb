import { resolve } from "node:path";
import type { AgentState } from "../agent/agent.ts";
import { PictlError } from "../core/errors.ts";
import type { SessionRecord } from "./registry.ts";

/**
 * What to say when an agent holds another session than it was given: a command of an extension may move pi
 * (`ctx.newSession` and the like, pi's extensions.md). What it was told next would be written into a file that this
 * daemon has not locked.
 *
 * @returns undefined when it is where it should be
 */
export function movedAwayError(
  { id, file, cwd }: Pick<SessionRecord, "id" | "file" | "cwd">,
  { sessionId, sessionFile }: AgentState,
): PictlError | undefined {
  // pi names the file as its settings name the directory.
  const isSameFile = sessionFile !== undefined && resolve(cwd, sessionFile) === file;
  if (sessionId === id && (file === undefined || isSameFile)) return undefined;
  return new PictlError(
    "TURN_FAILED",
    `An extension has moved pi from session ${id} to session ${sessionId}, so this agent was ended.`,
    {
      hint: `Session ${id} goes on with a new agent. What was said in the other one, see with \`pictl session show ${sessionId}\`.`,
      details: {
        sessionId: id,
        movedTo: sessionId,
        ...(sessionFile === undefined ? {} : { file: sessionFile }),
      },
    },
  );
}
