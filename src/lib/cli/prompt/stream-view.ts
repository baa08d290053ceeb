import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { writeStdout } from "../output.ts";
import type { MessageEvent, TurnContext, TurnView } from "./turn-view.ts";

/** `--format stream-json`: one record a line, in pictl's own words (docs/protocol.md, "stream-json"). */
export class StreamView implements TurnView {
  #pending: Promise<void> = Promise.resolve();

  record(record: PushRecord): void {
    const { sessionId } = record;
    if (record.type === "gap")
      this.#emit({ type: "gap", sessionId, missed: record.toSeq - record.fromSeq + 1 });
    else if (record.type === "state") this.#emit({ type: "state", sessionId, state: record.state });
    else if (record.type === "turn") this.#onTurn(sessionId, record.turn);
    else this.#onEvent(sessionId, record.event as MessageEvent);
  }

  async end(
    turn: Turn | undefined,
    context: TurnContext,
    error: { code: string; message: string } | undefined,
  ): Promise<void> {
    const { sessionId } = context;
    if (error !== undefined) this.#emit({ type: "error", sessionId, ...error });
    if (turn !== undefined) {
      const { tokens, cost } = turn;
      if (tokens !== undefined && cost !== undefined) this.#emit({ type: "usage", sessionId, tokens, cost });
      this.#emit({
        type: "turn_ended",
        sessionId,
        turnId: turn.id,
        outcome: turn.outcome ?? "died",
        text: turn.text ?? "",
        durationMs: turn.durationMs ?? 0,
      });
    }
    await this.#pending;
  }

  #onTurn(sessionId: string, turn: Turn): void {
    if (turn.state === "queued")
      this.#emit({ type: "turn_queued", sessionId, turnId: turn.id, ahead: turn.ahead ?? 0 });
    if (turn.state === "started") this.#emit({ type: "turn_started", sessionId, turnId: turn.id });
  }

  #onEvent(sessionId: string, event: MessageEvent): void {
    const update = event.assistantMessageEvent;
    if (update?.type === "text_delta") this.#emit({ type: "text", sessionId, text: update.delta ?? "" });
    if (update?.type === "thinking_delta")
      this.#emit({ type: "thinking", sessionId, text: update.delta ?? "" });
    const { toolCallId, toolName } = event;
    if (toolCallId === undefined || toolName === undefined) return;
    if (event.type === "tool_execution_start") {
      this.#emit({
        type: "tool",
        sessionId,
        id: toolCallId,
        name: toolName,
        state: "started",
        args: event.args,
      });
    } else if (event.type === "tool_execution_end") {
      const output = (event.result?.content ?? []).map((block) => block.text ?? "").join("");
      const state = event.isError ? "failed" : "completed";
      this.#emit({ type: "tool", sessionId, id: toolCallId, name: toolName, state, output });
    }
  }

  #emit(record: StreamRecord): void {
    this.#pending = writeStdout(`${JSON.stringify(record)}\n`);
  }
}
