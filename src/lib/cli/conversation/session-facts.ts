import type { Client } from "../../client/client.ts";
import { PictlError } from "../../core/errors.ts";
import type { PiCommand, PiStats } from "../pi-data.ts";
import type { Conversation } from "./conversation.ts";

/** How much of the model's context the session uses. */
export interface ContextUse {
  percent: number;
  /** Tokens. */
  window: number;
}

/** What is asked about a session because no record tells it. */
export class SessionFacts {
  /** Absent before the session's agent has said so. */
  context: ContextUse | undefined;
  readonly #client: Client;
  /** pi's own commands: asked for once. */
  #commands: Promise<PiCommand[]> | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** pi's own commands, templates and skills. Starts the agent of a session that is parked. */
  commands(sessionId: string): Promise<PiCommand[]> {
    this.#commands ??= this.#client
      .command("get_commands", { sessionId })
      .then((data) => (data as { commands: PiCommand[] }).commands)
      .catch((error: unknown) => {
        this.#commands = undefined;
        throw error;
      });
    return this.#commands;
  }

  /** Reads the model, the context used and the cost anew. */
  async refresh(sessionId: string, conversation: Conversation): Promise<void> {
    try {
      const { session } = await this.#client.request("get_session", { sessionId });
      conversation.update(session);
      // A parked session would get an agent for it.
      if (session.agentPid === undefined) return;
      const stats = (await this.#client.command("get_session_stats", { sessionId })) as PiStats;
      conversation.cost = stats.cost;
      const { percent, contextWindow } = stats.contextUsage ?? {};
      // Unknown right after a compaction.
      this.context =
        typeof percent === "number" && contextWindow !== undefined
          ? { percent, window: contextWindow }
          : undefined;
    } catch (error) {
      // The line below the input shows what it knew before; the end of the connection is told elsewhere.
      if (!(error instanceof PictlError)) throw error;
    }
  }
}
