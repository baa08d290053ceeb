import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";
import { writeStdout } from "../output.ts";
import type { MessageEvent, TurnContext, TurnView } from "./turn-view.ts";

interface ToolCall {
  id: string;
  name: string;
  args: unknown;
  isError?: boolean;
}

/** `--format json`: one document at the end. */
export class DocumentView implements TurnView {
  readonly #toolCalls = new Map<string, ToolCall>();

  record(record: PushRecord): void {
    if (record.type !== "event") return;
    const event = record.event as MessageEvent;
    const id = event.toolCallId;
    if (id === undefined) return;
    if (event.type === "tool_execution_start") {
      this.#toolCalls.set(id, { id, name: event.toolName ?? "", args: event.args });
    } else if (event.type === "tool_execution_end") {
      const call = this.#toolCalls.get(id);
      if (call) call.isError = event.isError ?? false;
    }
  }

  async end(turn: Turn | undefined, context: TurnContext, error: object | undefined): Promise<void> {
    const document = {
      ...context,
      outcome: turn?.outcome ?? null,
      text: turn?.text ?? "",
      toolCalls: [...this.#toolCalls.values()],
      model: turn?.model ?? null,
      tokens: turn?.tokens ?? null,
      cost: turn?.cost ?? null,
      durationMs: turn?.durationMs ?? null,
      ...(error === undefined ? {} : { error }),
    };
    await writeStdout(`${JSON.stringify(document, null, 2)}\n`);
  }
}

/** `--format quiet`: the last answer alone, when the turn has ended. */
export class QuietView implements TurnView {
  record(): void {
    // Nothing is said before the end.
  }

  async end(turn: Turn | undefined): Promise<void> {
    const text = turn?.text ?? "";
    await writeStdout(text === "" || text.endsWith("\n") ? text : `${text}\n`);
  }
}
