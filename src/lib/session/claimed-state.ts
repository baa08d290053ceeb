import { lstatSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Agent, AgentState } from "../agent/agent.ts";
import { PictlError } from "../core/errors.ts";
import { sessionIdOfFileName } from "../core/session-files/locate.ts";

/**
 * What an agent says of its session, with the whole path of its file: pi gives it as its settings name the directory. In
 * a sandbox what can't be so is refused. What runs there may answer for pi, and the file it names would be read,
 * deleted, and its directory opened to the next agent, all of it outside.
 *
 * @param cwd that pi runs in
 * @param isExpected whether the session may have this id
 * @throws PictlError AGENT_START_FAILED; the agent must be ended then
 */
export function claimedState(
  agent: Agent,
  state: AgentState,
  cwd: string,
  isExpected: (id: string) => boolean,
): AgentState {
  const { sessionId } = state;
  const claimed =
    state.sessionFile === undefined ? state : { ...state, sessionFile: resolve(cwd, state.sessionFile) };
  if (agent.sandbox === undefined) return claimed;
  if (!isExpected(sessionId))
    throw forged(`holds session ${sessionId}, which isn't the one it was started for`);
  const { sessionFile } = claimed;
  const problem = sessionFile && fileProblem(sessionFile, sessionId, agent.sandbox.sessionDir);
  if (problem) throw forged(`says that its session's file is ${sessionFile}, which ${problem}`);
  return claimed;
}

function fileProblem(file: string, sessionId: string, sessionDir: string | undefined): string | undefined {
  if (sessionDir === undefined || dirname(file) !== resolve(sessionDir))
    return `is not in its session directory ${sessionDir}`;
  if (!file.endsWith(".jsonl") || sessionIdOfFileName(basename(file)) !== sessionId)
    return "isn't named for its session";
  // pi makes the file with the first answer.
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === false ? "is not a regular file" : undefined;
}

function forged(what: string): PictlError {
  return new PictlError("AGENT_START_FAILED", `The pi in the sandbox ${what}, so it was ended.`, {
    hint: "An extension of pi, or what the agent has run, may have answered for it: see what is in the workspace.",
  });
}
