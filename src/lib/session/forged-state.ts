import { lstatSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Agent, AgentState } from "../agent/agent.ts";
import { PictlError } from "../core/errors.ts";
import { sessionIdOfFileName } from "../core/session-files/locate.ts";

/**
 * Refuses what an agent in a sandbox says of its session unless it can be so: what runs inside may answer for pi, and
 * the file it names would be read, deleted, and its directory opened to the next agent, all of it outside.
 *
 * @param isExpected whether the session may have this id
 * @throws PictlError AGENT_START_FAILED; the agent must be ended then
 */
export function refuseForgedState(
  agent: Agent,
  { sessionId, sessionFile, sessionName = "" }: AgentState,
  isExpected: (id: string) => boolean,
): void {
  if (agent.sandbox === undefined) return;
  if (!isExpected(sessionId))
    throw forged(`holds session ${sessionId}, which isn't the one it was started for`);
  if (![sessionFile ?? "", sessionName].every((text: unknown) => typeof text === "string"))
    throw forged("answers get_state with what is no text");
  if (sessionFile === undefined) return;
  const { sessionDir } = agent.sandbox;
  const problem =
    sessionDir === undefined || dirname(sessionFile) !== resolve(sessionDir)
      ? `is not in its session directory ${sessionDir}`
      : !sessionFile.endsWith(".jsonl") || sessionIdOfFileName(basename(sessionFile)) !== sessionId
        ? "isn't named for its session"
        : // pi makes the file with the first answer.
          lstatSync(sessionFile, { throwIfNoEntry: false })?.isFile() === false
          ? "is not a regular file"
          : undefined;
  if (problem !== undefined) throw forged(`says that its session's file is ${sessionFile}, which ${problem}`);
}

function forged(what: string): PictlError {
  return new PictlError("AGENT_START_FAILED", `The pi in the sandbox ${what}, so it was ended.`, {
    hint: "An extension of pi, or what the agent has run, may have answered for it: see what is in the workspace.",
  });
}
