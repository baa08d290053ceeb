import type { Agent, AgentHandlers } from "../agent/agent.ts";
import type { Logger } from "../core/logger.ts";
import type { Question } from "../protocol/question.ts";
import { type ActiveTurn, abortedWhileWaiting } from "./active-turn.ts";
import type { StartedAgent } from "./agent-starter.ts";
import type { Announcements } from "./announcements.ts";
import type { Caller, ModelChange } from "./caller.ts";
import { ForeignWrites } from "./foreign-writes.ts";
import { askedAtStartError } from "./questions.ts";
import type { SessionRecord } from "./registry.ts";
import { countsAsDeath, RestartDelay, restartDelayed } from "./restart-delay.ts";
import type { Warnings } from "./warnings.ts";

/** `onWaiting` is told why when all agents are busy; the signal ends such a wait. */
export interface WaitForAgent {
  onWaiting: (because: string) => void;
  signal: AbortSignal;
}

export interface StartingHooks {
  log: Logger;
  told: Announcements;
  foreign: ForeignWrites;
  /** What an agent of the session reports to; `getAgent` tells which one it is. */
  handlersFor: (getAgent: () => Agent | undefined) => AgentHandlers;
  start: (
    caller: Caller,
    change: ModelChange,
    handlers: AgentHandlers,
    wait: WaitForAgent,
  ) => Promise<StartedAgent>;
  warnings: Warnings;
  /** Called when an agent has come. */
  came: () => void;
  turn: () => ActiveTurn | undefined;
  isClosing: () => boolean;
}

/** The starts of a session's agent, and what they wait for: a place among the live agents, time after a death. */
export class Starting {
  readonly restarts = new RestartDelay();
  /** What an extension asked before pi listened. */
  askedAtStart: Question | undefined;
  readonly #record: SessionRecord;
  readonly #hooks: StartingHooks;
  /** Ends the wait for a place among the live agents. */
  #waitsForAgent: AbortController | undefined;

  constructor(record: SessionRecord, hooks: StartingHooks) {
    this.#record = record;
    this.#hooks = hooks;
  }

  async start(caller: Caller, change: ModelChange): Promise<StartedAgent> {
    const { foreign } = this.#hooks;
    let agent: Agent | undefined;
    this.askedAtStart = undefined;
    const handlers = this.#hooks.handlersFor(() => agent);
    try {
      await this.#waitForRestart();
      const mark = ForeignWrites.mark(this.#record.file);
      const started = await this.#hooks.start(caller, change, handlers, this.#waitForAgent());
      agent = started.agent;
      foreign.begin(started.state.sessionFile, mark);
      foreign.checkLater(agent);
      this.restarts.started();
      for (const text of agent.startWarnings) this.#hooks.warnings.addOnce(text);
      this.#hooks.came();
      return started;
    } catch (error) {
      if (countsAsDeath(error)) this.restarts.failed();
      // Read again: it is set by a record that came meanwhile.
      const question = this.askedAtStart as Question | undefined;
      throw question === undefined ? error : askedAtStartError(question, error);
    }
  }

  /** Lets nobody wait any longer for an agent that isn't wanted any more. */
  giveUp(): void {
    this.restarts.skip();
    this.#waitsForAgent?.abort(abortedWhileWaiting());
  }

  /** Deaths in a row delay the next start, and the prompt that waits for it is told. */
  async #waitForRestart(): Promise<void> {
    const { failures, remainingMs } = this.restarts;
    if (remainingMs === 0) return;
    const { log, told, turn, isClosing } = this.#hooks;
    const because = restartDelayed(failures, remainingMs);
    log.info("agent start delayed", { session: this.#record.id, failures, delayMs: remainingMs });
    const waiting = turn();
    if (waiting !== undefined) told.emitTurn({ id: waiting.id, state: "queued", ahead: 0, because });
    await this.restarts.wait();
    if (isClosing() || turn()?.abort) throw turn()?.unanswered ?? abortedWhileWaiting();
  }

  /** When all agents are busy, whoever has asked for the turn is told; an abort of the turn ends the wait. */
  #waitForAgent(): WaitForAgent {
    this.#waitsForAgent = new AbortController();
    const onWaiting = (because: string) => {
      const turn = this.#hooks.turn();
      if (turn !== undefined && !turn.sent)
        this.#hooks.told.emitTurn({ id: turn.id, state: "queued", ahead: 0, because });
    };
    return { onWaiting, signal: this.#waitsForAgent.signal };
  }
}
