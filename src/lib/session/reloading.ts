import type { Logger } from "../core/logger.ts";
import { ForeignWrites } from "./foreign-writes.ts";
import type { SessionRecord } from "./registry.ts";
import type { SessionAgent } from "./session-agent.ts";

export interface ReloadingHooks {
  agent: SessionAgent;
  log: Logger;
  /** Whether the agent is writing: then nothing may end it. */
  isWriting: () => boolean;
  /** Throws SESSION_BUSY while the end of the agent would cut a command. */
  refuseEnd: () => void;
  save: (change: Partial<SessionRecord>) => void;
}

/** Keeps the agent's view of its session's file true when somebody else writes to that file. */
export class Reloading {
  readonly foreign = new ForeignWrites();
  readonly #sessionId: string;
  readonly #hooks: ReloadingHooks;
  #fileLeft: ReturnType<ForeignWrites["end"]> | undefined;

  constructor(sessionId: string, hooks: ReloadingHooks) {
    this.#sessionId = sessionId;
    this.#hooks = hooks;
  }

  /**
   * Ends the agent when somebody else has added to its file: what it wrote itself would begin a second branch
   * beside that. The next agent reads it, when that somebody isn't there any more. Also when it could not write all
   * of a turn that failed: what came next would hang on nothing.
   */
  async takeInForeignWrites(): Promise<void> {
    const { agent: its, log, isWriting, refuseEnd } = this.#hooks;
    const agent = its.live;
    if (agent === undefined || isWriting()) return;
    if (!(await this.foreign.check(agent)) || agent !== its.live) return;
    refuseEnd();
    log.info("reloading: the file isn't as the agent has it", { session: this.#sessionId, agent: agent.pid });
    await its.leave()?.stop();
  }

  /** The agent is no longer the session's; it may still write until {@link fileLeft}. */
  agentLeft(): void {
    this.#fileLeft = this.foreign.end();
  }

  /** The agent that was left no longer has the session's file. */
  fileLeft(): void {
    const seen = this.#fileLeft?.();
    this.#fileLeft = undefined;
    if (seen !== undefined) this.#hooks.save({ seen });
  }
}
