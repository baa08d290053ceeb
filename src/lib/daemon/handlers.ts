import type { SandboxProfile } from "../core/choices.ts";
import { PictlError } from "../core/errors.ts";
import type { History } from "../history/history.ts";
import type { RequestName, RequestParams, RequestResults } from "../protocol/requests.ts";
import type { Caller } from "../session/caller.ts";
import { deleteSession, refuseElsewhere, refuseShortPrefix } from "../session/delete.ts";
import { exportSession } from "../session/export.ts";
import { forkPoints } from "../session/files/transcript.ts";
import { branchSession, findForkPoint } from "../session/fork.ts";
import { lastingOptions } from "../session/lasting-options.ts";
import { refuseOtherOptions } from "../session/option-differences.ts";
import { optionFlag } from "../session/option-flag.ts";
import type { Session } from "../session/session.ts";
import { sessionTranscript } from "../session/session-entries.ts";
import type { Sessions } from "../session/sessions.ts";
import type { Sink } from "../session/subscribers.ts";
import { historyHandlers } from "./history-handlers.ts";

/** A command that pictl doesn't know may be work, but nobody waits longer for it unasked. */
const SEND_TIMEOUT_MS = 10 * 60_000;

/** What a handler may use: the sessions, the daemon itself, and the connection that asked. */
export interface HandlerContext {
  /** The daemon waits for its last turns: what would begin new work is refused. */
  isStopping: boolean;
  /** Why this connection may ask nothing more now. */
  overload?: PictlError | undefined;
  sessions: Sessions;
  history: History;
  caller: Caller;
  sink: Sink;
  /** Fires when the connection has ended: nobody waits for an answer any more. */
  signal: AbortSignal;
  daemon: {
    status(): RequestResults["get_daemon_status"];
    diagnostics(caller: Caller): Promise<RequestResults["get_diagnostics"]>;
    stop(how: { now?: boolean | undefined; force?: boolean | undefined }): void;
    /** Stops in the moment in which nothing runs. Throws the signal's reason when that fires first. */
    stopWhenIdle(signal: AbortSignal, began: () => void): Promise<void>;
    readonly drainTimeoutMs: number;
  };
}

/** Answers the request; called at most once, also from within an agent's event. */
type Reply<N extends RequestName> = (data: RequestResults[N]) => void;

type Handlers = {
  [N in RequestName]: (
    params: RequestParams<N>,
    context: HandlerContext,
    reply: Reply<N>,
  ) => Promise<void> | void;
};

/** One handler for each request of the protocol's table, which fails to compile when one is missing. */
export const handlers: Handlers = {
  async create_session(params, { sessions, caller }, reply) {
    const chosen = await sessions.optionsFor(params.cwd, params.options);
    sessions.admit();
    const session = sessions.create({ ...params, ...chosen }, caller);
    await sessions.openNew(session, caller);
    if (params.current !== false) sessions.makeCurrent(session);
    reply({ sessionId: session.id, session: sessions.info(session), ...warningsOfNew(session) });
  },

  async ensure_session(params, { sessions, caller }, reply) {
    const { name, cwd, options: asked = {}, current } = params;
    const chosen = await sessions.optionsFor(cwd, asked);
    // From here to the session's creation nothing is awaited: of several requests at once, one creates it.
    const found = sessions.namedHere(name, cwd, caller);
    if (found === undefined) sessions.admit();
    const session = found ?? sessions.create({ name, cwd, ...chosen }, caller);
    if (found === undefined) await sessions.openNew(session, caller);
    else await sessions.whenOpen(session);
    if (found !== undefined) {
      const places = sessions.starter.agentPlaces();
      const wanted = lastingOptions(asked, session.record.cwd, caller.environment ?? {}, places);
      refuseOtherOptions(session, sessions.info(session), wanted);
    }
    if (current !== false) sessions.makeCurrent(session);
    const info = sessions.info(session);
    const warnings = found === undefined ? warningsOfNew(session) : warningsOf(session);
    reply({ sessionId: session.id, session: info, created: found === undefined, ...warnings });
  },

  list_sessions({ cwd }, { sessions, caller }, reply) {
    reply({ sessions: sessions.list(cwd, caller) });
  },

  match_sessions({ cwd, word }, { sessions, caller }, reply) {
    reply({ sessions: sessions.meant(word, cwd, caller) });
  },

  async get_session({ messages, ...target }, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    const info = { ...sessions.info(session), options: session.record.options };
    const displayed = session.notices.length === 0 ? {} : { notices: session.notices };
    if (!messages) return reply({ session: info, ...displayed });
    reply({ session: info, ...displayed, messages: await sessionTranscript(session, caller) });
  },

  async prompt({ create, fresh, subscribe, sessionId, cwd, ...prompt }, context, reply) {
    const { sessions, caller, sink, signal } = context;
    const mayCreate = sessionId === undefined && (fresh || create !== undefined);
    const chosen =
      mayCreate && cwd !== undefined ? await sessions.optionsFor(cwd, create?.options) : undefined;
    // From here to the session's creation nothing is awaited: two first prompts in a directory share one session.
    const existing = fresh
      ? undefined
      : mayCreate
        ? sessions.current({ cwd }, caller)
        : sessions.find({ sessionId, cwd }, caller);
    if (existing !== undefined) {
      const { noSandbox, ...others } = create?.options ?? {};
      const isLeftOut = noSandbox === true && (await sessions.leaveOutSandbox(existing, caller));
      refuseCreateOptions(existing, isLeftOut ? { ...create, options: others } : create);
      if (subscribe && !signal.aborted) existing.subscribers.add(sink);
      await existing.prompt(prompt, caller, (data) => reply({ ...data, created: false }));
      return;
    }
    if (cwd === undefined)
      throw new PictlError("INVALID_INPUT", "A prompt that creates a session needs `cwd`.");
    const session = sessions.create(
      { cwd, ...(create?.name ? { name: create.name } : {}), ...chosen },
      caller,
    );
    if (subscribe && !signal.aborted) session.subscribers.add(sink);
    await sessions.whileBecomingCurrent(session, async () => {
      try {
        await session.prompt(prompt, caller, (data) => {
          sessions.makeCurrent(session);
          reply({ ...data, created: true, ...warningsOf(session, data.warnings) });
        });
      } catch (error) {
        // Its first prompt was refused: nothing was said in it that could be lost.
        session.retire();
        await session.close(caller);
        sessions.forget(session);
        throw error;
      }
    });
  },

  async abort({ turnId, ...target }, { sessions, caller }, reply) {
    reply(await sessions.find(target, caller).abort(turnId, caller));
  },

  async fork({ at, ...params }, { sessions, caller }, reply) {
    const { target, options } = branchParams(params);
    const parent = sessions.find(target, caller);
    const point = findForkPoint(forkPoints(await sessionTranscript(parent, caller)), at);
    const { session, text } = await branchSession(sessions, parent, { at: point, ...options }, caller);
    reply({ sessionId: session.id, text });
  },

  async clone(params, { sessions, caller }, reply) {
    const { target, options } = branchParams(params);
    const parent = sessions.find(target, caller);
    const { session } = await branchSession(sessions, parent, options, caller);
    reply({ sessionId: session.id });
  },

  async get_fork_messages(target, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    reply({ sessionId: session.id, messages: forkPoints(await sessionTranscript(session, caller)) });
  },

  async set_session_name({ name, ...target }, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    reply({ sessionId: session.id, name: await sessions.rename(session, name, caller) });
  },

  async close_session(target, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    await sessions.writers.refuseHeld(session.record, caller.environment);
    reply({ sessionId: session.id, closed: await session.close(caller) });
  },

  async delete_session(target, { sessions, caller }, reply) {
    const session = sessions.find(target, { ...caller, usesElsewhere: refuseElsewhere });
    refuseShortPrefix(target.sessionId, session);
    reply(await deleteSession(sessions, session, caller));
  },

  async export_session({ format, outputPath, ...target }, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    await exportSession(sessions, session, { format, outputPath }, caller);
    reply({ sessionId: session.id, path: outputPath });
  },

  respond({ questionId, answer, ...target }, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    reply({ sessionId: session.id, question: session.respond(questionId, answer) });
  },

  async wait({ for: conditions, ...target }, { sessions, caller, signal }, reply) {
    const session = sessions.find(target, caller);
    // What another daemon does with it isn't known here.
    if (session.agentPid === undefined && !session.isBusy)
      await sessions.writers.refuseHeld(session.record, caller.environment);
    reply(await session.wait(conditions, signal));
  },

  async review_session({ accept = false, ...target }, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    reply({ sessionId: session.id, ...(await sessions.starter.baselines.review(session.id, { accept })) });
  },

  get_queue(target, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    reply({ sessionId: session.id, ...session.queue });
  },

  async clear_queue(target, { sessions, caller }, reply) {
    const session = sessions.find(target, caller);
    reply({ sessionId: session.id, ...(await session.clearQueue()) });
  },

  async send_record({ record, timeoutMs = SEND_TIMEOUT_MS, ...target }, { sessions, caller }, reply) {
    refuseMove(record.type);
    const session = sessions.find(target, caller);
    const data = await session.command(record, caller, { timeoutMs });
    reply({ sessionId: session.id, ...(data === undefined ? {} : { data }) });
  },

  subscribe({ since, ...target }, { sessions, caller, sink }, reply) {
    const session = sessions.find(target, caller);
    reply({ sessionId: session.id, seq: since ?? session.log.lastSeq });
    session.subscribers.add(sink, since);
  },

  unsubscribe(target, { sessions, caller, sink }, reply) {
    const session = sessions.find(target, caller);
    session.subscribers.remove(sink);
    reply({ sessionId: session.id });
  },

  ...historyHandlers,

  get_daemon_status(_params, { daemon }, reply) {
    reply(daemon.status());
  },

  async get_diagnostics(_params, { daemon, caller }, reply) {
    reply(await daemon.diagnostics(caller));
  },

  async stop_daemon({ whenIdle, ...how }, { daemon, signal }, reply) {
    const answer = () => reply({ stopping: true, drainTimeoutMs: daemon.drainTimeoutMs });
    if (whenIdle) return await daemon.stopWhenIdle(signal, answer);
    answer();
    daemon.stop(how);
  },
};

/** Which session is copied, and what the copy has of its own. */
function branchParams({ name, directory, model, thinking, ...target }: RequestParams<"clone">) {
  return { target, options: { name, directory, model, thinking } };
}

/** Also takes what its next prompt would report. */
function warningsOfNew(session: Session): { warnings?: string[] } {
  return warningsOf(session, session.warnings.take());
}

function warningsOf({ sandboxWarnings }: Session, others: string[] = []): { warnings?: string[] } {
  const warnings = [...sandboxWarnings, ...others];
  return warnings.length === 0 ? {} : { warnings };
}

/** Options of a new session that would be ignored in silence must be refused instead. */
function refuseCreateOptions(session: Session, create: RequestParams<"prompt">["create"]): void {
  const { model: _, thinking: __, sandbox, ...others } = create?.options ?? {};
  refuseOtherSandbox(session, sandbox);
  const given = [
    ...(Object.keys(others) as (keyof typeof others)[]),
    ...(create?.name === undefined ? [] : ["name" as const]),
  ];
  if (given.length === 0) return;
  throw new PictlError(
    "INVALID_INPUT",
    `Session ${session.id} exists already, so ${given.map(optionFlag).join(", ")} can't be set now.`,
    {
      hint: "Use --new for a session of its own, or leave these options out.",
      details: { sessionId: session.id, options: given },
    },
  );
}

/** A sandbox that was asked for must not be left out in silence; the one that the session has is what was asked for. */
function refuseOtherSandbox(session: Session, asked: SandboxProfile | undefined): void {
  const has = session.sandboxProfile;
  if (asked === undefined || asked === has) return;
  throw new PictlError(
    "SANDBOX_REQUIRED",
    `Session ${session.id} exists already, and ${has === undefined ? "has no sandbox" : `its sandbox is ${has}`}.`,
    {
      hint: `Start another one with --new --sandbox ${asked}, or leave --sandbox out.`,
      details: { sessionId: session.id, sandbox: has ?? null, asked },
    },
  );
}

/** pi's commands that move its agent to another session, and what to use instead. */
const MOVES: Readonly<Record<string, string>> = {
  new_session: "`pictl session create`",
  switch_session: "-s with the other session",
  fork: "`pictl session fork`",
  clone: "`pictl session clone`",
};

/** Which agent holds which session, and who has which name, is the daemon's to decide. */
function refuseMove(type: string): void {
  if (type === "set_session_name") {
    throw new PictlError("INVALID_INPUT", "A name is given by the daemon's own request set_session_name.", {
      hint: "Send it as a request, or use `pictl session rename`.",
      details: { type },
    });
  }
  if (!Object.hasOwn(MOVES, type)) return;
  throw new PictlError("INVALID_INPUT", `${type} would move the agent to another session.`, {
    hint: `Use ${MOVES[type]} instead.`,
    details: { type },
  });
}
