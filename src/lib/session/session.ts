import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import type { Agent, AgentExit, AgentHandlers, AgentState } from "../agent/agent.ts";
import type { AgentRecord } from "../agent/rpc-channel.ts";
import type { SandboxProfile } from "../core/choices.ts";
import type { Limits } from "../core/config.ts";
import { PictlError, toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Answer, Question } from "../protocol/question.ts";
import type { QuestionPolicy } from "../protocol/question-policies.ts";
import type { DisplayedNotice, RequestResults, WaitResult } from "../protocol/requests.ts";
import type { SessionState, Turn, TurnOutcome } from "../protocol/session.ts";
import type { WaitCondition } from "../protocol/wait.ts";
import { ActiveTurn, abortedWhileWaiting, agentDiedError, brokenCommandError } from "./active-turn.ts";
import type { Caller, ModelChange } from "./caller.ts";
import { Displayed } from "./displayed.ts";
import { EventLog } from "./event-log.ts";
import { ForeignWrites } from "./foreign-writes.ts";
import { type Accepted, type PromptParams, PromptQueue, type QueuedPrompt } from "./prompt-queue.ts";
import { promptRejection, rejectedPromptError } from "./prompt-rejection.ts";
import { type Asker, askedAtStartError, Questions, questionOf } from "./questions.ts";
import type { SessionRecord } from "./registry.ts";
import { countsAsDeath, RestartDelay, restartDelayed } from "./restart-delay.ts";
import { SessionAgent } from "./session-agent.ts";
import { Subscribers } from "./subscribers.ts";
import { Waits } from "./waits.ts";

/** How long pi may take to act on an abort before its process is ended instead. */
const ABORT_TIMEOUT_MS = 10_000;
/** Commands that are answered from memory; longer means the agent is stuck. */
const COMMAND_TIMEOUT_MS = 30_000;
/** Commands that last as long as their work does. */
const UNBOUNDED_COMMANDS = new Set(["compact", "bash"]);
/** Commands that write nothing into the session's file. */
const READING_COMMAND = /^(get_|abort|export_|clear_queue$)/;
/** States in which nothing runs. */
const AT_REST: ReadonlySet<SessionState> = new Set(["idle", "parked", "stopped"]);

/** What a session needs from what holds it. */
export interface SessionHost {
  readonly log: Logger;
  /** Idle time after which an agent is ended; 0: never. */
  readonly parkAfterMs: number;
  /** What bounds a session; absent: the defaults. */
  readonly limits?: Limits;
  /** Counts a request that begins work in this session. Throws LIMIT_EXCEEDED. */
  admit?(sessionId: string): void;
  turnBegan?(): void;
  turnEnded?(outcome: TurnOutcome): void;
  /** Gives the session an agent, waiting for a free place where agents are limited. */
  startAgent(
    session: Session,
    caller: Caller,
    change: ModelChange,
    handlers: AgentHandlers,
    /** `onWaiting` is told why when all are busy; the signal ends such a wait. */
    wait?: { onWaiting: (because: string) => void; signal: AbortSignal },
  ): Promise<{ agent: Agent; state: AgentState }>;
  /** Takes the agent that the session has let go of while it was idle; absent: it is ended. */
  agentParked?(session: Session, agent: Agent): Promise<void>;
  /** Whether another session has waited for an agent since before this time (milliseconds since the epoch). */
  mustYield?(since: number): boolean;
  /** Called when the session's agent has ended. */
  agentEnded(session: Session): void;
  /** Called when a turn has ended and none follows: somebody may wait for the place of the session's agent. */
  becameIdle(): void;
  save(record: SessionRecord): void;
}

/**
 * One pi session: its agent when it has one, the turn that runs, the prompts that wait, and the records that
 * its subscribers get. All of it runs on one thread; between two `await`s nothing else changes it.
 */
export class Session {
  readonly record: SessionRecord;
  readonly log: EventLog;
  readonly subscribers: Subscribers;
  readonly #host: SessionHost;
  readonly #agent: SessionAgent;
  readonly #queue: PromptQueue;
  readonly #questions: Questions;
  /** Commands that run beside the turn, the newest last. */
  readonly #askers: Asker[] = [];
  readonly #waits = new Waits();
  readonly #restarts = new RestartDelay();
  readonly #displayed = new Displayed();
  readonly #foreign = new ForeignWrites();
  #fileLeft: ReturnType<ForeignWrites["end"]> | undefined;
  /** What waits in pi, as it told last. */
  #queuedInPi = { steering: [] as string[], followUp: [] as string[] };
  #lastTurn: Turn | undefined;
  #askedAtStart: Question | undefined;
  #turn: ActiveTurn | undefined;
  #compacting = false;
  #parkTimer: NodeJS.Timeout | undefined;
  /** Ends the wait for a place among the live agents. */
  #waitsForAgent: AbortController | undefined;
  #shownState: SessionState | undefined;
  /** How many closes are under way. */
  #closing = 0;
  #retired = false;

  constructor(record: SessionRecord, host: SessionHost) {
    this.record = record;
    this.#host = host;
    const { limits } = host;
    this.#queue = new PromptQueue(limits?.maxWaitingPrompts);
    this.log = new EventLog(
      record.id,
      limits && { maxRecords: limits.maxHistoryRecords, maxBytes: limits.maxHistoryBytes },
    );
    this.subscribers = new Subscribers(record.id, this.log);
    this.#questions = new Questions((state, question) => {
      this.log.append("question", { state, question });
      this.#emitState();
      this.subscribers.flush();
      this.#waits.changed();
    }, limits?.questionLifetimeMs);
    this.#agent = new SessionAgent(record, {
      start: (caller, change) => this.#startAgent(caller, change),
      save: (changed) => this.#save(changed),
      changed: () => this.#emitState(),
      left: () => this.#agentLeft(),
    });
    if (record.openTurn !== undefined) {
      delete record.openTurn;
      this.#save({ interrupted: true });
    }
  }

  get id(): string {
    return this.record.id;
  }

  get state(): SessionState {
    if (this.#questions.isOpen) return "waiting";
    if (this.#agent.isStarting) return "starting";
    if (this.#compacting) return "compacting";
    if (this.#turn !== undefined) return "working";
    if (this.#agent.live !== undefined) return "idle";
    return this.record.closed ? "stopped" : "parked";
  }

  /** Profile of the sandbox that its live agent runs in. */
  get sandboxProfile(): SandboxProfile | undefined {
    return this.#agent.live?.sandboxProfile;
  }

  get agentPid(): number | undefined {
    return this.#agent.live?.pid;
  }

  /** pi's own view of the session, as of the last time it told; undefined without an agent. */
  get agentState(): AgentState | undefined {
    return this.#agent.state;
  }

  get turnId(): string | undefined {
    return this.#turn?.id;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** What waits for an answer, the oldest first. */
  get questions(): Question[] {
    return this.#questions.list();
  }

  /** What extensions have put up to be seen. */
  get notices(): DisplayedNotice[] {
    return this.#displayed.list();
  }

  /** All that waits: in pi for the running turn, and here for a turn of its own. */
  get queue(): Omit<RequestResults["get_queue"], "sessionId"> {
    return { ...this.#queuedInPi, waiting: this.#queue.list() };
  }

  /** Whether something runs or waits that the end of the daemon would cut: a turn, a command, a start. */
  get isBusy(): boolean {
    const runs = this.#turn !== undefined || this.#compacting || this.#askers.length > 0;
    return runs || this.#queue.length > 0 || this.#agent.isStarting;
  }

  /** Whether ending the agent now would interrupt nothing and lose nothing. */
  get canPark(): boolean {
    return this.state === "idle" && this.#queue.length === 0 && !this.record.options.ephemeral;
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
    const turn = this.#turn;
    const { whenBusy = "wait" } = params;
    if (turn?.sent && (whenBusy === "steer" || whenBusy === "followUp")) {
      this.#host.admit?.(this.id);
      return await this.#handOver(turn, params, whenBusy, accepted);
    }
    const busy = turn !== undefined || this.#queue.length > 0 || this.#compacting;
    if (busy) this.#refuseWhenBusy(whenBusy, caller);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turnId = params.turnId ?? randomUUID();
    const accept = (data: Accepted) => {
      accepted(data);
      resolve();
    };
    this.#host.admit?.(this.id);
    this.#queue.add({ turnId, params, caller, since: Date.now(), accept, reject });
    this.#trace("prompt taken", { request: caller.request, turn: turnId, ...(busy ? { waits: true } : {}) });
    if (busy) this.#emitTurn({ id: turnId, state: "queued", ahead: this.#queue.length });
    this.#pump();
    return await promise;
  }

  /**
   * Sends one of pi's commands to the agent, starting it when there is none.
   *
   * @param options.onQuestion what becomes of a question that comes meanwhile, outside of a turn
   * @param options.timeoutMs bounds the wait for pi's response; absent: as long as such a command may take
   * @returns pi's `data`
   * @throws PictlError AGENT_COMMAND_FAILED, QUESTION_UNANSWERED, SESSION_BUSY
   */
  async command(
    command: { type: string; [field: string]: unknown },
    caller: Caller,
    options: { onQuestion?: QuestionPolicy | undefined; timeoutMs?: number | undefined } = {},
  ): Promise<unknown> {
    if (command.type === "extension_ui_response") {
      const { type: _, id, ...answer } = command;
      this.#questions.answer(String(id), answer as Answer);
      return undefined;
    }
    this.#refuseWhenRetired();
    // What ends something is never refused.
    if (!command.type.startsWith("abort_")) this.#host.admit?.(this.id);
    const { onQuestion = "fail", timeoutMs = COMMAND_TIMEOUT_MS } = options;
    return await this.#asking(onQuestion, async () => {
      // pi's own `compact` would abort the turn first.
      if (command.type === "compact") this.#refuseWhileWorking();
      const writes = !READING_COMMAND.test(command.type);
      if (writes) await this.#takeInForeignWrites();
      const agent = await this.#agent.ensure(caller);
      this.#trace("command sent", { request: caller.request, command: command.type, agent: agent.pid });
      const unbounded = UNBOUNDED_COMMANDS.has(command.type) && options.timeoutMs === undefined;
      const data =
        command.type === "set_model"
          ? await this.#agent.setModel(agent, command, caller, () => this.#refuseWhileWorking())
          : await agent.call(command, unbounded ? undefined : timeoutMs);
      this.#agent.observe(command, data);
      if (writes && this.#turn === undefined) void this.#foreign.check(agent);
      this.#scheduleParking();
      return data;
    });
  }

  /**
   * Takes back all that waits: pi's queues, and the prompts that wait for a turn of their own, which fail with
   * TURN_ABORTED.
   */
  async clearQueue(): Promise<Omit<RequestResults["clear_queue"], "sessionId">> {
    const waiting = this.#queue.clear();
    for (const prompt of waiting) this.#rejectQueued(prompt);
    const none = { steering: [] as string[], followUp: [] as string[] };
    const inPi = await this.#agent.live?.call<typeof none>({ type: "clear_queue" }, ABORT_TIMEOUT_MS);
    return { ...(inPi ?? none), waiting: waiting.map(({ params }) => params.message) };
  }

  /** Answers the question with this id, or the oldest one; see {@link Questions.answer}. */
  respond(questionId: string | undefined, answer: Answer): Question {
    return this.#questions.answer(questionId, answer);
  }

  /**
   * Resolves when one of the conditions is met, which may be at once.
   *
   * @throws the signal's reason when that fires first
   */
  async wait(conditions: readonly WaitCondition[], signal: AbortSignal): Promise<WaitResult> {
    const turn = this.#turn;
    const find = () => {
      const atRest = AT_REST.has(this.state) && this.#queue.length === 0;
      return conditions.find((condition) => {
        if (condition === "question") return this.#questions.isOpen;
        if (condition === "idle") return atRest;
        return turn === undefined ? atRest : this.#turn !== turn;
      });
    };
    const reason = await this.#waits.until(find, signal);
    return {
      sessionId: this.id,
      reason,
      state: this.state,
      ...(this.#lastTurn === undefined ? {} : { turn: this.#lastTurn }),
      ...(this.#questions.isOpen ? { questions: this.questions } : {}),
    };
  }

  /** Gives the session another name, through its agent: pi writes the name into its file. */
  async rename(name: string, caller: Caller): Promise<void> {
    await this.command({ type: "set_session_name", name }, caller);
    this.#save({ name });
  }

  /**
   * Ends the running turn, or the one with this id, also while it waits. pi's queues are emptied first,
   * because `abort` alone lets queued messages go on; their texts are given back.
   */
  async abort(turnId: string | undefined, caller: Caller): Promise<RequestResults["abort"]> {
    const nothing = { sessionId: this.id, aborted: false, steering: [], followUp: [] };
    const waiting = turnId === undefined ? undefined : this.#queue.remove(turnId);
    if (waiting !== undefined) {
      this.#rejectQueued(waiting);
      return { ...nothing, aborted: true, turnId: waiting.turnId };
    }
    const turn = this.#turn;
    if (turn === undefined || (turnId !== undefined && turn.id !== turnId)) {
      if (this.#compacting) await this.#agent.live?.call({ type: "abort" }, ABORT_TIMEOUT_MS);
      return nothing;
    }
    const cleared = await this.#abortTurn(turn, caller.pid);
    return { sessionId: this.id, aborted: true, turnId: turn.id, ...cleared };
  }

  /** Starts the agent if there is none, so that the session exists in pi. */
  async open(caller: Caller): Promise<void> {
    await this.#agent.ensure(caller);
  }

  /** Takes over an agent that already holds this session (a fork's). */
  adopt(agent: Agent, state: AgentState): void {
    this.#foreign.begin(state.sessionFile, undefined);
    this.#agent.take(agent, state);
    this.#scheduleParking();
  }

  /** The agent that was left no longer has the session's file. */
  fileLeft(): void {
    const seen = this.#fileLeft?.();
    this.#fileLeft = undefined;
    if (seen !== undefined) this.#save({ seen });
  }

  /** What an agent of this session reports to; `getAgent` tells which one it is. */
  handlersFor(getAgent: () => Agent | undefined): AgentHandlers {
    return {
      onRecord: (record, raw) => this.#onRecord(record, raw, getAgent()),
      onExit: (exit) => this.#onAgentExit(getAgent(), exit),
    };
  }

  /**
   * Lets go of an idle session's agent; the next prompt resumes it.
   *
   * @returns false when it can't be parked now
   */
  park(): boolean {
    return this.canPark && this.#letGo();
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
    try {
      for (const prompt of this.#queue.clear()) this.#rejectQueued(prompt);
      this.#restarts.skip();
      if (this.#turn) await this.#abortTurn(this.#turn, caller.pid);
      await this.#agent.started();
      if (closed) this.#save({ closed: true });
      await this.#agent.leave()?.stop();
      this.#emitState();
      return hadAgent;
    } finally {
      this.#closing -= 1;
      // Whoever prompted while it closed has not been told anything: the session goes on for that.
      this.#pump();
    }
  }

  /** Takes no more prompts and commands: the session is being deleted, or has gone with its agent. */
  retire(): void {
    this.#retired = true;
    for (const prompt of this.#queue.clear()) this.#rejectQueued(prompt);
  }

  #refuseWhenRetired(): void {
    if (!this.#retired) return;
    throw new PictlError("SESSION_NOT_FOUND", `Session ${this.id} has just been removed.`, {
      hint: "See `pictl session list --all` for those that are left.",
      details: { session: this.id },
    });
  }

  /** Ends the agent without asking pi to stop its turn first: for a daemon that is told to end at once. */
  endAgent(): void {
    for (const prompt of this.#queue.clear()) this.#rejectQueued(prompt);
    if (this.#turn !== undefined) this.#turn.abort ??= { pid: undefined };
    void this.#agent.live?.stop({ immediately: true });
  }

  #refuseWhenBusy(whenBusy: string, caller: Caller): void {
    if (whenBusy === "refuse") {
      throw new PictlError("SESSION_BUSY", `Session ${this.id} is working on another prompt.`, {
        hint: "Leave out --no-wait to wait in line, or use --steer or --follow-up to add to the running turn.",
        details: { sessionId: this.id, turnId: this.#turn?.id, queued: this.#queue.length },
        retryable: true,
      });
    }
    // pi gives its shell tools the id of their session (pi's environment-variables.md).
    if (caller.environment?.PI_SESSION_ID === this.id) {
      throw new PictlError("SESSION_BUSY", `Session ${this.id} can't wait for itself: its own turn asks.`, {
        hint: "Use --follow-up or --steer to add to this turn, or -s/--new for another session.",
        details: { sessionId: this.id },
      });
    }
  }

  /** What would end a running turn is refused while there is one. */
  #refuseWhileWorking(): void {
    if (this.#turn === undefined && !this.#compacting) return;
    throw new PictlError("SESSION_BUSY", `Session ${this.id} is working.`, {
      hint: "Wait for it with `pictl session wait`, or end its turn with `pictl session abort`.",
      details: { sessionId: this.id, turnId: this.#turn?.id },
      retryable: true,
    });
  }

  async #handOver(
    turn: ActiveTurn,
    { message, images }: PromptParams,
    streamingBehavior: "steer" | "followUp",
    accepted: (data: Accepted) => void,
  ): Promise<void> {
    const agent = await this.#agent.ensure({});
    const command = { type: "prompt", message, ...(images ? { images } : {}), streamingBehavior };
    const response = await agent.request(command, {
      onResponse: (answer) => {
        if (answer.success) accepted({ sessionId: this.id, turnId: turn.id, disposition: "queued" });
      },
    });
    if (!response.success) throw rejectedPromptError(response.error, undefined);
  }

  /** @returns false when the agent is still needed: a command that it has left running would end with it */
  #letGo(): boolean {
    const agent = this.#agent.live;
    if (agent === undefined) return false;
    if (agent.hasLeftovers()) {
      this.#scheduleParking();
      return false;
    }
    this.#agent.leave();
    this.log.clear();
    void (this.#host.agentParked?.(this, agent) ?? agent.stop());
    return true;
  }

  #pump(): void {
    if (this.#turn !== undefined || this.#compacting || this.#closing) return;
    const prompt = this.#queue.next();
    if (prompt === undefined) return;
    // A session with many prompts would keep its agent from others, who came first.
    if (this.state === "idle" && !this.record.options.ephemeral && this.#host.mustYield?.(prompt.since))
      this.#letGo();
    void this.#run(prompt, this.#beginTurn(prompt.turnId, prompt.params.onQuestion, prompt.caller.request));
  }

  async #run(prompt: QueuedPrompt, turn: ActiveTurn): Promise<void> {
    try {
      await this.#takeInForeignWrites();
      const agent = await this.#agent.ensure(prompt.caller, prompt.params);
      await this.#agent.setThinking(agent, prompt.params.thinking);
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
    const { message, images } = params;
    let disposition: string | undefined;
    const command = { type: "prompt", message, ...(images ? { images } : {}) };
    const response = await agent.request(command, {
      onResponse: (answer) => {
        if (!answer.success) return;
        disposition = (answer.data as { disposition?: string } | undefined)?.disposition;
        const handled = disposition === "handled";
        this.#trace("prompt accepted", { request: turn.request, turn: turn.id, agent: agent.pid });
        accept({ sessionId: this.id, turnId: turn.id, disposition: handled ? "handled" : "started" });
      },
    });
    if (!response.success) throw await promptRejection(agent, response.error);
    // For a prompt that an extension's command took, no `agent_settled` comes, unless the command made the model
    // work in its turn. pi 0.x doesn't say which it was, 1.x not that the model works.
    if (disposition === undefined || disposition === "handled") {
      const state = await agent.call<AgentState>({ type: "get_state" }, COMMAND_TIMEOUT_MS);
      if (state.isStreaming || turn.running) return;
      if (turn.brokenCommand === undefined) this.#endTurn(turn, "handled");
      else this.#endTurn(turn, "failed", brokenCommandError(turn.brokenCommand));
    }
  }

  /**
   * Ends the agent when somebody else has added to its file: what it wrote itself would begin a second branch
   * beside that. The next agent reads it, when that somebody isn't there any more.
   */
  async #takeInForeignWrites(): Promise<void> {
    const agent = this.#agent.live;
    if (agent === undefined || this.#turn?.sent || this.#compacting) return;
    if (!(await this.#foreign.check(agent)) || agent !== this.#agent.live) return;
    this.#host.log.info("reloading: somebody else has written", { session: this.id, agent: agent.pid });
    await this.#agent.leave()?.stop();
  }

  async #startAgent(caller: Caller, change: ModelChange): Promise<{ agent: Agent; state: AgentState }> {
    let agent: Agent | undefined;
    this.#askedAtStart = undefined;
    const handlers = this.handlersFor(() => agent);
    try {
      await this.#waitForRestart();
      const mark = ForeignWrites.mark(this.record.file);
      const started = await this.#host.startAgent(this, caller, change, handlers, this.#waitForAgent());
      agent = started.agent;
      this.#foreign.begin(started.state.sessionFile, mark);
      void this.#foreign.check(agent);
      this.#restarts.started();
      this.#scheduleParking();
      return started;
    } catch (error) {
      if (countsAsDeath(error)) this.#restarts.failed();
      // Read again: it is set by a record that came meanwhile.
      const question = this.#askedAtStart as Question | undefined;
      throw question === undefined ? error : askedAtStartError(question, error);
    }
  }

  /** Deaths in a row delay the next start, and the prompt that waits for it is told. */
  async #waitForRestart(): Promise<void> {
    const { failures, remainingMs } = this.#restarts;
    if (remainingMs === 0) return;
    const because = restartDelayed(failures, remainingMs);
    this.#host.log.info("agent start delayed", { session: this.id, failures, delayMs: remainingMs });
    if (this.#turn !== undefined) this.#emitTurn({ id: this.#turn.id, state: "queued", ahead: 0, because });
    await this.#restarts.wait();
    if (this.#closing || this.#turn?.abort) throw this.#turn?.unanswered ?? abortedWhileWaiting();
  }

  /** When all agents are busy, whoever has asked for the turn is told; an abort of the turn ends the wait. */
  #waitForAgent(): { onWaiting: (because: string) => void; signal: AbortSignal } {
    this.#waitsForAgent = new AbortController();
    const onWaiting = (because: string) => {
      const turn = this.#turn;
      if (turn !== undefined && !turn.sent)
        this.#emitTurn({ id: turn.id, state: "queued", ahead: 0, because });
    };
    return { onWaiting, signal: this.#waitsForAgent.signal };
  }

  #agentLeft(): void {
    clearTimeout(this.#parkTimer);
    this.#questions.close();
    this.#queuedInPi = { steering: [], followUp: [] };
    this.#displayed.clear();
    this.#compacting = false;
    this.#fileLeft = this.#foreign.end();
    this.#emitState();
    this.#host.agentEnded(this);
  }

  #onRecord(record: AgentRecord, raw: Buffer, agent: Agent | undefined): void {
    this.log.appendEvent(raw);
    switch (record.type) {
      case "message_update":
        break;
      case "agent_start":
        this.#onAgentStart();
        break;
      case "agent_settled":
        if (this.#turn) this.#endTurn(this.#turn);
        break;
      case "compaction_start":
      case "compaction_end":
        this.#compacting = record.type === "compaction_start";
        this.#emitState();
        this.#pump();
        break;
      case "session_info_changed":
        if (typeof record.name === "string") this.#save({ name: record.name });
        break;
      case "thinking_level_changed":
        this.#agent.thinkingChanged(String(record.level));
        break;
      case "extension_ui_request":
        this.#displayed.observe(record);
        // pi reads no answer before it is ready. Without one it gives up, or goes on when its own time is over.
        if (agent === undefined) this.#askedAtStart = questionOf(record)?.question;
        else this.#questions.ask(record, this.#turn ?? this.#askers.at(-1), (answer) => agent.notify(answer));
        break;
      case "extension_error":
        if (this.#turn !== undefined && record.event === "command")
          this.#turn.brokenCommand = String(record.error);
        break;
      case "queue_update":
        this.#queuedInPi = { steering: texts(record.steering), followUp: texts(record.followUp) };
        break;
      default:
        this.#turn?.tracker.observe(record);
    }
    this.subscribers.flush();
  }

  #onAgentStart(): void {
    // A run that no prompt of ours began: an extension's. It is a turn like any other.
    const turn = this.#turn ?? this.#beginTurn(randomUUID(), this.#askers.at(-1)?.onQuestion);
    this.#markSent(turn);
    turn.running = true;
    // The abort came between the prompt's acceptance and the start of its run, when pi had nothing to abort.
    if (turn.abort) void this.#agent.live?.request({ type: "abort" }).catch(() => undefined);
  }

  /** Runs something that may make the agent ask, and fails it when it asks where nobody may answer. */
  async #asking<T>(onQuestion: QuestionPolicy, run: () => Promise<T>): Promise<T> {
    let unanswered: PictlError | undefined;
    const asker: Asker = {
      onQuestion,
      fail: (error) => {
        unanswered ??= error;
      },
    };
    this.#askers.push(asker);
    try {
      const result = await run();
      if (unanswered !== undefined) throw unanswered;
      return result;
    } catch (error) {
      throw unanswered ?? error;
    } finally {
      this.#askers.splice(this.#askers.indexOf(asker), 1);
    }
  }

  async #abortTurn(
    turn: ActiveTurn,
    pid: number | undefined,
  ): Promise<{ steering: string[]; followUp: string[] }> {
    turn.abort ??= { pid };
    const cleared = { steering: [] as string[], followUp: [] as string[] };
    const agent = this.#agent.live;
    if (agent === undefined || !turn.sent) {
      // Still starting: the turn ends as soon as its agent is there, or failed to come.
      this.#restarts.skip();
      this.#waitsForAgent?.abort(abortedWhileWaiting());
      await bounded(turn.ended, ABORT_TIMEOUT_MS);
      return cleared;
    }
    try {
      // Both are written at once, ahead of an answer that would let the turn go on.
      const [texts] = await Promise.all([
        agent.call<typeof cleared>({ type: "clear_queue" }, ABORT_TIMEOUT_MS),
        agent.call({ type: "abort" }, ABORT_TIMEOUT_MS),
        // pi ends a turn only when nothing in it waits for an answer.
        this.#questions.decline(),
      ]);
      Object.assign(cleared, texts);
      if (await bounded(turn.ended, ABORT_TIMEOUT_MS)) return cleared;
    } catch (error) {
      this.#host.log.warn("abort failed", { session: this.id, error: toPictlError(error).message });
    }
    if (this.#turn === turn) await agent.stop({ immediately: true });
    return cleared;
  }

  #onAgentExit(agent: Agent | undefined, exit: AgentExit): void {
    if (agent === undefined || agent !== this.#agent.live) return;
    const { code, signal, expected, fault } = exit;
    this.#host.log.info("agent ended", { session: this.id, code, signal, expected, fault });
    const turn = this.#turn;
    if (!expected) this.#restarts.failed();
    this.#agent.leave();
    if (turn?.abort) this.#endTurn(turn, "aborted");
    else if (turn) this.#endTurn(turn, "died", agentDiedError(exit));
  }

  #beginTurn(id: string, onQuestion: QuestionPolicy = "fail", request?: string): ActiveTurn {
    clearTimeout(this.#parkTimer);
    const turn = new ActiveTurn(id, onQuestion, (failed) => void this.#abortTurn(failed, undefined));
    turn.request = request;
    this.#turn = turn;
    this.#host.turnBegan?.();
    this.#trace("turn begins", { request, turn: id });
    this.#emitState();
    return turn;
  }

  #markSent(turn: ActiveTurn): void {
    if (turn.sent) return;
    turn.sent = true;
    this.#foreign.working();
    // Written down before anything is sent: a turn that the daemon's death cuts must be known as cut.
    this.#save({ openTurn: turn.id, usedAt: Date.now() });
    this.#emitTurn({ id: turn.id, state: "started" });
  }

  /** Ends the turn if it still runs: with the given outcome, or with the one that its events tell. */
  #endTurn(turn: ActiveTurn, outcome?: TurnOutcome, failure?: PictlError): void {
    if (this.#turn !== turn) return;
    this.#questions.close();
    this.#turn = undefined;
    const last = turn.end(outcome, failure);
    this.#lastTurn = last;
    if (turn.sent && last.outcome !== "died") this.#restarts.worked();
    this.#host.turnEnded?.(last.outcome);
    const { request, id } = turn;
    const error = last.error?.code;
    this.#trace("turn ended", { request, turn: id, agent: this.agentPid, outcome: last.outcome, error });
    delete this.record.openTurn;
    const { file, written } = this.record;
    this.#save({
      usedAt: Date.now(),
      // One that never began says nothing of the one before it.
      interrupted: turn.sent ? last.outcome === "died" : (this.record.interrupted ?? false),
      written: written || (file !== undefined && existsSync(file)),
    });
    if (this.#agent.live !== undefined) void this.#foreign.check(this.#agent.live);
    this.#emitTurn(last);
    this.#emitState();
    this.#scheduleParking();
    this.#pump();
    if (this.canPark) this.#host.becameIdle();
  }

  #rejectQueued({ turnId, reject }: QueuedPrompt): void {
    const error = abortedWhileWaiting();
    reject(error);
    const { code, message } = error;
    this.#emitTurn({ id: turnId, state: "ended", outcome: "aborted", error: { code, message } });
  }

  #scheduleParking(): void {
    clearTimeout(this.#parkTimer);
    if (this.#host.parkAfterMs <= 0) return;
    this.#parkTimer = setTimeout(() => this.park(), this.#host.parkAfterMs);
    this.#parkTimer.unref();
  }

  #emitTurn(turn: Turn): void {
    this.log.append("turn", { turn });
    this.subscribers.flush();
    this.#waits.changed();
  }

  #emitState(): void {
    const state = this.state;
    if (state === this.#shownState) return;
    this.#shownState = state;
    this.log.append("state", { state });
    this.subscribers.flush();
    this.#waits.changed();
  }

  /** A step on the way of one request, which its id ties together. */
  #trace(step: string, fields: Record<string, unknown>): void {
    this.#host.log.debug(step, { ...fields, session: this.id });
  }

  #save(change: Partial<SessionRecord>): void {
    Object.assign(this.record, change);
    this.#host.save(this.record);
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

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
