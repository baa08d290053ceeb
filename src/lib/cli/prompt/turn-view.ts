import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";

/** What is known of a turn beside its own records. */
export interface TurnContext {
  sessionId: string;
  turnId: string;
  created: boolean;
}

/** Shows one turn in one output format. Methods that return a promise are awaited in order. */
export interface TurnView {
  /** Each record of the session from the turn's start to its end, in order. */
  record(record: PushRecord): void;
  /** The turn has ended, or the wait for it has: `error` says why then. */
  end(
    turn: Turn | undefined,
    context: TurnContext,
    error: { code: string; message: string } | undefined,
  ): Promise<void>;
}

/** pi's `message_update` and `message_end` events, as far as views read them. */
export interface MessageEvent {
  type: string;
  assistantMessageEvent?: { type: string; delta?: string };
  message?: { role: string; content?: { type: string; text?: string; thinking?: string }[] | string };
  toolCallId?: string;
  toolName?: string;
  args?: unknown;
  result?: { content?: { type: string; text?: string }[] };
  isError?: boolean;
}

/** The text of an assistant message, or undefined for anything else. */
export function assistantText(event: MessageEvent): string | undefined {
  if (event.message?.role !== "assistant" || !Array.isArray(event.message.content)) return undefined;
  return event.message.content
    .filter((block) => block.type === "text")
    .map((block) => block.text ?? "")
    .join("");
}
