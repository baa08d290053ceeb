import type { Agent, AgentState } from "../agent/agent.ts";
import type { SessionOptions } from "../protocol/session.ts";
import type { Differences, StartedAgent } from "./agent-starter.ts";
import type { Caller, ModelChange } from "./caller.ts";
import { type Difference, type ModelAndLevel, modelOf } from "./promised.ts";
import type { SessionRecord } from "./registry.ts";

/** Commands that are answered from memory; longer means the agent is stuck. */
const COMMAND_TIMEOUT_MS = 30_000;

export interface SessionAgentHooks {
  start: (caller: Caller, change: ModelChange) => Promise<StartedAgent>;
  /** What the session's file says now. */
  inFile: () => ModelAndLevel;
  save: (change: Partial<SessionRecord>) => void;
  /** Throws SESSION_BUSY while the end of the agent would cut a command. */
  refuseEnd: () => void;
  /** An agent is starting, has come, or its start has failed. */
  changed: () => void;
  /** The agent is gone, or no longer this session's. */
  left: () => void;
}

/** The agent of one session, when it has one: its start, its model, and its leaving. */
export class SessionAgent {
  readonly #record: SessionRecord;
  readonly #hooks: SessionAgentHooks;
  #agent: Agent | undefined;
  #state: AgentState | undefined;
  #difference: Difference | undefined;
  /** Unlike the other one no command accepts it. */
  #toolsDifference: Differences["toolsDifference"];
  #starting: Promise<Agent> | undefined;

  constructor(record: SessionRecord, hooks: SessionAgentHooks) {
    this.#record = record;
    this.#hooks = hooks;
  }

  get live(): Agent | undefined {
    return this.#agent;
  }

  /** pi's own view of the session, as of the last time it told; undefined without an agent. */
  get state(): AgentState | undefined {
    return this.#state;
  }

  /** The same without the model and level in which the agent differs from the session. */
  get ownState(): AgentState | undefined {
    if (this.#state === undefined || this.#difference === undefined) return this.#state;
    const { model, thinkingLevel: _, ...own } = this.#state;
    return this.#difference.isModel ? own : { ...own, model };
  }

  get isStarting(): boolean {
    return this.#starting !== undefined;
  }

  /**
   * The agent, started when there is none, or anew when the model asked for can't be had otherwise. Everybody
   * who asks while it starts waits for the same start.
   */
  async ensure(caller: Caller, change: ModelChange = {}): Promise<Agent> {
    await this.started();
    if (this.#agent !== undefined && !this.#agent.hasEnded) {
      if (this.#mayUse(change) && (await this.#changeModel(this.#agent, change))) return this.#agent;
      this.#hooks.refuseEnd();
      await this.leave()?.stop();
    }
    // One that ended while nobody looked still has its place.
    if (this.#agent?.hasEnded) this.leave();
    this.#starting ??= this.#start(caller, change).finally(() => {
      this.#starting = undefined;
      this.#hooks.changed();
    });
    this.#hooks.changed();
    const agent = await this.#starting;
    // Somebody else may have started it for what needs no model.
    return this.#mayUse(change) ? agent : await this.ensure(caller, change);
  }

  #mayUse({ anyModel }: ModelChange): boolean {
    return (this.#difference ?? this.#toolsDifference) === undefined || anyModel === true;
  }

  /**
   * To be asked before a command that is about thinking levels: they are those of one model.
   *
   * @throws PictlError MODEL_UNAVAILABLE when the agent has another model than the session
   */
  refuseOtherModel(): void {
    if (this.#difference?.isModel) throw this.#difference.error;
  }

  /** Whether the agent has another model or thinking level than the session. */
  get differs(): boolean {
    return this.#difference !== undefined;
  }

  /** @throws PictlError MODEL_UNAVAILABLE when the agent has another model or thinking level than the session */
  refuseDifference(): void {
    if (this.#difference !== undefined) throw this.#difference.error;
  }

  /** Ends an agent whose sandbox has a hole, so that the next one is started in a whole one. Not while a turn runs. */
  async endIfExposed(): Promise<void> {
    await this.started();
    if (!this.#agent?.isExposed) return;
    this.#hooks.refuseEnd();
    await this.leave()?.stop();
  }

  /** Waits until no start is under way, however it ended. */
  async started(): Promise<void> {
    await this.#starting?.catch(() => undefined);
  }

  /** Takes an agent that holds this session. One that differs from what was promised doesn't change the promise. */
  take(agent: Agent, state: AgentState, { difference, toolsDifference }: Differences = {}): void {
    this.#agent = agent;
    this.#state = state;
    this.#difference = difference;
    this.#toolsDifference = toolsDifference;
    agent.serves(this.#record.id);
    const { sessionFile, sessionName } = state;
    this.#hooks.save({
      closed: false,
      ...(sessionFile === undefined ? {} : { file: sessionFile }),
      ...(sessionName === undefined || this.#record.renamed || agent.sandboxProfile !== undefined
        ? {}
        : { name: sessionName }),
    });
    if (difference === undefined) this.#promise({ model: modelOf(state), thinking: state.thinkingLevel });
    const { tools } = agent;
    if (toolsDifference === undefined && tools !== undefined)
      this.#hooks.save({ promisedTools: tools.active });
    this.#hooks.changed();
  }

  /** Lets go of the agent. @returns it, for whoever ends it; undefined when there was none */
  leave(): Agent | undefined {
    const agent = this.#agent;
    if (agent === undefined) return undefined;
    this.#agent = undefined;
    this.#state = undefined;
    this.#difference = undefined;
    this.#toolsDifference = undefined;
    this.#hooks.left();
    return agent;
  }

  /** Sets the thinking level when it is another one. */
  async setThinking(agent: Agent, level: string | undefined): Promise<void> {
    if (level === undefined || level === this.#state?.thinkingLevel) return;
    await agent.call({ type: "set_thinking_level", level }, COMMAND_TIMEOUT_MS);
  }

  /**
   * Changes the model as pi's `set_model` does. The scripted models' provider comes with its agent, so that
   * another one of them may need another agent.
   *
   * @param mayRestart throws where the agent can't be replaced now
   * @returns pi's model object
   * @throws PictlError AGENT_COMMAND_FAILED
   */
  async setModel(
    agent: Agent,
    { provider, modelId }: { [field: string]: unknown },
    caller: Caller,
    mayRestart: () => void,
  ): Promise<unknown> {
    const command = { type: "set_model", provider, modelId };
    // A sandbox has only what leads to the provider that its agent was started for.
    if (provider !== "scripted" && agent.sandboxProfile === undefined)
      return await agent.call(command, COMMAND_TIMEOUT_MS);
    const response = await agent.request(command, { timeoutMs: COMMAND_TIMEOUT_MS });
    if (response.success) return response.data;
    mayRestart();
    const other = await this.ensure(caller, { model: `${provider}/${modelId}` });
    return (await other.call({ type: "get_state" }, COMMAND_TIMEOUT_MS)).model;
  }

  /** Remembers what a command has changed: it was asked for, so from now on it is what the session has. */
  async observe(agent: Agent, command: { type: string; [field: string]: unknown }): Promise<void> {
    const { type } = command;
    const isModel = type === "set_model" || type === "cycle_model";
    if (!isModel && type !== "set_thinking_level" && type !== "cycle_thinking_level") return;
    // Only the model was chosen. The agent has a level of its own, fitted to a model that the session never had.
    if (isModel && this.#difference?.isModel && this.#difference.thinking !== undefined) {
      const level = this.#difference.thinking;
      await agent.call({ type: "set_thinking_level", level }, COMMAND_TIMEOUT_MS);
    }
    const state = await agent.call({ type: "get_state" }, COMMAND_TIMEOUT_MS);
    if (agent !== this.#agent) return;
    const { model, thinkingLevel } = state;
    const name = modelOf({ model });
    if (isModel && agent.sandboxProfile !== undefined && !this.#mayHave(name, command)) return;
    this.#state = { ...this.#state, ...state };
    this.#difference = undefined;
    this.#promise({ model: name, thinking: thinkingLevel });
    if (isModel) this.#remember(name);
  }

  /**
   * Whether a sandboxed agent can have this model after a command: the provider decides which key and which hosts its
   * session gets next, and what runs there may answer for pi.
   */
  #mayHave(name: string | undefined, { type, provider, modelId }: { [field: string]: unknown }): boolean {
    if (type === "set_model") return name === `${provider}/${modelId}`;
    const had = this.#record.promised?.model;
    return name !== undefined && had?.slice(0, had.indexOf("/")) === name.slice(0, name.indexOf("/"));
  }

  /** pi has told that its thinking level has changed. */
  thinkingChanged(level: string): void {
    if (this.#state) this.#state = { ...this.#state, thinkingLevel: level };
    if (this.#difference === undefined) this.#promise({ thinking: level });
  }

  async #start(caller: Caller, change: ModelChange): Promise<Agent> {
    const { agent, state, ...differences } = await this.#hooks.start(caller, change);
    if (change.model !== undefined) this.#remember(change.model);
    this.take(agent, state, differences);
    const { renamed, name } = this.#record;
    if (renamed) {
      await agent.call({ type: "set_session_name", name }, COMMAND_TIMEOUT_MS);
      this.#hooks.save({ renamed: false });
    }
    return agent;
  }

  /**
   * Changes the model of the running agent.
   *
   * @returns false when this takes a new agent: a pattern that only pi's command line resolves, or a model
   * whose provider isn't loaded
   */
  async #changeModel(agent: Agent, { model }: ModelChange): Promise<boolean> {
    const now = this.#state?.model;
    if (model === undefined || (now && model === `${now.provider}/${now.id}`)) return true;
    const slash = model.indexOf("/");
    if (slash <= 0) return false;
    const [provider, modelId] = [model.slice(0, slash), model.slice(slash + 1)];
    const command = { type: "set_model", provider, modelId };
    const response = await agent.request(command, { timeoutMs: COMMAND_TIMEOUT_MS });
    if (!response.success) return false;
    await this.observe(agent, command);
    return true;
  }

  /** Keeps the model as it was asked for last, and the level that it then has. */
  #remember(model: string | undefined): void {
    this.#hooks.save({ options: withModel(this.#record.options, model) });
  }

  #promise(change: ModelAndLevel): void {
    // Without a model there is nothing to promise, and the level is a placeholder too.
    if ((change.model ?? this.#record.promised?.model) === undefined) return;
    const isSandboxed = this.#agent?.sandboxProfile !== undefined;
    const inFile = this.#hooks.inFile();
    this.#hooks.save({
      promised: { ...this.#record.promised, ...change, inFile, ...(isSandboxed ? { isSandboxed } : {}) },
    });
  }
}

/** A session's options with another model, without a level that was asked for with the one before. */
export function withModel(
  { model: _, thinking: __, ...options }: SessionOptions,
  model: string | undefined,
): SessionOptions {
  return model === undefined ? options : { ...options, model };
}
