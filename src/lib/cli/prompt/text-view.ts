import { toStreamRecords } from "../../client/stream-records.ts";
import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { writeStderr, writeStdout } from "../output.ts";
import { noticeLine } from "../render/notice-line.ts";
import { describeToolCall, toolLine } from "./tool-line.ts";
import type { TurnContext, TurnView } from "./turn-view.ts";

export interface TextViewOptions {
  /** Show each tool call and what extensions show by the way: somebody watches stderr. Else each tool once. */
  showWork: boolean;
}

/** Notices that are for a log too: what an extension says to people, that one is broken, and what takes time. */
const ALWAYS_TOLD = new Set(["notification", "problem", "retry", "compaction"]);
/** Tools that are named in a log, each once: more is no use to anybody. */
const MAX_NAMED_TOOLS = 50;

/** Streams the assistant's text to stdout as it comes; everything else that is told goes to stderr. */
export class TextView implements TurnView {
  readonly #options: TextViewOptions;
  /** What was printed of the message that is being streamed. */
  #printed = "";
  /** The last message that was printed whole. */
  #last = "";
  /** Whether the assistant's latest message said something, which was printed. */
  #saidSomething = false;
  #endsWithNewline = true;
  readonly #namedTools = new Set<string>();
  #pending: Promise<void> = Promise.resolve();

  constructor(options: TextViewOptions) {
    this.#options = options;
  }

  record(record: PushRecord): void {
    for (const each of toStreamRecords(record)) this.#show(each);
  }

  shows(record: PushRecord): boolean {
    return toStreamRecords(record).some((each) => {
      if (each.type === "message") return each.role === "assistant";
      return each.type === "text" || each.type === "tool" || each.type === "notice";
    });
  }

  async end(turn: Turn | undefined, _context: TurnContext): Promise<void> {
    // A reader that was too slow has missed records; the turn's last text is in its last record.
    const text = (turn?.text ?? "").toWellFormed();
    if (text !== "" && text !== this.#last) this.#complete(text);
    this.endLine();
    await this.#pending;
  }

  /** Ends the line on stdout, for what is written to the same terminal next. */
  endLine(): void {
    if (!this.#endsWithNewline) this.#write("\n");
  }

  #show(record: StreamRecord): void {
    switch (record.type) {
      case "text":
        this.#print(record.text);
        break;
      case "message":
        if (record.role === "assistant") this.#complete(record.text);
        break;
      case "tool":
        if (this.#options.showWork) this.#tell(describeToolCall(record));
        else this.#nameTool(record.name);
        break;
      case "notice":
        if (record.voids) this.#takeBack();
        if (this.#options.showWork || ALWAYS_TOLD.has(record.kind)) this.#tell(noticeLine(record));
        break;
    }
  }

  /** The agent tries again: says so where something of the last try was printed, which can't be taken back. */
  #takeBack(): void {
    if (!this.#saidSomething) return;
    this.#saidSomething = false;
    this.#tell("⚠ The last message is void: an error cut it off, and the agent begins it again.");
  }

  #nameTool(name: string): void {
    if (this.#namedTools.has(name) || this.#namedTools.size >= MAX_NAMED_TOOLS) return;
    this.#namedTools.add(name);
    this.#tell(toolLine(name));
  }

  /** Prints what is missing of a finished message. The message is authoritative, its deltas are not. */
  #complete(text: string): void {
    if (!text.startsWith(this.#printed)) this.endLine();
    this.#print(text.startsWith(this.#printed) ? text.slice(this.#printed.length) : text);
    this.endLine();
    if (text !== "") this.#last = text;
    this.#saidSomething = text !== "";
    this.#printed = "";
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
    this.endLine();
    void writeStderr(`${line}\n`);
  }
}
