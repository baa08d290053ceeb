import { toStreamRecords } from "../../client/stream-records.ts";
import type { ErrorBody } from "../../core/errors.ts";
import { jsonText } from "../../core/json-text.ts";
import type { PromptDocument, PromptToolCall } from "../../protocol/prompt-document.ts";
import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";
import { writeStdout } from "../output.ts";
import type { TurnContext, TurnView } from "./turn-view.ts";

/** `--format json`: one document at the end. */
export class DocumentView implements TurnView {
  readonly #toolCalls = new Map<string, PromptToolCall>();

  record(record: PushRecord): void {
    for (const each of toStreamRecords(record)) {
      if (each.type !== "tool") continue;
      const { id, name, state, args } = each;
      if (state === "started") this.#toolCalls.set(id, { id, name, args });
      const call = this.#toolCalls.get(id);
      if (call && (state === "completed" || state === "failed")) call.isError = state === "failed";
    }
  }

  async end(turn: Turn | undefined, context: TurnContext, error: ErrorBody | undefined): Promise<void> {
    const document: PromptDocument = {
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
    await writeStdout(`${jsonText(document, 2)}\n`);
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
