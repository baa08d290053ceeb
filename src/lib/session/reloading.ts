import type { Logger } from "../core/logger.ts";
import { fileLostError } from "./file-lost.ts";
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
  /** Whether a file that is gone is found elsewhere: the next agent is started with it. */
  isElsewhere: () => boolean;
  save: (change: Partial<SessionRecord>) => void;
}

/** Keeps the agent's view of its session's file true when somebody else changes that file. */
export class Reloading {
  readonly foreign: ForeignWrites;
  readonly #sessionId: string;
  readonly #hooks: ReloadingHooks;
  #fileLeft: ReturnType<ForeignWrites["end"]> | undefined;

  constructor(sessionId: string, hooks: ReloadingHooks) {
    this.foreign = new ForeignWrites(sessionId);
    this.#sessionId = sessionId;
    this.#hooks = hooks;
  }

  /**
   * Ends the agent when its file isn't as the agent has it: what it wrote next would begin a second branch, or follow an
   * entry that isn't there. The next agent reads the file.
   *
   * @throws PictlError SESSION_FILE_LOST, STORAGE_UNAVAILABLE when the file isn't the session's any more. The agent
   * stays: it has the conversation, and the file may be put back.
   */
  async takeInForeignWrites(): Promise<void> {
    const { agent: its, log, isWriting, isElsewhere, refuseEnd } = this.#hooks;
    const agent = its.live;
    if (agent === undefined || isWriting()) return;
    const difference = await this.foreign.check(agent);
    if (difference === undefined || agent !== its.live) return;
    if (difference.kind === "lost" && !(difference.problem.kind === "missing" && isElsewhere())) {
      const { file, problem } = difference;
      log.warn("the session's file is lost", { session: this.#sessionId, file, problem: problem.kind });
      throw fileLostError({ id: this.#sessionId }, file, problem, true);
    }
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
