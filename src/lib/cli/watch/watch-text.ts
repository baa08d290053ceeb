import { formatDuration } from "../../core/duration.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { describeToolCall } from "../prompt/tool-line.ts";
import type { Colors } from "../render/color.ts";
import { noticeLine } from "../render/notice-line.ts";
import { compactNumber, dollars } from "../render/numbers.ts";
import { howToAnswer, questionText } from "../render/question-text.ts";
import { PieceSanitizer, sanitize } from "../render/text-width.ts";

type Of<T extends StreamRecord["type"]> = Extract<StreamRecord, { type: T }>;
type Style = (text: string) => string;

/** Told of a session's state; the others show in what is said and done. */
const TOLD_STATES = new Set(["starting", "compacting", "parked", "stopped"]);

/** What is said and done in one session as text for a person, piece by piece. */
export class WatchText {
  readonly #colors: Colors;
  readonly #write: (text: string) => void;
  /** What of the assistant's message was shown already. */
  #printed = "";
  #flow: "text" | "thinking" | "shell" | undefined;
  #pieces = new PieceSanitizer();
  #endsWithNewline = true;
  #used: Of<"usage"> | undefined;

  constructor(colors: Colors, write: (text: string) => void) {
    this.#colors = colors;
    this.#write = write;
  }

  show(record: StreamRecord): void {
    const { dim, red, yellow } = this.#colors;
    switch (record.type) {
      case "text":
        this.#printed += record.text;
        this.#stream("text", record.text);
        break;
      case "thinking":
        this.#stream("thinking", record.text, (text) => this.#colors.italic(dim(text)));
        break;
      case "shell":
        this.#stream("shell", record.text, dim);
        break;
      case "message":
        this.#message(record);
        break;
      case "tool":
        this.#line(describeToolCall(record), record.state === "failed" ? red : this.#colors.cyan);
        break;
      case "question":
        this.#question(record);
        break;
      case "notice":
        this.#line(
          noticeLine(record),
          record.level === "error" ? red : record.level === "warning" ? yellow : dim,
        );
        break;
      case "queue":
        for (const text of record.steering) this.#line(`… to steer: ${sanitize(text)}`, dim);
        for (const text of record.followUp) this.#line(`… to follow: ${sanitize(text)}`, dim);
        break;
      case "turn_queued":
        this.#line(
          record.because === undefined
            ? `… a prompt waits behind ${record.ahead}`
            : `… a prompt waits: ${sanitize(record.because)}`,
          dim,
        );
        break;
      case "state":
        if (TOLD_STATES.has(record.state)) this.#line(`· ${record.state}`, dim);
        break;
      case "usage":
        this.#used = record;
        break;
      case "gap":
        this.#line(`… ${record.missed} records were missed`, yellow);
        break;
      case "error":
        this.#line(`✖ ${sanitize(record.message)} [${record.code}]`, red);
        break;
      case "turn_ended":
        this.#ended(record);
        break;
    }
  }

  /** Ends what is being streamed, for what comes from elsewhere next. */
  endLine(): void {
    this.#flow = undefined;
    this.#pieces = new PieceSanitizer();
    if (!this.#endsWithNewline) this.#write("\n");
    this.#endsWithNewline = true;
  }

  #message({ role, text }: Of<"message">): void {
    if (role === "assistant") {
      const rest = text.startsWith(this.#printed) ? text.slice(this.#printed.length) : text;
      if (rest !== "") this.#stream("text", rest);
      this.#printed = "";
      this.endLine();
      return;
    }
    const mark = role === "user" ? "> " : "";
    for (const line of sanitize(text).trimEnd().split("\n")) this.#line(mark + line, this.#colors.bold);
  }

  #question({ question, state, sessionId }: Of<"question">): void {
    if (state !== "open") {
      this.#line(`? ${sanitize(question.title)}: ${state}`, this.#colors.dim);
      return;
    }
    const how = `Answer: pictl session respond -s ${sessionId} ${howToAnswer(question)}`;
    this.#line(`${questionText(question)}${how}`, this.#colors.yellow);
  }

  #ended({ outcome, durationMs }: Of<"turn_ended">): void {
    const facts = [outcome, formatDuration(durationMs)];
    if (this.#used !== undefined) {
      facts.push(`${compactNumber(this.#used.tokens.total)} tokens`, dollars(this.#used.cost));
    }
    this.#used = undefined;
    this.#line(`— ${facts.join(" · ")}`, this.#colors.dim);
  }

  #stream(flow: "text" | "thinking" | "shell", text: string, style: Style = (plain) => plain): void {
    if (this.#flow !== flow) this.endLine();
    this.#flow = flow;
    const shown = this.#pieces.next(text);
    if (shown === "") return;
    this.#write(style(shown));
    this.#endsWithNewline = shown.endsWith("\n");
  }

  #line(text: string | undefined, style: Style): void {
    if (text === undefined) return;
    this.endLine();
    this.#write(`${style(text)}\n`);
  }
}
