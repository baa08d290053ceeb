import type { StreamRecord } from "../../protocol/stream.ts";
import { sanitize } from "../render/text-width.ts";

type Notice = Extract<StreamRecord, { type: "notice" }>;

/** What extensions show beside the conversation: each status and widget until it is replaced. */
export class ExtensionDisplay {
  readonly statuses = new Map<string, string>();
  readonly widgets = new Map<string, string>();
  /** What an extension calls the terminal. */
  title: string | undefined;
  #prefill: string | undefined;

  /** @returns false when the notice is to be shown in the conversation itself */
  take({ kind, key = "", text }: Notice): boolean {
    const safe = sanitize(text);
    if (kind === "status") setOrDelete(this.statuses, key, safe.replaceAll("\n", " ").trim());
    else if (kind === "widget") setOrDelete(this.widgets, key, safe);
    else if (kind === "title") this.title = safe.replaceAll("\n", " ");
    else if (kind === "prefill") this.#prefill = safe;
    else return false;
    return true;
  }

  /** A text that an extension wants in the input line; gives it once. */
  takePrefill(): string | undefined {
    const text = this.#prefill;
    this.#prefill = undefined;
    return text;
  }
}

function setOrDelete(map: Map<string, string>, key: string, text: string): void {
  if (text === "") map.delete(key);
  else map.set(key, text);
}
