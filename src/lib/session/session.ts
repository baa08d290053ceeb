import { existsSync } from "node:fs";
import type { Agent, AgentExit, AgentHandlers, AgentState } from "../agent/agent.ts";
import type { SandboxProfile } from "../core/choices.ts";
import type { Limits } from "../core/config.ts";
import { PictlError } from "../core/errors.ts";
import type { Answer, Question } from "../protocol/question.ts";
import type { DisplayedNotice, RequestResults, WaitResult } from "../protocol/requests.ts";
import type { SessionState } from "../protocol/session.ts";
import type { WaitCondition } from "../protocol/wait.ts";
import type { ActiveTurn } from "./active-turn.ts";
import { AgentRecords } from "./agent-records.ts";
import type { StartedAgent } from "./agent-starter.ts";
import { Announcements } from "./announcements.ts";
import type { Caller, ModelChange } from "./caller.ts";
import { type Command, type CommandOptions, Commands } from "./commands.ts";
import type { EventLog } from "./event-log.ts";
import type { SessionSummary } from "./files/summary.ts";
import { Parking } from "./parking.ts";
import type { ModelAndLevel } from "./promised.ts";
import type { Accepted, PromptParams } from "./prompt-queue.ts";
import { Questions } from "./questions.ts";
import type { SessionRecord } from "./registry.ts";
import { Reloading } from "./reloading.ts";
import { SessionAgent } from "./session-agent.ts";
import { sessionEntries } from "./session-entries.ts";
import { Starting, type WaitForAgent } from "./starting.ts";
import type { Subscribers } from "./subscribers.ts";
import { type TurnHost, Turns } from "./turns.ts";
import { Warnings } from "./warnings.ts";

/** How long pi may take to empty its queues. */
const CLEAR_TIMEOUT_MS = 10_000;
/** How long a wait for a question gives to a prompt that was sent at the same time and is on its way. */
const PROMPT_ON_ITS_WAY_MS = 5_000;

/** What a session needs from what holds it. */
export interface SessionHost extends TurnHost {
  /** Idle time after which an agent is ended; 0: never. */
  readonly parkAfterMs: number;
  /** What bounds a session; absent: the defaults. */
  readonly limits?: Limits;
  /** Gives the session an agent, waiting for a free place where agents are limited. */
  startAgent(
    session: Session,
    caller: Caller,
    change: ModelChange,
    handlers: AgentHandlers,
    wait?: WaitForAgent,
  ): Promise<StartedAgent>;
  /** What the session's file says of its model and thinking level. */
  inFile?(record: SessionRecord): ModelAndLevel;
  /** Takes the agent that the session has let go of while it was idle; absent: it is ended. */
  agentParked?(session: Session, agent: Agent): Promise<void>;
  /** Called when the session's agent has ended. */
  agentEnded(session: Session): void;
  /** Profile of the sandbox that a session without an agent keeps. */
  sandboxOf?(record: SessionRecord): SandboxProfile | undefined;
  /** What the session's file says, for listings. */
  summaryOf?(record: SessionRecord): SessionSummary | undefined;
  /** Whether the session's file, which is gone, is found in another place. */
  isElsewhere?(session: Session): boolean;
  save(record: SessionRecord): void;
}

/**
 * One pi session: its agent when it has one, the turn that runs, the prompts that wait, and the records that
 * its subscribers get. All of it runs on one thread; between two `await`s nothing else changes it. What it does
 * is done by its parts; here is what they share, and where each request and each of pi's records goes.
 */
export class Session {
  readonly record: SessionRecord;
  readonly warnings = new Warnings();
  readonly #host: SessionHost;
  readonly #told: Announcements;
  readonly #agent: SessionAgent;
  readonly #starting: Starting;
  readonly #parking: Parking;
  readonly #reloading: Reloading;
  readonly #turns: Turns;
  readonly #questions: Questions;
  readonly #commands: Commands;
  readonly #records: AgentRecords;
  /** How many closes are under way. */
  #closing = 0;
  #retired = false;
  /** The daemon is ending the session: the end of the connection reports that to whoever waits. */
  #endsWithDaemon = false;

  constructor(record: SessionRecord, host: SessionHost) {
    this.record = record;
    this.#host = host;
    const { limits, log } = host;
    const save = (change: Partial<SessionRecord>) => this.#save(change);
    const canPark = () => this.canPark;
    const isClosing = () => this.#closing > 0;
    const history = limits && { maxRecords: limits.maxHistoryRecords, maxBytes: limits.maxHistoryBytes };
    const told = new Announcements(record.id, history, () => this.state);
    const questions = new Questions((state, question) => {
      // The answer to the prompt comes before any record of its turn.
      if (state === "open") this.#turns.questionOpened();
      told.emitQuestion(state, question);
    }, limits?.questionLifetimeMs);
    const agent = new SessionAgent(record, {
      start: (caller, change) => this.#starting.start(caller, change),
      inFile: () => host.inFile?.(record) ?? {},
      save,
      refuseEnd: () => this.#commands.refuseWhileWorking(),
      changed: () => told.emitState(),
      left: () => this.#agentLeft(),
    });
    const parking = new Parking({
      agent,
      afterMs: host.parkAfterMs,
      canPark,
      parked: (left) => {
        told.log.clear();
        void (host.agentParked?.(this, left) ?? left.stop());
      },
    });
    const reloading = new Reloading(record.id, {
      agent,
      log,
      isWriting: () => (this.#turns.running?.sent ?? false) || this.#isCompacting,
      refuseEnd: () => this.#commands.refuseWhileWorking(),
      isElsewhere: () => host.isElsewhere?.(this) ?? false,
      save,
    });
    const starting = new Starting(record, {
      log,
      told,
      foreign: reloading.foreign,
      handlersFor: (getAgent) => this.handlersFor(getAgent),
      start: (caller, change, handlers, wait) => host.startAgent(this, caller, change, handlers, wait),
      warnings: this.warnings,
      came: () => parking.schedule(),
      turn: () => this.#turns.running,
      isClosing,
    });
    const hooks = {
      agent,
      questions,
      starting,
      reloading,
      parking,
      told,
      warnings: this.warnings,
      isCompacting: () => this.#isCompacting,
      isClosing,
      isIdle: () => this.#agent.live !== undefined && !this.#isRunning,
      canPark,
      save,
    };
    this.#told = told;
    this.#questions = questions;
    this.#agent = agent;
    this.#parking = parking;
    this.#reloading = reloading;
    this.#starting = starting;
    this.#turns = new Turns(record, host, hooks, limits?.maxWaitingPrompts);
    const turns = this.#turns;
    this.#commands = new Commands(record.id, {
      agent,
      turns,
      reloading,
      log,
      lookForOthers: () => host.lookForOthers?.(record, this.warnings),
      isCompacting: () => this.#isCompacting,
      wasCompactionAborted: () => this.#records.wasCompactionAborted,
      changed: () => this.#commandsChanged(),
    });
    const commands = this.#commands;
    this.#records = new AgentRecords({ agent, turns, commands, questions, starting, told, save });
    if (record.openTurn !== undefined) {
      delete record.openTurn;
      this.#save({ interrupted: true });
    }
  }

  get id(): string {
    return this.record.id;
  }

  get log(): EventLog {
    return this.#told.log;
  }

  get subscribers(): Subscribers {
    return this.#told.subscribers;
  }

  get state(): SessionState {
    if (this.#questions.isOpen) return "waiting";
    if (this.#agent.isStarting) return "starting";
    if (this.#isCompacting) return "compacting";
    if (this.#turn !== undefined || this.#commands.areWorking || this.#turns.areCommandsRunning)
      return "working";
    if (this.#agent.live !== undefined) return "idle";
    return this.record.closed ? "stopped" : "parked";
  }

  /** Profile of the sandbox that its agent runs in, or its next one will; undefined: only a policy may say so. */
  get sandboxProfile(): SandboxProfile | undefined {
    const { live } = this.#agent;
    return live === undefined ? this.#host.sandboxOf?.(this.record) : live.sandboxProfile;
  }

  /** What the user may want to know of the policy of that sandbox. */
  get sandboxWarnings(): readonly string[] {
    return this.#agent.live?.sandbox?.warnings ?? [];
  }

  get agentPid(): number | undefined {
    return this.#agent.live?.pid;
  }

  /** See `SessionAgent.ownState`. */
  get agentState(): AgentState | undefined {
    return this.#agent.ownState;
  }

  get #turn(): ActiveTurn | undefined {
    return this.#turns.running;
  }

  get turnId(): string | undefined {
    return this.#turn?.id;
  }

  /** The session whose turn has asked for the one that runs here, and waits for it. */
  get askedBy(): string | undefined {
    return this.#turn?.askedBy;
  }

  get queued(): number {
    return this.#turns.queue.length;
  }

  /** What waits for an answer, the oldest first. */
  get questions(): Question[] {
    return this.#questions.list();
  }

  /** What extensions have put up to be seen. */
  get notices(): DisplayedNotice[] {
    return this.#records.notices;
  }

  /** All that waits: in pi for the running turn, and here for a turn of its own. */
  get queue(): Omit<RequestResults["get_queue"], "sessionId"> {
    return { ...this.#records.queuedInPi, waiting: this.#turns.queue.list() };
  }

  /**
   * Whether something runs or waits that the end of the agent or of the daemon would cut. Parking, eviction, the
   * daemon's own end and `wait` all ask this.
   */
  get isBusy(): boolean {
    return this.#isRunning || this.#turns.queue.length > 0;
  }

  /** Whether ending the agent now would interrupt nothing and lose nothing. */
  get canPark(): boolean {
    return this.#agent.live !== undefined && !this.isBusy && !this.record.options.ephemeral;
  }

  /** Whether a background command of the agent would end with it; costs a look at each process of the machine. */
  get hasLeftovers(): boolean {
    return this.#agent.live?.hasLeftovers() === true;
  }

  /** Whether something runs: a turn, a command, a compaction, a start, or a question that waits for its answer. */
  get #isRunning(): boolean {
    const inTurn = this.#turn !== undefined || this.#turns.areCommandsRunning;
    const besideTurn = this.#isCompacting || this.#commands.areAny;
    return inTurn || besideTurn || this.#agent.isStarting || this.#questions.isOpen;
  }

  get #isCompacting(): boolean {
    return this.#records.isCompacting || this.#commands.areCompacting;
  }

  /**
   * Takes a prompt: runs it, lets it wait its turn, or hands it to one of pi's queues.
   *
   * `accepted` runs synchronously when pi has accepted the prompt, before any record of its turn is given to
   * subscribers. The promise ends when the prompt was accepted or refused, not with the turn.
   *
   * @throws PictlError SESSION_BUSY, LIMIT_EXCEEDED, TURN_ABORTED (while it waited), NO_MODEL,
   * PROMPT_REJECTED, and what starting an agent throws
   */
  async prompt(params: PromptParams, caller: Caller, accepted: (data: Accepted) => void): Promise<void> {
    this.#refuseWhenRetired();
    await this.#turns.prompt(params, caller, accepted);
  }

  /**
   * Sends one of pi's commands to the agent, starting it when there is none.
   *
   * @returns pi's `data`
   * @throws PictlError AGENT_COMMAND_FAILED, QUESTION_UNANSWERED, SESSION_BUSY
   */
  async command(command: Command, caller: Caller, options: CommandOptions = {}): Promise<unknown> {
    if (command.type === "extension_ui_response") {
      const { type: _, id, ...answer } = command;
      this.#questions.answer(String(id), answer as Answer);
      return undefined;
    }
    this.#refuseWhenRetired();
    // What ends something is never refused.
    if (!command.type.startsWith("abort_")) this.#host.admit?.(this.id);
    if (this.#isDirectoryGone) {
      const { answerFromFile } = await import("./answer-from-file.ts");
      const entries = await sessionEntries(this, caller);
      const answer = answerFromFile(command, entries, this.#host.summaryOf?.(this.record));
      if (answer !== undefined) return answer;
    }
    return await this.#commands.run(command, caller, options);
  }

  /**
   * Takes back all that waits: pi's queues, and the prompts that wait for a turn of their own, which fail with
   * TURN_ABORTED.
   */
  async clearQueue(): Promise<Omit<RequestResults["clear_queue"], "sessionId">> {
    const waiting = this.#turns.rejectWaiting();
    const none = { steering: [] as string[], followUp: [] as string[] };
    const inPi = await this.#agent.live?.call({ type: "clear_queue" }, CLEAR_TIMEOUT_MS);
    return { ...(inPi ?? none), waiting: waiting.map(({ params }) => params.message) };
  }

  /** Answers the question with this id, or the oldest one; see {@link Questions.answer}. */
  respond(questionId: string | undefined, answer: Answer): Question {
    return this.#questions.answer(questionId, answer);
  }

  /**
   * Resolves when one of the conditions is met, which may be at once.
   *
   * @throws PictlError QUESTION_NOT_FOUND when only a question is waited for and nothing runs that could ask one,
   * SESSION_NOT_FOUND when the session is removed; the signal's reason when that fires first
   */
  async wait(conditions: readonly WaitCondition[], signal: AbortSignal): Promise<WaitResult> {
    const turn = this.#turn;
    let mayBegin = true;
    const find = () => {
      const atRest = !this.isBusy;
      if (!atRest) mayBegin = false;
      if (this.#retired) return "removed";
      const met = conditions.find((condition) => {
        if (condition === "question") return this.#questions.isOpen;
        if (condition === "idle") return atRest;
        return turn === undefined ? atRest : this.#turn !== turn;
      });
      return met ?? (atRest && !mayBegin && !this.#endsWithDaemon ? "nothing" : undefined);
    };
    const late = setTimeout(() => {
      mayBegin = false;
      this.#told.emitState();
    }, PROMPT_ON_ITS_WAY_MS);
    late.unref();
    const reason = await this.#told.until(find, signal).finally(() => clearTimeout(late));
    if (reason === "nothing") throw this.#noQuestion();
    if (reason === "removed") throw this.#removed();
    return {
      sessionId: this.id,
      reason,
      state: this.state,
      ...(this.#turns.last === undefined ? {} : { turn: this.#turns.last }),
      ...(this.#questions.isOpen ? { questions: this.questions } : {}),
    };
  }

  /** Whether it has no agent, and none can be started because its directory doesn't exist any more. */
  get #isDirectoryGone(): boolean {
    return this.#agent.live === undefined && !existsSync(this.record.cwd);
  }

  /**
   * Gives the session another name, through its agent: pi writes the name into its file. Where no agent can be started,
   * the next one writes it.
   */
  async rename(name: string, caller: Caller): Promise<void> {
    if (this.#isDirectoryGone) return this.#save({ name, renamed: true });
    await this.command({ type: "set_session_name", name }, caller);
    this.#save({ name });
  }

  /**
   * Ends the running turn, or the one with this id, also while it waits. pi's queues are emptied first,
   * because `abort` alone lets queued messages go on; their texts are given back. Without a turn it ends a
   * compaction or shell commands, also those that wait for the agent.
   */
  async abort(turnId: string | undefined, caller: Caller): Promise<RequestResults["abort"]> {
    const result = await this.#turns.abort(turnId, caller);
    if (result.aborted || turnId !== undefined) return result;
    const what = await this.#commands.abort(caller);
    return what === undefined ? result : { ...result, aborted: true, what };
  }

  /** Starts the agent if there is none, so that the session exists in pi. */
  async open(caller: Caller): Promise<void> {
    await this.#agent.ensure(caller);
  }

  /** Takes over an agent that already holds this session (a fork's). */
  adopt(agent: Agent, state: AgentState): void {
    this.#reloading.foreign.begin(state.sessionFile, undefined);
    this.#agent.take(agent, state);
    this.#parking.schedule();
  }

  /** The agent that was left no longer has the session's file. */
  fileLeft(): void {
    this.#reloading.fileLeft();
  }

  /** What an agent of this session reports to; `getAgent` tells which one it is. */
  handlersFor(getAgent: () => Agent | undefined): AgentHandlers {
    return {
      onRecord: (record, raw) => this.#records.take(record, raw, getAgent()),
      onExit: (exit) => this.#onAgentExit(getAgent(), exit),
    };
  }

  /**
   * Lets go of an idle session's agent; the next prompt resumes it.
   *
   * @returns false when it can't be parked now
   */
  park(): boolean {
    return this.#parking.park();
  }

  /**
   * Ends the running turn and the agent, and refuses what waits.
   *
   * @param closed whether the user is done with it (shown as stopped), or only the daemon (shown as parked)
   * @returns whether there was an agent
   */
  async close(caller: Caller, closed = true): Promise<boolean> {
    const hadAgent = this.#agent.live !== undefined || this.#agent.isStarting;
    this.#closing += 1;
    if (!closed) this.#endsWithDaemon = true;
    try {
      this.#turns.rejectWaiting();
      this.#commands.abortWaiting(caller);
      this.#starting.restarts.skip();
      if (this.#turn) await this.#turns.abortTurn(this.#turn, caller.pid);
      await this.#agent.started();
      // One that pi doesn't end in time is cut with the agent.
      await this.#commands.abort(caller).catch(() => undefined);
      if (closed) this.#save({ closed: true });
      await this.#agent.leave()?.stop();
      this.#told.emitState();
      return hadAgent;
    } finally {
      this.#closing -= 1;
      // Whoever prompted while it closed has not been told anything: the session goes on for that.
      this.#turns.pump();
    }
  }

  /** Takes no more prompts and commands: the session is being deleted, or has gone with its agent. */
  retire(): void {
    this.#retired = true;
    this.#turns.rejectWaiting();
    this.#told.emitState();
  }

  #refuseWhenRetired(): void {
    if (this.#retired) throw this.#removed();
  }

  #removed(): PictlError {
    return new PictlError("SESSION_NOT_FOUND", `Session ${this.id} has just been removed.`, {
      hint: "See `pictl session list --all` for those that are left.",
      details: { session: this.id },
    });
  }

  #noQuestion(): PictlError {
    const outcome = this.#turns.last?.outcome;
    const last = outcome === undefined ? "" : ` Its last turn ended as ${outcome}.`;
    const message = `No question is open in session ${this.id}, and nothing runs that could ask one.${last}`;
    return new PictlError("QUESTION_NOT_FOUND", message, {
      hint: "Wait once it works again, or with `--for turn-end` too.",
      details: { sessionId: this.id, state: this.state, ...(outcome === undefined ? {} : { outcome }) },
    });
  }

  /** Ends the agent without asking pi to stop its turn first: for a daemon that is told to end at once. */
  endAgent(): void {
    this.#endsWithDaemon = true;
    this.#turns.rejectWaiting();
    if (this.#turn !== undefined) this.#turn.abort ??= { pid: undefined };
    void this.#agent.live?.stop({ immediately: true });
  }

  #agentLeft(): void {
    this.#parking.cancel();
    this.#questions.close();
    this.#records.agentLeft();
    this.#commands.agentLeft();
    this.#reloading.agentLeft();
    this.#told.emitState();
    this.#host.agentEnded(this);
  }

  #onAgentExit(agent: Agent | undefined, exit: AgentExit): void {
    if (agent === undefined || agent !== this.#agent.live) return;
    const { code, signal, expected, fault } = exit;
    this.#host.log.info("agent ended", { session: this.id, code, signal, expected, fault });
    const turn = this.#turn;
    if (!expected) this.#starting.restarts.failed();
    this.#agent.leave();
    if (turn !== undefined) this.#turns.onAgentExit(turn, exit);
  }

  #commandsChanged(): void {
    this.#told.emitState();
    if (this.#isRunning) return;
    this.#parking.schedule();
    this.#turns.pump();
    if (this.canPark) this.#host.becameIdle();
  }

  #save(change: Partial<SessionRecord>): void {
    Object.assign(this.record, change);
    this.#host.save(this.record);
  }
}
