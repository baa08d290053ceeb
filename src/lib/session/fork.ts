import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Agent, AgentHandlers, AgentState } from "../agent/agent.ts";
import { abridgeText } from "../core/cut-text.ts";
import { PictlError } from "../core/errors.ts";
import { agentDirOf, listSessionFiles, sessionDirOf } from "../core/session-files/locate.ts";
import { agentDirAround } from "../core/session-files/sandboxed-directory.ts";
import type { ForkPoint } from "../protocol/requests.ts";
import { type AgentPlan, type AgentStarter, placeOf, type StartedAgent } from "./agent-starter.ts";
import type { Caller } from "./caller.ts";
import { claimedState } from "./claimed-state.ts";
import { makeSandboxedDirectory, removeSandboxedDirectory } from "./kept-session.ts";
import { findDifference, isSameModel, modelOf } from "./promised.ts";
import type { SessionRecord } from "./registry.ts";
import type { Session } from "./session.ts";
import { withModel } from "./session-agent.ts";
import { realDirectory, type Sessions } from "./sessions.ts";

/** A fork is made of what pi has saved; it needs no more than the time to start an agent. */
const COMMAND_TIMEOUT_MS = 30_000;

export interface BranchOptions {
  /** The entry to fork from; absent: the active branch as it is. */
  at?: ForkPoint | undefined;
  name?: string | undefined;
  /** Of the new session; absent: those of its parent. */
  directory?: string | undefined;
  model?: string | undefined;
  thinking?: string | undefined;
}

/**
 * Makes a new session out of one that stays as it is: a second pi opens the parent's file, which it only
 * reads, branches there, and becomes the new session's agent. (The parent's own agent would leave its session.)
 *
 * @returns the new session, and with `at` the text of the message that was forked from
 */
export async function branchSession(
  sessions: Sessions,
  parent: Session,
  options: BranchOptions,
  caller: Caller,
): Promise<{ session: Session; text: string }> {
  const { record } = parent;
  const directory =
    options.directory === undefined
      ? record.cwd
      : realDirectory(options.directory, sessions.starter.agentPlaces());
  sessions.requireFile(parent);
  sessions.settleOptions(parent.record, caller);
  const place = placeOf(record);
  if (place.kind !== "file") {
    throw new PictlError(
      "ENTRY_NOT_FOUND",
      `Session ${record.id} has nothing to ${options.at ? "fork" : "clone"} yet.`,
      {
        hint: record.options.ephemeral
          ? "An ephemeral session has no file; only sessions that are saved can be forked or cloned."
          : "Prompt it first.",
        details: { sessionId: record.id },
      },
    );
  }
  sessions.admit(record.id);
  const there = { record: { ...record, cwd: directory } };
  const named = options.name === undefined ? undefined : sessions.reserveName(options.name, there, caller);
  try {
    const release = sessions.reserve();
    try {
      return await branchInto(sessions, parent, { ...options, name: named?.name, directory }, caller);
    } finally {
      release();
    }
  } finally {
    named?.release();
  }
}

async function branchInto(
  sessions: Sessions,
  parent: Session,
  options: BranchOptions & { directory: string },
  caller: Caller,
): Promise<{ session: Session; text: string }> {
  const { record } = parent;
  const { directory, model, thinking } = options;
  const plan = sessions.agentPlan(record, { model, thinking });
  plan.cwd = directory;
  const own = await sandboxedBranch(sessions, record, plan, caller);
  // pi opens no session whose directory is gone, clones a session into its own directory, and writes a model that it is
  // started with into the file that it opens: it copies the whole file. In a sandbox it only reads the parent's.
  const isCopied =
    own !== undefined || directory !== record.cwd || model !== undefined || thinking !== undefined;
  if (own !== undefined)
    Object.assign(plan, { options: record.options, directory: own.directory, isSandboxed: true });
  const copyId = isCopied ? (own?.copyId ?? randomUUID()) : undefined;
  if (copyId !== undefined && plan.place.kind === "file") plan.place = { ...plan.place, copyId };
  const isNew = (id: string) => sessions.all().every((session) => session.id !== id);
  const removeCopy = () => {
    if (copyId !== undefined) removeFileOf(copyId, directory, sessions.starter, caller);
  };
  const removeAll = () => {
    removeCopy();
    if (own !== undefined) removeSandboxedDirectory(own.directory);
  };
  // The new session's id is pi's to choose, so records that come before it is known have nobody to go to.
  let handlers: AgentHandlers | undefined;
  const began = Date.now();
  const { agent, state, text } = await sessions.withPlace(() =>
    sessions.starter
      .start(plan, caller, {
        onRecord: (...record) => handlers?.onRecord(...record),
        onExit: (exit) => handlers?.onExit(exit),
      })
      .then(async (started) => {
        try {
          const branched = await branch(started, options.at, isCopied);
          // The copy was only a step: nobody knows it yet, and the agent has left it.
          if (branched.state.sessionId !== copyId) removeCopy();
          branched.state = await keepModel(started, branched.state);
          const state = claimedState(started.agent, branched.state, directory, isNew);
          return { agent: started.agent, text: branched.text, state };
        } catch (error) {
          await started.agent.stop();
          throw error;
        }
      })
      .catch((error: unknown) => {
        removeAll();
        throw error;
      }),
  );
  const now = Date.now();
  const {
    name: _,
    openTurn: __,
    interrupted: ___,
    file: ____,
    seen: _____,
    promised: ______,
    promisedTools: _______,
    parent: ________,
    ...inherited
  } = record;
  const added: SessionRecord = {
    ...inherited,
    ...(model === undefined ? {} : { options: withModel(record.options, model) }),
    id: state.sessionId,
    cwd: directory,
    ...(state.sessionFile === undefined ? {} : { file: state.sessionFile }),
    ...(own === undefined ? {} : { agentDir: agentDirAround(own.directory), parent: record.file }),
    origin: "pictl",
    createdAt: now,
    usedAt: now,
    closed: false,
    written: options.at === undefined,
  };
  let session: Session | undefined;
  try {
    session = sessions.add(added);
    sessions.settleOptions(added, caller);
    handlers = session.handlersFor(() => agent);
    await sessions.recordBranch(session, parent, agent, began);
    await sessions.drive(session, agent, caller);
  } catch (error) {
    if (session !== undefined) sessions.forget(session);
    await agent.stop();
    removeAll();
    throw error;
  }
  session.adopt(agent, state);
  const parentName = sessions.info(parent).name;
  // pi hands the parent's name on, and a name that two sessions have would name neither.
  const isInherited = isCopied || state.sessionName === parentName;
  const inheritedName = state.sessionName !== undefined && isInherited;
  const kind = options.at ? "fork" : "clone";
  const nth = (count: number) => `${parentName} (${count === 1 ? kind : `${kind} ${count}`})`;
  const free =
    inheritedName && !options.name ? sessions.reserveFreeName(nth, { record: added }, caller) : undefined;
  const name = options.name ?? free?.name;
  try {
    if (name !== undefined) await session.rename(name, caller);
  } catch (error) {
    // Who asked for it is told that there is none.
    await session.close(caller);
    sessions.forget(session);
    removeAll();
    throw error;
  } finally {
    free?.release();
  }
  return { session, text };
}

/**
 * Makes the directory of a branch that is going to run in a sandbox.
 *
 * @returns with the id of the copy that is made there first; undefined for a branch that has no sandbox
 */
async function sandboxedBranch(
  sessions: Sessions,
  record: SessionRecord,
  plan: AgentPlan,
  caller: Caller,
): Promise<{ copyId: string; directory: string } | undefined> {
  const copyId = randomUUID();
  const prepare = async ({ options }: Pick<SessionRecord, "options">) =>
    (await sessions.starter.prepare({ ...plan, options, sessionId: copyId, directory: undefined }, caller))
      .sandbox;
  const sandbox = (await prepare(plan)) ?? (sessions.keepSandbox(record) ? await prepare(record) : undefined);
  if (sandbox?.sessionDir === undefined) return undefined;
  const directory = dirname(sandbox.sessionDir);
  const { name: _, file: parent, ...copied } = record;
  makeSandboxedDirectory(
    directory,
    { ...copied, id: copyId, cwd: plan.cwd, ...(parent === undefined ? {} : { parent }) },
    sandbox,
  );
  return { copyId, directory };
}

async function branch(
  { agent, state: copied }: StartedAgent,
  at: ForkPoint | undefined,
  isCopied: boolean,
): Promise<{ state: AgentState; text: string }> {
  if (isCopied && at === undefined) return { state: copied, text: "" };
  const command =
    at === undefined
      ? { type: "clone" as const }
      : { type: "fork" as const, entryId: await idInPi(agent, at) };
  const { cancelled, text } = await agent.call(command, COMMAND_TIMEOUT_MS);
  if (cancelled) {
    throw new PictlError("AGENT_COMMAND_FAILED", `An extension of pi cancelled the ${command.type}.`);
  }
  const state = await agent.call({ type: "get_state" }, COMMAND_TIMEOUT_MS);
  return { state, text: text ?? at?.text ?? "" };
}

/** Removes the file of a copy that nobody wants. It is found by its id, so nothing that an agent says decides. */
function removeFileOf(copyId: string, cwd: string, starter: AgentStarter, caller: Caller): void {
  const env = starter.environmentOf(caller);
  const sessionDir = sessionDirOf(env, cwd, () => starter.agentPlaces());
  const place = { agentDir: agentDirOf(env, cwd), sessionDir, cwd };
  for (const { path, id } of listSessionFiles({ ...place, idPrefix: copyId }).files)
    if (id === copyId) rmSync(path, { force: true });
}

/**
 * Gives the branch the model and level that the session has now. pi restores those of the entry that it was forked at,
 * and takes its default where there is no message before that.
 */
async function keepModel({ agent, state }: StartedAgent, branched: AgentState): Promise<AgentState> {
  const { model, thinkingLevel: level } = state;
  const name = modelOf(state);
  if (model === undefined || name === undefined) return branched;
  const isOther = !isSameModel(name, modelOf(branched));
  if (!isOther && level === branched.thinkingLevel) return branched;
  if (isOther) {
    const command = { type: "set_model", provider: model.provider, modelId: model.id };
    await agent.call(command, COMMAND_TIMEOUT_MS);
  }
  await agent.call({ type: "set_thinking_level", level }, COMMAND_TIMEOUT_MS);
  const kept = await agent.call({ type: "get_state" }, COMMAND_TIMEOUT_MS);
  const difference = findDifference(undefined, { model: name, thinking: level }, kept);
  if (difference !== undefined) throw difference.error;
  return kept;
}

/**
 * The entry's id as the agent has it. Entries of a file of format 1 have none until pi has read it: what they are
 * called here is their place, of eight digits.
 */
async function idInPi(agent: Agent, { entryId, number }: ForkPoint): Promise<string> {
  if (!/^\d{8}$/.test(entryId)) return entryId;
  const { messages } = await agent.call({ type: "get_fork_messages" }, COMMAND_TIMEOUT_MS);
  if (messages.some((message) => message.entryId === entryId)) return entryId;
  return messages[number - 1]?.entryId ?? entryId;
}

/**
 * The user message that `--at` means: an entry id, or its number among the user messages.
 *
 * @throws PictlError ENTRY_NOT_FOUND listing the choices
 */
export function findForkPoint(points: readonly ForkPoint[], at: string | number): ForkPoint {
  // An entry id may consist of digits, or read as 1e5: it goes before the number that it also looks like.
  const found =
    points.find(({ entryId }) => entryId === at) ??
    points.find(({ number }) => String(number) === String(at));
  if (found !== undefined) return found;
  const choices = points
    .map((point) => `  ${point.number}  ${point.entryId}  ${firstLine(point.text)}`)
    .join("\n");
  throw new PictlError("ENTRY_NOT_FOUND", `There is no user message ${at} to fork from.`, {
    hint: points.length > 0 ? `Choose one of:\n${choices}` : "The session has no messages yet.",
    details: { at, choices: points },
  });
}

function firstLine(text: string): string {
  return abridgeText(text.split("\n", 1)[0] ?? "", 60);
}
