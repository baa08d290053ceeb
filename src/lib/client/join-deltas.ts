import { isHighSurrogate } from "../core/cut-text.ts";
import type { EventRecord, PushRecord } from "../protocol/records.ts";

/** A part of a record that continues a text. */
interface Delta {
  /** Names the text that it continues: a block of a message, or the output of a command. */
  text: string;
  /** Where its `delta` is. */
  holder: { [field: string]: unknown };
  /** The text is over: what is held has no second half. */
  isEnd: boolean;
}

/**
 * Joins surrogate pairs that an agent's deltas cut in two: the first half waits for the delta with the second.
 * A half without its other half becomes U+FFFD, as in every other place where text leaves pictl.
 */
export class DeltaJoiner {
  /** First halves by session and text. */
  readonly #held = new Map<string, Map<string, string>>();

  /** Changes the record in place. */
  join(record: PushRecord): void {
    if (record.type === "gap") this.#held.delete(record.sessionId);
    if (record.type !== "event") return;
    const delta = deltaOf(record.event);
    if (delta !== undefined) this.#join(record.sessionId, delta);
    else if (record.event.type === "message_end") this.#held.delete(record.sessionId);
  }

  #join(sessionId: string, { text, holder, isEnd }: Delta): void {
    const held = this.#held.get(sessionId);
    const before = held?.get(text) ?? "";
    if (isEnd && before === "") return;
    const joined = before + (typeof holder.delta === "string" ? holder.delta : "");
    const cut =
      !isEnd && isHighSurrogate(joined.charCodeAt(joined.length - 1)) ? joined.length - 1 : joined.length;
    if (cut < joined.length) this.#hold(sessionId, text, joined.slice(cut));
    else held?.delete(text);
    holder.delta = joined.slice(0, cut).toWellFormed();
  }

  #hold(sessionId: string, text: string, half: string): void {
    const held = this.#held.get(sessionId) ?? new Map<string, string>();
    this.#held.set(sessionId, held.set(text, half));
  }
}

function deltaOf(event: EventRecord["event"]): Delta | undefined {
  if (event.type === "bash_execution_update") {
    return { text: `bash ${event.id}`, holder: event, isEnd: false };
  }
  if (event.type !== "message_update") return undefined;
  const holder = event.assistantMessageEvent as
    | { type?: string; contentIndex?: number; delta?: unknown }
    | undefined;
  const [, kind, step] = /^(text|thinking|toolcall)_(delta|end)$/.exec(holder?.type ?? "") ?? [];
  if (holder === undefined || step === undefined) return undefined;
  return { text: `${kind} ${holder.contentIndex}`, holder, isEnd: step === "end" };
}
