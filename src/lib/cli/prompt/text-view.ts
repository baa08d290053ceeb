import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";
import { writeStderr, writeStdout } from "../output.ts";
import { describeToolCall } from "./tool-line.ts";
import { assistantText, type MessageEvent, type TurnContext, type TurnView } from "./turn-view.ts";

/** Streams the assistant's text to stdout as it comes, and tool activity to stderr where somebody watches. */
export class TextView implements TurnView {
  readonly #showTools: boolean;
  /** What was printed of the message that is being streamed. */
  #printed = "";
  #endsWithNewline = true;
  #pending: Promise<void> = Promise.resolve();

  constructor(showTools: boolean) {
    this.#showTools = showTools;
  }

  record(record: PushRecord): void {
    if (record.type !== "event") return;
    const event = record.event as MessageEvent;
    switch (event.type) {
      case "message_start":
        if (event.message?.role === "assistant") this.#printed = "";
        break;
      case "message_update":
        if (event.assistantMessageEvent?.type === "text_delta")
          this.#print(event.assistantMessageEvent.delta ?? "");
        break;
      case "message_end":
        this.#complete(assistantText(event));
        break;
      case "tool_execution_start":
      case "tool_execution_end":
        if (this.#showTools) this.#tell(describeToolCall(event));
        break;
    }
  }

  async end(turn: Turn | undefined, _context: TurnContext): Promise<void> {
    // A reader that was too slow has missed records; the turn's last text is in its last record.
    if (turn?.text && !turn.text.startsWith(this.#printed)) this.#complete(turn.text, "");
    else if (turn?.text) this.#complete(turn.text);
    await this.#pending;
  }

  /** Prints what is missing of a finished message. The message is authoritative, its deltas are not. */
  #complete(text: string | undefined, printed = this.#printed): void {
    if (text === undefined) return;
    if (text.startsWith(printed)) this.#print(text.slice(printed.length));
    if (!this.#endsWithNewline) this.#write("\n");
    this.#printed = text;
  }

  #print(text: string): void {
    this.#printed += text;
    this.#write(text);
  }

  #write(text: string): void {
    if (text === "") return;
    this.#endsWithNewline = text.endsWith("\n");
    this.#pending = writeStdout(text);
  }

  #tell(line: string | undefined): void {
    if (line === undefined) return;
    if (!this.#endsWithNewline) this.#write("\n");
    void writeStderr(`${line}\n`);
  }
}
