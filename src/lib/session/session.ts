import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import type { Agent, AgentExit, AgentState } from "../agent/agent.ts";
import type { AgentRecord } from "../agent/rpc-channel.ts";
import { PictlError, toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Environment } from "../core/paths.ts";
import type { RequestParams, RequestResults } from "../protocol/requests.ts";
import type { SessionState, Turn, TurnOutcome } from "../protocol/session.ts";
import { EventLog } from "./event-log.ts";
import { rejectedPromptError } from "./prompt-rejection.ts";
import type { SessionRecord } from "./registry.ts";
import { Subscribers } from "./subscribers.ts";
import { TurnTracker } from "./turn-tracker.ts";

/** Prompts that may wait behind a running turn; more than this is a script that went wrong. */
const MAX_QUEUED_PROMPTS = 100;
/** How long pi may take to act on an abort before its process is ended instead. */
const ABORT_TIMEOUT_MS = 10_000;
/** Commands that are answered from memory; longer means the agent is stuck. */
const COMMAND_TIMEOUT_MS = 30_000;
/** Commands that last as long as their work does. */
const UNBOUNDED_COMMANDS = new Set(["compact", "bash"]);
/** The methods of `extension_ui_request` that wait for an answer (pi's rpc-extension-ui.md). */
const DIALOGS = new Set(["select", "confirm", "input", "editor"]);

/** Who asks: the client's process, and its shell's environment for an agent that the request starts. */
export interface Caller {
  pid?: number | undefined;
  environment?: Environment | undefined;
}

/** A change of model or thinking level that comes with a prompt. */
export interface ModelChange {
  model?: string | undefined;
  thinking?: string | undefined;
}

/** What a session needs from what holds it. */
export interface SessionHost {
  readonly log: Logger;
  readonly parkAfterMs: number;
  /** Starts an agent for the session, waiting for a free place where agents are limited. */
  startAgent(
    session: Session,
    caller: Caller,
    change: ModelChange,
    handlers: { onRecord: (record: AgentRecord, raw: string) => void; onExit: (exit: AgentExit) => void },
  ): Promise<{ agent: Agent; state: AgentState }>;
  /** Called when the session's agent has ended. */
  agentEnded(session: Session): void;
  /** Called when a turn has ended and none follows: somebody may wait for the place of the session's agent. */
  becameIdle(): void;
  save(record: SessionRecord): void;
}

type PromptParams = Omit<RequestParams<"prompt">, "sessionId" | "cwd" | "create" | "fresh" | "subscribe">;
export type Accepted = Omit<RequestResults["prompt"], "created">;

interface QueuedPrompt {
  turnId: string;
  params: PromptParams;
  caller: Caller;
  accept: (data: Accepted) => void;
  reject: (error: unknown) => void;
}

interface ActiveTurn {
  id: string;
  tracker: TurnTracker;
  /** The prompt has been sent to pi. */
  sent: boolean;
  /** pi has begun a run for it. */
  running: boolean;
  onQuestion: "fail" | "wait";
  abort?: { pid?: number | undefined } | undefined;
  /** A dialog that ended the turn because nobody may answer it. */
  unanswered?: PictlError;
  ended: PromiseWithResolvers<void>;
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
  readonly #queue: QueuedPrompt[] = [];
  #agent: Agent | undefined;
  #agentState: AgentState | undefined;
  #starting: Promise<Agent> | undefined;
  #turn: ActiveTurn | undefined;
  #compacting = false;
  #question: { id: string; timer: NodeJS.Timeout | undefined } | undefined;
  #parkTimer: NodeJS.Timeout | undefined;
  #shownState: SessionState | undefined;
  #closing = false;

  constructor(record: SessionRecord, host: SessionHost) {
    this.record = record;
    this.#host = host;
    this.log = new EventLog(record.id);
    this.subscribers = new Subscribers(record.id, this.log);
    if (record.openTurn !== undefined) {
      delete record.openTurn;
      this.#save({ interrupted: true });
    }
  }

  get id(): string {
    return this.record.id;
  }

  get state(): SessionState {
    if (this.#question !== undefined) return "waiting";
    if (this.#starting !== undefined) return "starting";
    if (this.#compacting) return "compacting";
    if (this.#turn !== undefined) return "working";
    if (this.#agent !== undefined) return "idle";
    return this.record.closed ? "stopped" : "parked";
  }

  get agentPid(): number | undefined {
    return this.#agent?.pid;
  }

  /** pi's own view of the session, as of the last time it told; undefined without an agent. */
  get agentState(): AgentState | undefined {
    return this.#agentState;
  }

  get turnId(): string | undefined {
    return this.#turn?.id;
  }

  get queued(): number {
    return this.#queue.length;
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
  prompt(params: PromptParams, caller: Caller, accepted: (data: Accepted) => void): Promise<void> {
    const turn = this.#turn;
    const { whenBusy = "wait" } = params;
    if (turn?.sent && (whenBusy === "steer" || whenBusy === "followUp")) {
      return this.#handOver(turn, params, whenBusy, accepted);
    }
    const busy = turn !== undefined || this.#queue.length > 0 || this.#compacting;
    if (busy) this.#refuseWhenBusy(params, caller);
    return new Promise((resolve, reject) => {
      const turnId = params.turnId ?? randomUUID();
      this.#queue.push({
        turnId,
        params,
        caller,
        reject,
        accept: (data) => {
          accepted(data);
          resolve();
        },
      });
      if (busy) this.#emitTurn({ id: turnId, state: "queued", ahead: this.#queue.length });
      this.#pump();
    });
  }

  /** Sends one of pi's commands to the agent, starting it when there is none. @returns pi's `data` */
  async command(command: { type: string; [field: string]: unknown }, caller: Caller): Promise<unknown> {
    if (command.type === "extension_ui_response") {
      this.#answer(command);
      return undefined;
    }
    const agent = await this.#ensureAgent(caller, {});
    const timeoutMs = UNBOUNDED_COMMANDS.has(command.type) ? undefined : COMMAND_TIMEOUT_MS;
    const data = await agent.call(command, timeoutMs);
    this.#touch();
    return data;
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
    const waiting = this.#queue.findIndex((job) => job.turnId === turnId);
    const nothing = { sessionId: this.id, aborted: false, steering: [], followUp: [] };
    if (waiting !== -1) {
      const [job] = this.#queue.splice(waiting, 1);
      if (job) this.#rejectQueued(job);
      return { ...nothing, aborted: true, ...(turnId === undefined ? {} : { turnId }) };
    }
    const turn = this.#turn;
    if (turn === undefined || (turnId !== undefined && turn.id !== turnId)) {
      if (this.#compacting) await this.#agent?.call({ type: "abort" }, ABORT_TIMEOUT_MS);
      return nothing;
    }
    const cleared = await this.#abortTurn(turn, caller.pid);
    return { sessionId: this.id, aborted: true, turnId: turn.id, ...cleared };
  }

  /** Starts the agent if there is none, so that the session exists in pi. */
  async open(caller: Caller): Promise<AgentState> {
    await this.#ensureAgent(caller, {});
    if (this.#agentState === undefined) throw new Error("an agent without a state");
    return this.#agentState;
  }

  /** Takes over an agent that already holds this session (a fork's). */
  adopt(agent: Agent, state: AgentState): void {
    this.#attach(agent, state);
  }

  /** The handlers an agent of this session reports to. */
  handlersFor(getAgent: () => Agent | undefined): {
    onRecord: (record: AgentRecord, raw: string) => void;
    onExit: (exit: AgentExit) => void;
  } {
    return {
      onRecord: (record, raw) => this.#onRecord(record, raw),
      onExit: (exit) => this.#onAgentExit(getAgent(), exit),
    };
  }

  /** Ends the agent of an idle session; the next prompt resumes it. */
  async park(): Promise<void> {
    if (!this.canPark) return;
    const agent = this.#agent;
    this.#detach();
    this.log.clear();
    await agent?.stop();
  }

  /**
   * Ends the running turn and the agent, and refuses what waits.
   *
   * @param closed whether the user is done with it (shown as stopped), or only the daemon (shown as parked)
   * @returns whether there was an agent
   */
  async close(caller: Caller, closed = true): Promise<boolean> {
    const hadAgent = this.#agent !== undefined || this.#starting !== undefined;
    this.#closing = true;
    try {
      for (const job of this.#queue.splice(0)) this.#rejectQueued(job);
      if (this.#turn) await this.#abortTurn(this.#turn, caller.pid);
      await this.#starting?.catch(() => undefined);
      const agent = this.#agent;
      this.#detach();
      await agent?.stop();
      if (closed) this.#save({ closed: true });
      this.#emitState();
      return hadAgent;
    } finally {
      this.#closing = false;
    }
  }

  /** Resolves when no turn runs and none waits, or at once. */
  async settled(): Promise<void> {
    while (this.#turn !== undefined) await this.#turn.ended.promise;
  }

  /** Ends the agent without waiting for anything: the daemon has run out of time. */
  kill(): void {
    void this.#agent?.stop({ immediately: true });
  }

  #refuseWhenBusy(params: PromptParams, caller: Caller): void {
    if (params.whenBusy === "refuse") {
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
    if (this.#queue.length >= MAX_QUEUED_PROMPTS) {
      throw new PictlError(
        "LIMIT_EXCEEDED",
        `${MAX_QUEUED_PROMPTS} prompts already wait for session ${this.id}.`,
        {
          hint: "Wait until some are done.",
          details: { limit: "queued_prompts", value: MAX_QUEUED_PROMPTS },
          retryable: true,
        },
      );
    }
  }

  async #handOver(
    turn: ActiveTurn,
    params: PromptParams,
    streamingBehavior: "steer" | "followUp",
    accepted: (data: Accepted) => void,
  ): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined) throw new PictlError("AGENT_DIED", "The agent ended.", { retryable: true });
    const { message, images } = params;
    const response = await agent.request(
      { type: "prompt", message, ...(images ? { images } : {}), streamingBehavior },
      {
        onResponse: (answer) => {
          if (answer.success) accepted({ sessionId: this.id, turnId: turn.id, disposition: "queued" });
        },
      },
    );
    if (!response.success) throw rejectedPromptError(response.error, undefined);
  }

  #pump(): void {
    if (this.#turn !== undefined || this.#compacting || this.#closing) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    const turn = this.#beginTurn(job.turnId, job.params.onQuestion ?? "fail");
    void this.#run(job, turn);
  }

  async #run(job: QueuedPrompt, turn: ActiveTurn): Promise<void> {
    try {
      const agent = await this.#ensureAgent(job.caller, job.params);
      await this.#applyThinking(agent, job.params);
      if (turn.abort) throw abortedWhileWaiting();
      this.#save({ openTurn: turn.id, usedAt: Date.now() });
      turn.sent = true;
      this.#emitTurn({ id: turn.id, state: "started" });
      await this.#send(agent, job, turn);
    } catch (error) {
      const failure = toPictlError(error);
      job.reject(failure);
      if (this.#turn === turn)
        this.#endTurn(turn, failure.code === "TURN_ABORTED" ? "aborted" : "failed", failure);
    }
  }

  async #send(agent: Agent, job: QueuedPrompt, turn: ActiveTurn): Promise<void> {
    const { message, images } = job.params;
    let disposition: string | undefined;
    const response = await agent.request(
      { type: "prompt", message, ...(images ? { images } : {}) },
      {
        onResponse: (answer) => {
          if (!answer.success) return;
          disposition = (answer.data as { disposition?: string } | undefined)?.disposition;
          const handled = disposition === "handled";
          job.accept({ sessionId: this.id, turnId: turn.id, disposition: handled ? "handled" : "started" });
          if (handled) this.#endTurn(turn, "handled");
        },
      },
    );
    if (!response.success) throw rejectedPromptError(response.error, await this.#modelAccess(agent));
    // pi 0.x doesn't say that an extension command handled the prompt, and then no `agent_settled` comes.
    if (disposition === undefined) {
      const state = await agent.call<AgentState>({ type: "get_state" }, COMMAND_TIMEOUT_MS);
      if (!state.isStreaming && !turn.running) this.#endTurn(turn, "handled");
    }
  }

  /** Whether pi has a model at all and a credential for it: tells a missing login from other refusals. */
  async #modelAccess(agent: Agent): Promise<{ model?: string; usable: boolean }> {
    const { model } = await agent.call<AgentState>({ type: "get_state" }, COMMAND_TIMEOUT_MS);
    const available = { type: "get_available_models" };
    const { models } = await agent.call<{ models: { provider: string }[] }>(available, COMMAND_TIMEOUT_MS);
    // Without any credential pi has a placeholder for a model.
    if (model === undefined || models.length === 0) return { usable: false };
    return {
      model: `${model.provider}/${model.id}`,
      usable: models.some(({ provider }) => provider === model.provider),
    };
  }

  async #applyThinking(agent: Agent, { thinking }: ModelChange): Promise<void> {
    if (thinking === undefined || thinking === this.#agentState?.thinkingLevel) return;
    await agent.call({ type: "set_thinking_level", level: thinking }, COMMAND_TIMEOUT_MS);
  }

  async #ensureAgent(caller: Caller, change: ModelChange): Promise<Agent> {
    await this.#starting?.catch(() => undefined);
    if (this.#agent !== undefined && !this.#agent.hasEnded) {
      if (await this.#changeModel(this.#agent, change)) return this.#agent;
      const outdated = this.#agent;
      this.#detach();
      await outdated.stop();
    }
    this.#starting ??= this.#start(caller, change).finally(() => {
      this.#starting = undefined;
      this.#emitState();
    });
    this.#emitState();
    return await this.#starting;
  }

  /**
   * Changes the model of the running agent.
   *
   * @returns false when this takes a new agent: a pattern that only pi's command line resolves, or a model
   * whose provider isn't loaded
   */
  async #changeModel(agent: Agent, { model }: ModelChange): Promise<boolean> {
    const now = this.#agentState?.model;
    if (model === undefined || (now && model === `${now.provider}/${now.id}`)) return true;
    const slash = model.indexOf("/");
    if (slash <= 0) return false;
    const [provider, modelId] = [model.slice(0, slash), model.slice(slash + 1)];
    const response = await agent.request(
      { type: "set_model", provider, modelId },
      { timeoutMs: COMMAND_TIMEOUT_MS },
    );
    if (!response.success) return false;
    if (this.#agentState) this.#agentState = { ...this.#agentState, model: { provider, id: modelId } };
    this.#save({ options: { ...this.record.options, model } });
    return true;
  }

  async #start(caller: Caller, change: ModelChange): Promise<Agent> {
    let agent: Agent | undefined;
    const started = await this.#host.startAgent(
      this,
      caller,
      change,
      this.handlersFor(() => agent),
    );
    agent = started.agent;
    if (change.model !== undefined) this.#save({ options: { ...this.record.options, model: change.model } });
    this.#attach(agent, started.state);
    return agent;
  }

  #attach(agent: Agent, state: AgentState): void {
    this.#agent = agent;
    this.#agentState = state;
    const { sessionFile, sessionName } = state;
    this.#save({
      closed: false,
      ...(sessionFile === undefined ? {} : { file: sessionFile }),
      ...(sessionName === undefined ? {} : { name: sessionName }),
    });
    this.#touch();
  }

  #detach(): void {
    clearTimeout(this.#parkTimer);
    clearTimeout(this.#question?.timer);
    this.#question = undefined;
    this.#compacting = false;
    this.#agent = undefined;
    this.#agentState = undefined;
    this.#emitState();
    this.#host.agentEnded(this);
  }

  #onRecord(record: AgentRecord, raw: string): void {
    this.log.appendEvent(raw);
    switch (record.type) {
      case "message_update":
        break;
      case "agent_start":
        this.#onAgentStart();
        break;
      case "agent_settled":
        if (this.#turn) this.#endTurn(this.#turn, undefined);
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
        if (this.#agentState) this.#agentState = { ...this.#agentState, thinkingLevel: String(record.level) };
        break;
      case "extension_ui_request":
        this.#onDialog(record);
        break;
      default:
        this.#turn?.tracker.observe(record);
    }
    this.subscribers.flush();
  }

  #onAgentStart(): void {
    // A run that no prompt of ours began: an extension's. It is a turn like any other.
    const turn = this.#turn ?? this.#beginTurn(randomUUID(), "fail");
    if (!turn.sent) {
      turn.sent = true;
      this.#emitTurn({ id: turn.id, state: "started" });
    }
    turn.running = true;
    // The abort came between the prompt's acceptance and the start of its run, when pi had nothing to abort.
    if (turn.abort) void this.#agent?.request({ type: "abort" }).catch(() => undefined);
  }

  #onDialog(record: AgentRecord): void {
    const { id, method } = record;
    if (typeof id !== "string" || typeof method !== "string" || !DIALOGS.has(method)) return;
    const turn = this.#turn;
    if (turn?.onQuestion === "wait") {
      const timeout = typeof record.timeout === "number" ? record.timeout : undefined;
      const timer = timeout === undefined ? undefined : setTimeout(() => this.#answered(id), timeout);
      this.#question = { id, timer };
      this.#emitState();
      return;
    }
    this.#agent?.notify({ type: "extension_ui_response", id, cancelled: true });
    if (turn === undefined) return;
    const asked = String(record.title ?? record.message ?? method);
    turn.unanswered ??= new PictlError(
      "QUESTION_UNANSWERED",
      `The agent asked "${asked}" and nobody may answer here.`,
      {
        hint: "Use --on-question wait and answer it with an `extension_ui_response`, or configure the extension not to ask.",
        details: {
          method,
          title: asked,
          ...(Array.isArray(record.options) ? { options: record.options } : {}),
        },
      },
    );
    void this.#abortTurn(turn, undefined);
  }

  #answer(command: { type: string; [field: string]: unknown }): void {
    if (this.#agent === undefined || this.#question === undefined || command.id !== this.#question.id) {
      throw new PictlError(
        "ENTRY_NOT_FOUND",
        `Session ${this.id} has no open question ${String(command.id)}.`,
        {
          hint: "It may have been answered from another terminal, or its turn has ended.",
        },
      );
    }
    this.#agent.notify(command);
    this.#answered(this.#question.id);
  }

  #answered(id: string): void {
    if (this.#question?.id !== id) return;
    clearTimeout(this.#question.timer);
    this.#question = undefined;
    this.#emitState();
  }

  async #abortTurn(
    turn: ActiveTurn,
    pid: number | undefined,
  ): Promise<{ steering: string[]; followUp: string[] }> {
    turn.abort ??= { pid };
    const cleared = { steering: [] as string[], followUp: [] as string[] };
    const agent = this.#agent;
    if (agent === undefined || !turn.sent) {
      // Still starting: the turn ends as soon as its agent is there, or failed to come.
      await bounded(turn.ended.promise, ABORT_TIMEOUT_MS);
      return cleared;
    }
    try {
      Object.assign(cleared, await agent.call({ type: "clear_queue" }, ABORT_TIMEOUT_MS));
      await agent.call({ type: "abort" }, ABORT_TIMEOUT_MS);
      if (await bounded(turn.ended.promise, ABORT_TIMEOUT_MS)) return cleared;
    } catch (error) {
      this.#host.log.warn("abort failed", { session: this.id, error: toPictlError(error).message });
    }
    if (this.#turn === turn) await agent.stop({ immediately: true });
    return cleared;
  }

  #onAgentExit(agent: Agent | undefined, exit: AgentExit): void {
    if (agent === undefined || agent !== this.#agent) return;
    this.#host.log.info("agent ended", {
      session: this.id,
      code: exit.code,
      signal: exit.signal,
      expected: exit.expected,
    });
    const turn = this.#turn;
    this.#detach();
    if (turn !== undefined) {
      const how = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
      this.#endTurn(
        turn,
        turn.abort ? "aborted" : "died",
        turn.abort
          ? undefined
          : new PictlError(
              "AGENT_DIED",
              `The pi process ${how} in the middle of the turn${exit.stderr ? `:\n${exit.stderr.split("\n").slice(-5).join("\n")}` : "."}`,
              { hint: "Prompt again: the session goes on with all that pi had saved.", retryable: true },
            ),
      );
    }
    this.#pump();
  }

  #beginTurn(id: string, onQuestion: "fail" | "wait"): ActiveTurn {
    clearTimeout(this.#parkTimer);
    const turn: ActiveTurn = {
      id,
      tracker: new TurnTracker(),
      sent: false,
      running: false,
      onQuestion,
      ended: Promise.withResolvers<void>(),
    };
    this.#turn = turn;
    this.#emitState();
    return turn;
  }

  /** Ends the turn with the given outcome, or (undefined) with the one that its events tell. */
  #endTurn(turn: ActiveTurn, outcome: TurnOutcome | undefined, failure?: PictlError): void {
    if (this.#turn !== turn) return;
    this.#turn = undefined;
    const told = outcome === undefined ? turn.tracker.outcome(turn.abort !== undefined) : { outcome };
    const error =
      turn.unanswered?.toBody() ?? failure?.toBody() ?? ("error" in told ? told.error : undefined);
    delete this.record.openTurn;
    const { file } = this.record;
    this.#save({
      usedAt: Date.now(),
      interrupted: told.outcome === "died",
      written: this.record.written || (file !== undefined && existsSync(file)),
    });
    this.#emitTurn({
      id: turn.id,
      state: "ended",
      outcome: turn.unanswered ? "failed" : told.outcome,
      ...(error === undefined
        ? {}
        : {
            error: { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) },
          }),
      ...(turn.abort?.pid === undefined ? {} : { abortedBy: turn.abort.pid }),
      ...turn.tracker.totals(),
    });
    turn.ended.resolve();
    this.#emitState();
    this.#touch();
    this.#pump();
    if (this.canPark) this.#host.becameIdle();
  }

  #rejectQueued(job: QueuedPrompt): void {
    const error = abortedWhileWaiting();
    job.reject(error);
    this.#emitTurn({
      id: job.turnId,
      state: "ended",
      outcome: "aborted",
      error: { code: error.code, message: error.message },
    });
  }

  #touch(): void {
    clearTimeout(this.#parkTimer);
    if (this.#agent === undefined || this.#host.parkAfterMs <= 0) return;
    this.#parkTimer = setTimeout(() => void this.park(), this.#host.parkAfterMs);
    this.#parkTimer.unref();
  }

  #emitTurn(turn: Turn): void {
    this.log.append("turn", { turn });
    this.subscribers.flush();
  }

  #emitState(): void {
    const state = this.state;
    if (state === this.#shownState) return;
    this.#shownState = state;
    this.log.append("state", { state });
    this.subscribers.flush();
  }

  #save(change: Partial<SessionRecord>): void {
    Object.assign(this.record, change);
    this.#host.save(this.record);
  }
}

function abortedWhileWaiting(): PictlError {
  return new PictlError("TURN_ABORTED", "The prompt was aborted before its turn began.");
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
