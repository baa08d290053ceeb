import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import type { Agent, AgentExit, AgentState } from "../agent/agent.ts";
import { PictlError, toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { QuestionPolicy } from "../protocol/question-policies.ts";
import type { RequestResults } from "../protocol/requests.ts";
import type { Turn, TurnOutcome } from "../protocol/session.ts";
import {
  ActiveTurn,
  abortedError,
  abortedWhileWaiting,
  agentDiedError,
  brokenCommandError,
} from "./active-turn.ts";
import type { Announcements } from "./announcements.ts";
import { askingSession, type Caller } from "./caller.ts";
import { turnNotSavedError } from "./file-lost.ts";
import { movedAwayError } from "./moved-away.ts";
import type { Parking } from "./parking.ts";
import { type Accepted, type PromptParams, PromptQueue, type QueuedPrompt } from "./prompt-queue.ts";
import type { Questions } from "./questions.ts";
import type { SessionRecord } from "./registry.ts";
import type { Reloading } from "./reloading.ts";
import { handOver, sendPrompt } from "./send-prompt.ts";
import type { SessionAgent } from "./session-agent.ts";
import type { Starting } from "./starting.ts";
import type { Warnings } from "./warnings.ts";

/** How long pi may take to act on an abort before its process is ended instead. */
const ABORT_TIMEOUT_MS = 10_000;
/** After this long the end of a turn that was never sent is told, also while its agent is still starting. */
const UNSENT_ABORT_MS = 1_000;
/** Commands that are answered from memory; longer means the agent is stuck. */
const COMMAND_TIMEOUT_MS = 30_000;

/** What turns need from what holds the session. */
export interface TurnHost {
  readonly log: Logger;
  /** Counts a request that begins work in this session. Throws LIMIT_EXCEEDED. */
  admit?(sessionId: string): void;
  /** Warns of a pi that may have the session open. Throws SESSION_IN_USE for one that has. */
  lookForOthers?(record: SessionRecord, warnings: Warnings): void;
  turnBegan?(): void;
  turnEnded?(outcome: TurnOutcome): void;
  /** Whether another session has waited for an agent since before this time (milliseconds since the epoch). */
  mustYield?(since: number): boolean;
  /** Called when a turn has ended and none follows: somebody may wait for the place of the session's agent. */
  becameIdle(): void;
}

/** The other parts of the session, and what they are doing. */
export interface TurnHooks {
  agent: SessionAgent;
  questions: Questions;
  starting: Starting;
  reloading: Reloading;
  parking: Parking;
  told: Announcements;
  warnings: Warnings;
  isCompacting: () => boolean;
  isClosing: () => boolean;
  /** Whether an agent is there and nothing runs that its end would cut; prompts may wait. */
  isIdle: () => boolean;
  canPark: () => boolean;
  save: (change: Partial<SessionRecord>) => void;
}

/** The turns of a session: the one that runs, the prompts that wait for one of their own, and how each ends. */
export class Turns {
  readonly queue: PromptQueue;
  readonly #record: SessionRecord;
  readonly #host: TurnHost;
  readonly #hooks: TurnHooks;
  #running: ActiveTurn | undefined;
  #last: Turn | undefined;
  /** Extensions' commands, perhaps, that were sent while a turn ran and that pi has not answered. */
  #commandsInTurn = 0;

  /** @param maxWaiting prompts that may wait; absent: the default */
  constructor(record: SessionRecord, host: TurnHost, hooks: TurnHooks, maxWaiting: number | undefined) {
    this.#record = record;
    this.#host = host;
    this.#hooks = hooks;
    this.queue = new PromptQueue(maxWaiting);
  }

  /** The one that runs. */
  get running(): ActiveTurn | undefined {
    return this.#running;
  }

  /** The end of the one before it. */
  get last(): Turn | undefined {
    return this.#last;
  }

  /** See `Session.prompt`. */
  async prompt(params: PromptParams, caller: Caller, accepted: (data: Accepted) => void): Promise<void> {
    const turn = this.#running;
    const { whenBusy = "wait" } = params;
    if (turn?.sent && (whenBusy === "steer" || whenBusy === "followUp")) {
      this.#host.admit?.(this.#id);
      const agent = await this.#hooks.agent.ensure({});
      const queued = { sessionId: this.#id, turnId: turn.id, disposition: "queued" } as const;
      if (!params.message.startsWith("/"))
        return await handOver(agent, params, whenBusy, () => accepted(queued));
      await this.#handOverCommand(agent, params, whenBusy);
      return accepted(queued);
    }
    const busy = turn !== undefined || this.queue.length > 0 || this.#hooks.isCompacting();
    if (busy) this.#refuseWhenBusy(whenBusy, caller);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turnId = params.turnId ?? randomUUID();
    let isAccepted = false;
    const accept = (data: Accepted) => {
      if (isAccepted) return;
      isAccepted = true;
      accepted(data);
      resolve();
    };
    this.#host.admit?.(this.#id);
    this.queue.add({ turnId, params, caller, since: Date.now(), accept, reject });
    this.#trace("prompt taken", { request: caller.request, turn: turnId, ...(busy ? { waits: true } : {}) });
    if (busy) this.#hooks.told.emitTurn({ id: turnId, state: "queued", ahead: this.queue.length });
    this.pump();
    return await promise;
  }

  /** A question waits for an answer: whoever doesn't follow the turn must not wait for that answer too. */
  questionOpened(): void {
    if (this.#running?.accepted === false) this.#running.acceptEarly?.();
  }

  /** Whether pi may be at work on an extension's command that was sent while a turn ran. */
  get areCommandsRunning(): boolean {
    return this.#commandsInTurn > 0;
  }

  /** Refuses all prompts that wait. @returns them */
  rejectWaiting(): QueuedPrompt[] {
    const waiting = this.queue.clear();
    for (const prompt of waiting) this.#rejectQueued(prompt);
    return waiting;
  }

  /** What would end a running turn is refused while there is one. */
  refuseWhileWorking(): void {
    if (this.#running === undefined && !this.#hooks.isCompacting()) return;
    throw new PictlError("SESSION_BUSY", `Session ${this.#id} is working.`, {
      hint: "Wait for it with `pictl session wait`, or end its turn with `pictl session abort`.",
      details: { sessionId: this.#id, turnId: this.#running?.id },
      retryable: true,
    });
  }

  /** See `Session.abort`. */
  async abort(turnId: string | undefined, caller: Caller): Promise<RequestResults["abort"]> {
    const nothing = { sessionId: this.#id, aborted: false, steering: [], followUp: [] };
    const waiting = turnId === undefined ? undefined : this.queue.remove(turnId);
    if (waiting !== undefined) {
      this.#rejectQueued(waiting);
      return { ...nothing, aborted: true, turnId: waiting.turnId };
    }
    const turn = this.#running;
    if (turn === undefined || (turnId !== undefined && turn.id !== turnId)) {
      return nothing;
    }
    const cleared = await this.abortTurn(turn, caller.pid);
    return { sessionId: this.#id, aborted: true, turnId: turn.id, ...cleared };
  }

  async abortTurn(
    turn: ActiveTurn,
    pid: number | undefined,
  ): Promise<{ steering: string[]; followUp: string[] }> {
    turn.abort ??= { pid };
    const cleared = { steering: [] as string[], followUp: [] as string[] };
    const agent = this.#hooks.agent.live;
    if (agent === undefined || !turn.sent) {
      // Still starting: the turn ends as soon as its agent is there, or failed to come. Who follows it need not wait.
      this.#hooks.starting.giveUp();
      if (!(await bounded(turn.ended, UNSENT_ABORT_MS))) this.#tellAborted(turn);
      return cleared;
    }
    try {
      // Both are written at once, ahead of an answer that would let the turn go on.
      const [texts] = await Promise.all([
        agent.call({ type: "clear_queue" }, ABORT_TIMEOUT_MS),
        agent.call({ type: "abort" }, ABORT_TIMEOUT_MS),
        // pi ends a turn only when nothing in it waits for an answer.
        this.#hooks.questions.decline(),
      ]);
      Object.assign(cleared, texts);
      if (await bounded(turn.ended, ABORT_TIMEOUT_MS)) return cleared;
    } catch (error) {
      this.#host.log.warn("abort failed", { session: this.#id, error: toPictlError(error).message });
    }
    if (this.#running === turn) await agent.stop({ immediately: true });
    return cleared;
  }

  /** Begins the next turn when nothing runs. */
  pump(): void {
    if (this.#running !== undefined || this.#hooks.isCompacting() || this.#hooks.isClosing()) return;
    if (this.#commandsInTurn > 0) return;
    const prompt = this.queue.next();
    if (prompt === undefined) return;
    // A session with many prompts would keep its agent from others, who came first.
    if (this.#hooks.isIdle() && !this.#record.options.ephemeral && this.#host.mustYield?.(prompt.since))
      this.#hooks.parking.letGo();
    const turn = this.#beginTurn(prompt.turnId, prompt.params.onQuestion, prompt.caller.request);
    turn.askedBy = askingSession(prompt.caller);
    turn.refuse = prompt.reject;
    void this.#run(prompt, turn);
  }

  /**
   * pi has begun to work.
   *
   * @param onQuestion of what else may have made it work
   */
  onAgentStart(onQuestion: QuestionPolicy | undefined): void {
    // A run that no prompt of ours began: an extension's. It is a turn like any other.
    const turn = this.#running ?? this.#beginTurn(randomUUID(), onQuestion);
    this.#markSent(turn);
    turn.running = true;
    // The abort came between the prompt's acceptance and the start of its run, when pi had nothing to abort.
    if (turn.abort) void this.#hooks.agent.live?.request({ type: "abort" }).catch(() => undefined);
  }

  /** pi has nothing more to do. */
  onAgentSettled(): void {
    const turn = this.#running;
    if (turn === undefined) return;
    if (!turn.accepted) void this.#endUnprompted(turn);
    else if (this.#mayBeUnsaved(turn)) void this.#endUnsaved(turn);
    else this.#endTurn(turn);
  }

  /** The agent of the turn has gone. */
  onAgentExit(turn: ActiveTurn, exit: AgentExit): void {
    if (turn.abort) this.#endTurn(turn, "aborted", abortedError());
    else this.#endTurn(turn, "died", agentDiedError(exit));
  }

  /**
   * Ends an agent that an extension has moved to another session, and the turn that runs in it. Asked where an
   * extension's command may have run: an ordinary prompt doesn't wait for it.
   *
   * @param state what pi has just said of itself; absent: it is asked
   * @returns what has happened; undefined when it is where it should be
   */
  async endIfMoved(agent: Agent, state?: AgentState): Promise<PictlError | undefined> {
    const its = this.#hooks.agent;
    const now = state ?? (await agent.call({ type: "get_state" }, COMMAND_TIMEOUT_MS));
    const moved = movedAwayError(this.#record, now);
    if (moved === undefined || agent !== its.live) return moved;
    this.#host.log.warn("agent ended: an extension has moved it", {
      session: this.#id,
      agent: agent.pid,
      to: now.sessionId,
    });
    its.leave();
    // What it still says is of the other session.
    agent.reportTo({ onRecord: () => undefined, onExit: () => undefined });
    const stopped = agent.stop({ immediately: now.isStreaming });
    if (this.#running !== undefined) this.#endTurn(this.#running, "failed", moved);
    await stopped;
    return moved;
  }

  // --- inside ------------------------------------------------------------------------------------------

  get #id(): string {
    return this.#record.id;
  }

  #refuseWhenBusy(whenBusy: string, caller: Caller): void {
    if (whenBusy === "refuse") {
      throw new PictlError("SESSION_BUSY", `Session ${this.#id} is working on another prompt.`, {
        hint: "Leave out --no-wait to wait in line, or use --steer or --follow-up to add to the running turn.",
        details: { sessionId: this.#id, turnId: this.#running?.id, queued: this.queue.length },
        retryable: true,
      });
    }
    if (askingSession(caller) === this.#id) {
      throw new PictlError("SESSION_BUSY", `Session ${this.#id} can't wait for itself: its own turn asks.`, {
        hint: "Use --follow-up or --steer to add to this turn, or -s/--new for another session.",
        details: { sessionId: this.#id },
      });
    }
  }

  async #run(prompt: QueuedPrompt, turn: ActiveTurn): Promise<void> {
    const { agent: its, reloading } = this.#hooks;
    try {
      await reloading.takeInForeignWrites();
      this.#host.lookForOthers?.(this.#record, this.#hooks.warnings);
      await its.endIfExposed();
      const agent = await its.ensure(prompt.caller, prompt.params);
      await its.setThinking(agent, prompt.params.thinking);
      if (turn.abort) throw turn.unanswered ?? abortedWhileWaiting();
      this.#markSent(turn);
      this.#trace("prompt sent", { request: turn.request, turn: turn.id, agent: agent.pid });
      await this.#send(agent, prompt, turn);
    } catch (error) {
      const failure = toPictlError(error);
      prompt.reject(failure);
      const died = failure.code === "AGENT_DIED" && turn.sent;
      this.#endTurn(turn, failure.code === "TURN_ABORTED" ? "aborted" : died ? "died" : "failed", failure);
    }
  }

  async #send(agent: Agent, { params, accept }: QueuedPrompt, turn: ActiveTurn): Promise<void> {
    turn.acceptEarly = () => accept({ sessionId: this.#id, turnId: turn.id, disposition: "started" });
    const disposition = await sendPrompt(agent, params, (told) => {
      turn.accepted = true;
      this.#trace("prompt accepted", { request: turn.request, turn: turn.id, agent: agent.pid });
      const disposition = told === "handled" ? "handled" : "started";
      const warnings = this.#hooks.warnings.take();
      const more = warnings.length === 0 ? {} : { warnings };
      accept({ sessionId: this.#id, turnId: turn.id, disposition, ...more });
    });
    // For a prompt that an extension's command took, no `agent_settled` comes, unless the command made the model
    // work in its turn. pi 0.x doesn't say which it was, 1.x not that the model works.
    if (disposition === undefined || disposition === "handled") {
      const state = await agent.call({ type: "get_state" }, COMMAND_TIMEOUT_MS);
      if ((await this.endIfMoved(agent, state)) !== undefined) return;
      if (state.isStreaming || turn.running) return;
      if (turn.brokenCommand === undefined) this.#endTurn(turn, "handled");
      else this.#endTurn(turn, "failed", brokenCommandError(turn.brokenCommand));
    }
  }

  /**
   * Hands over what may be an extension's command: pi runs it at once, also in the middle of a turn, and one that
   * moves pi ends the turn before. Until it is known where pi is, nothing more may be sent there.
   */
  async #handOverCommand(agent: Agent, params: PromptParams, how: "steer" | "followUp"): Promise<void> {
    this.#commandsInTurn += 1;
    try {
      await handOver(agent, params, how, () => undefined);
      const moved = await this.endIfMoved(agent);
      if (moved !== undefined) throw moved;
    } finally {
      this.#commandsInTurn -= 1;
      this.#hooks.told.emitState();
      this.#hooks.parking.schedule();
      this.pump();
    }
  }

  /** Ends a turn whose work an extension has begun, which may have moved pi to another session before. */
  async #endUnprompted(turn: ActiveTurn): Promise<void> {
    const agent = this.#hooks.agent.live;
    try {
      if (agent !== undefined && (await this.endIfMoved(agent)) !== undefined) return;
      if (this.#mayBeUnsaved(turn)) return await this.#endUnsaved(turn);
    } catch (error) {
      // An agent that has ended meanwhile has ended the turn, too.
      this.#host.log.debug("not asked", { session: this.#id, error: toPictlError(error).message });
    }
    this.#endTurn(turn);
  }

  #mayBeUnsaved({ tracker }: ActiveTurn): boolean {
    const { messages, answered } = tracker.said();
    return this.#hooks.reloading.foreign.mayLackTurn(messages, answered);
  }

  /** Ends a turn that may have left nothing in the session's file, because another program has changed the file. */
  async #endUnsaved(turn: ActiveTurn): Promise<void> {
    const agent = this.#hooks.agent.live;
    try {
      const lost = agent && (await this.#hooks.reloading.foreign.lacksTurn(agent));
      if (lost !== undefined)
        return this.#endTurn(turn, undefined, turnNotSavedError(this.#id, lost.file, lost.problem));
    } catch (error) {
      const { code, message, hint } = toPictlError(error);
      // Something else than a file stands in its place, and pi has not written there.
      return this.#endTurn(
        turn,
        undefined,
        new PictlError("TURN_NOT_SAVED", message, { hint, details: { code } }),
      );
    }
    this.#endTurn(turn);
  }

  #beginTurn(id: string, onQuestion: QuestionPolicy = "fail", request?: string): ActiveTurn {
    this.#hooks.parking.cancel();
    const turn = new ActiveTurn(id, onQuestion, (failed) => void this.abortTurn(failed, undefined));
    turn.request = request;
    this.#running = turn;
    this.#host.turnBegan?.();
    this.#trace("turn begins", { request, turn: id });
    this.#hooks.told.emitState();
    return turn;
  }

  #markSent(turn: ActiveTurn): void {
    if (turn.sent) return;
    turn.sent = true;
    this.#hooks.reloading.foreign.working();
    // Written down before anything is sent: a turn that the daemon's death cuts must be known as cut.
    this.#hooks.save({ openTurn: turn.id, usedAt: Date.now() });
    this.#hooks.told.emitTurn({ id: turn.id, state: "started" });
  }

  /** Ends the turn if it still runs: with the given outcome, or with the one that its events tell. */
  #endTurn(turn: ActiveTurn, outcome?: TurnOutcome, failure?: PictlError): void {
    if (this.#running !== turn) return;
    const { agent, questions, starting, reloading, parking, told, canPark, save } = this.#hooks;
    questions.close();
    this.#running = undefined;
    const last = turn.end(outcome, failure);
    this.#last = last;
    if (turn.sent && last.outcome !== "died") starting.restarts.worked();
    this.#host.turnEnded?.(last.outcome);
    const { request, id } = turn;
    const error = last.error?.code;
    this.#trace("turn ended", { request, turn: id, agent: agent.live?.pid, outcome: last.outcome, error });
    delete this.#record.openTurn;
    const { file, written, interrupted = false } = this.#record;
    save({
      usedAt: Date.now(),
      // One that never began says nothing of the one before it.
      interrupted: turn.sent ? last.outcome === "died" : interrupted,
      written: written || (file !== undefined && existsSync(file)),
    });
    if (turn.sent && last.outcome !== "completed" && last.outcome !== "handled") reloading.foreign.failed();
    if (agent.live !== undefined) reloading.foreign.checkLater(agent.live);
    if (!turn.isTold) told.emitTurn(last);
    told.emitState();
    parking.schedule();
    this.pump();
    if (canPark()) this.#host.becameIdle();
  }

  /** Tells the end of a turn of which nothing was or will be sent. The session is free again when the start is over. */
  #tellAborted(turn: ActiveTurn): void {
    if (turn.isTold || this.#running !== turn) return;
    turn.isTold = true;
    const error = turn.unanswered ?? abortedWhileWaiting();
    turn.refuse?.(error);
    const { code, message } = error;
    const by = turn.abort?.pid === undefined ? {} : { abortedBy: turn.abort.pid };
    this.#hooks.told.emitTurn({
      id: turn.id,
      state: "ended",
      outcome: "aborted",
      error: { code, message },
      ...by,
      ...turn.tracker.totals(),
    });
  }

  #rejectQueued({ turnId, reject }: QueuedPrompt): void {
    const error = abortedWhileWaiting();
    reject(error);
    const { code, message } = error;
    this.#hooks.told.emitTurn({ id: turnId, state: "ended", outcome: "aborted", error: { code, message } });
  }

  /** A step on the way of one request, which its id ties together. */
  #trace(step: string, fields: Record<string, unknown>): void {
    this.#host.log.debug(step, { ...fields, session: this.#id });
  }
}

/** @returns false when the time ran out first */
async function bounded(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const done = await Promise.race([promise.then(() => true), timeout]);
  clearTimeout(timer);
  return done;
}
