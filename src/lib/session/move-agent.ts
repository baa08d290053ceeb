import type { Agent, AgentHandlers, AgentState } from "../agent/agent.ts";
import type { AgentRecord } from "../agent/rpc-channel.ts";
import { PictlError } from "../core/errors.ts";
import { isSameModel, modelOf } from "./promised.ts";
import { questionOf } from "./questions.ts";

/** A move takes about 15 ms, more where extensions do work. A start, which is what else there is, takes 320 ms. */
const MOVE_TIMEOUT_MS = 3_000;

/** What an agent must say of itself after it has moved to a session. */
export interface MoveTarget {
  sessionId: string;
  path: string;
  /** As a start with this file would have it; absent: not known, and pi's own choice. */
  model?: string | undefined;
  thinking?: string | undefined;
  /** Compares its tools to those of the session. */
  toolsDifference: (agent: Agent) => PictlError | undefined;
}

/**
 * Takes an agent out of its session, whose file it then no longer knows. pi writes nothing by that: the empty
 * session it holds instead gets a file only with its first answer, which never comes.
 *
 * @throws Error or PictlError when it didn't; the agent must be ended then
 */
export async function leaveSession(agent: Agent, sessionId: string): Promise<void> {
  const records: Buffered[] = [];
  await moved(agent, records, async (move) => {
    const state = await move({ type: "new_session" });
    if (state.sessionId === sessionId) throw new Error("it is still in its session");
    if (state.messageCount > 0) throw new Error("its new session isn't empty");
  });
}

/**
 * Moves an agent that has left its session to another one, and to that one's directory. What the extensions
 * there say meanwhile is given to the handlers at the end, as after a start.
 *
 * @throws Error or PictlError when it isn't there, or not quite; the agent must be ended then
 */
export async function enterSession(
  agent: Agent,
  target: MoveTarget,
  handlers: AgentHandlers,
): Promise<AgentState> {
  const records: Buffered[] = [];
  return await moved(agent, records, async (move) => {
    agent.tools = undefined;
    const state = await move({ type: "switch_session", sessionPath: target.path });
    const problem = differenceFrom(target, state) ?? target.toolsDifference(agent)?.message;
    if (problem !== undefined) throw new Error(problem);
    if (agent.hasEnded) throw new Error("it has ended");
    // In one step: a record that comes from here on goes to the session itself.
    agent.reportTo(handlers);
    for (const { record, raw } of records) handlers.onRecord(record, raw);
    return state;
  });
}

interface Buffered {
  record: AgentRecord;
  raw: Buffer;
}

type Move = (command: {
  type: "new_session" | "switch_session";
  sessionPath?: string;
}) => Promise<AgentState>;

/** Runs a move, which fails when the agent asks something: nobody is there to answer, and pi would wait. */
async function moved<T>(agent: Agent, records: Buffered[], run: (move: Move) => Promise<T>): Promise<T> {
  const asked = Promise.withResolvers<never>();
  asked.promise.catch(() => undefined);
  let question: Error | undefined;
  agent.reportTo({
    onRecord: (record, raw) => {
      const title = record.type === "extension_ui_request" ? questionOf(record)?.question.title : undefined;
      if (title === undefined) {
        records.push({ record, raw: Buffer.from(raw) });
        return;
      }
      question = new Error(`an extension asks "${title}"`);
      asked.reject(question);
    },
    onExit: () => asked.reject(new Error("it has ended")),
  });
  const move: Move = async (command) => {
    const { cancelled } = await agent.call(command, MOVE_TIMEOUT_MS);
    if (cancelled) throw new Error(`an extension has cancelled ${command.type}`);
    const state = await agent.call({ type: "get_state" }, MOVE_TIMEOUT_MS);
    // Read in the same moment as the last answer.
    if (question !== undefined) throw question;
    return state;
  };
  return await Promise.race([run(move), asked.promise]);
}

function differenceFrom(target: MoveTarget, state: AgentState): string | undefined {
  const { sessionId, sessionFile, model, thinkingLevel, isStreaming, isCompacting } = state;
  if (sessionId !== target.sessionId) return `it holds session ${sessionId}`;
  if (sessionFile !== target.path) return `its file is ${sessionFile}`;
  if (isStreaming || isCompacting) return "it works";
  const found = modelOf({ model });
  if (target.model !== undefined && !isSameModel(target.model, found)) return `its model is ${found}`;
  if (target.thinking !== undefined && target.thinking !== thinkingLevel)
    return `its thinking level is ${thinkingLevel}`;
  return undefined;
}

/** Why a move failed, in a line for the log. */
export function moveProblem(error: unknown): string {
  return error instanceof PictlError || error instanceof Error ? error.message : String(error);
}
