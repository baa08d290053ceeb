import { isTransientError } from "../agent/pi/transient-error.ts";
import type { AgentRecord } from "../agent/rpc-channel.ts";
import { addUsage, type UsageSum } from "../core/session-files/usage.ts";
import type { Turn, TurnOutcome } from "../protocol/session.ts";

type AssistantMessage = {
  role: string;
  content?: { type: string; text?: string }[];
  provider?: string;
  model?: string;
  stopReason?: string;
  errorMessage?: string;
  usage?: unknown;
};

/** pi saves these as `message` entries (its session-format.md). */
const SAVED_ROLES = new Set(["user", "assistant", "toolResult"]);

/**
 * Reads pi's events of one turn and says at its end how it went.
 *
 * A turn that fails settles like any other, so the last assistant message tells: its `stopReason`, and
 * `errorMessage` (pi's message-types.md).
 */
export class TurnTracker {
  readonly #startedAt = Date.now();
  #last: AssistantMessage | undefined;
  #text = "";
  #toolCalls = 0;
  #messages = 0;
  readonly #used: UsageSum = {
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
    cost: 0,
  };
  #aborted = false;

  observe(record: AgentRecord): void {
    switch (record.type) {
      case "tool_execution_start":
        this.#toolCalls += 1;
        break;
      case "message_end":
        this.#addMessage(record.message as AssistantMessage | undefined);
        break;
      case "compaction_end":
        addUsage(this.#used, (record.result as { usage?: unknown } | undefined)?.usage);
        break;
      case "entry_appended": {
        // What pi spends by itself, such as for keeping the prompt cache warm.
        const entry = record.entry as { type?: string; usage?: unknown } | undefined;
        if (entry?.type === "usage") addUsage(this.#used, entry.usage);
        break;
      }
      case "agent_settled":
        this.#aborted = record.aborted === true;
        break;
    }
  }

  #addMessage(message: AssistantMessage | undefined): void {
    if (message === undefined) return;
    if (SAVED_ROLES.has(message.role)) this.#messages += 1;
    // Also a tool's, which may have asked a model.
    addUsage(this.#used, message.usage);
    if (message.role !== "assistant") return;
    this.#last = message;
    const text = (message.content ?? [])
      .filter((block) => block.type === "text")
      .map((block) => block.text ?? "")
      .join("");
    if (text !== "") this.#text = text;
  }

  /** How many messages pi has completed that it saves as such, and whether the assistant's is among them. */
  said(): { messages: number; answered: boolean } {
    return { messages: this.#messages, answered: this.#last !== undefined };
  }

  /** How the turn went when pi says that it has settled. */
  outcome(abortRequested: boolean): { outcome: TurnOutcome; error?: NonNullable<Turn["error"]> } {
    const reason = this.#last?.stopReason;
    // A provider that is called after the abort reports that as an error.
    const wasAborted = abortRequested || this.#aborted;
    if (reason === "error" && !wasAborted) {
      return {
        outcome: "failed",
        error: {
          code: "TURN_FAILED",
          message: this.#last?.errorMessage ?? "The model ended with an error.",
          retryable: isTransientError(this.#last?.errorMessage),
        },
      };
    }
    if (reason === "length") {
      return {
        outcome: "truncated",
        error: {
          code: "TURN_TRUNCATED",
          message: "The answer was cut: the model reached its output limit.",
          hint: "Prompt `continue`, or choose a model with a larger output limit.",
        },
      };
    }
    if (
      reason === "aborted" ||
      this.#aborted ||
      (abortRequested && (reason === undefined || reason === "error"))
    ) {
      return { outcome: "aborted", error: { code: "TURN_ABORTED", message: "The turn was aborted." } };
    }
    return { outcome: "completed" };
  }

  /** What the turn used and said, for its last record. */
  totals(): Pick<Turn, "text" | "model" | "tokens" | "cost" | "durationMs" | "toolCalls"> {
    return {
      text: this.#text,
      ...(this.#last?.provider === undefined ? {} : { model: `${this.#last.provider}/${this.#last.model}` }),
      tokens: this.#used.tokens,
      cost: this.#used.cost,
      durationMs: Date.now() - this.#startedAt,
      toolCalls: this.#toolCalls,
    };
  }
}
