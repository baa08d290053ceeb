import { createInterface, type Interface } from "node:readline";
import type { Answer, Question } from "../../protocol/question.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { writeStdout } from "../output.ts";
import { sanitize } from "../render/text-width.ts";
import type { Choice, Face } from "./face.ts";
import { handleInput } from "./handle-input.ts";
import { lineOf, PROMPT } from "./plain-lines.ts";
import type { Ending } from "./show.ts";
import type { Talk } from "./talk.ts";

/**
 * A conversation where the terminal can do nothing but print (`TERM=dumb`): lines in, text out. The terminal's
 * own line editing is used, and nothing is drawn.
 */
export async function talkPlainly(
  talk: Talk,
  { ended, leave }: { ended: Promise<Ending>; leave: () => void },
): Promise<Ending> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  const face = new PlainFace(talk, lines, leave);
  const onInterrupt = () => face.interrupt();
  process.on("SIGINT", onInterrupt);
  try {
    face.start();
    return await ended;
  } finally {
    process.off("SIGINT", onInterrupt);
    lines.close();
    face.stop();
  }
}

class PlainFace implements Face {
  readonly keys: Face["keys"] = [];
  readonly #talk: Talk;
  readonly #lines: Interface;
  readonly #leave: () => void;
  /** Takes the next line instead of the agent. */
  #answer: ((line: string) => void) | undefined;
  /** Lines that ended with a backslash. */
  #begun = "";
  #shown = 0;
  #atLineStart = true;
  #askedQuestion: string | undefined;
  #interrupted = false;

  constructor(talk: Talk, lines: Interface, leave: () => void) {
    this.#talk = talk;
    this.#lines = lines;
    this.#leave = leave;
  }

  start(): void {
    this.#lines.on("line", (line) => void this.#onLine(line));
    this.#lines.on("close", () => this.#leave());
    this.#talk.onChange((record) => this.#onChange(record));
    this.#showBlocks();
    this.#prompt();
  }

  stop(): void {
    this.#endLine();
  }

  choose(title: string, choices: readonly Choice[]): Promise<string | undefined> {
    const list = choices.map(({ label, description }, index) => {
      const more = description === undefined ? "" : ` (${sanitize(description)})`;
      return `${index + 1}. ${sanitize(label)}${more}\n`;
    });
    this.#print(`${title}:\n${list.join("")}Number, or nothing: `);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#answer = (line) => resolve(choices[Number(line) - 1]?.value);
    return promise;
  }

  setInput(text: string): void {
    if (text.trim() !== "") this.#say(`Not sent: ${sanitize(text)}`);
  }

  leave(): void {
    this.#leave();
  }

  interrupt(): void {
    const { conversation } = this.#talk;
    const stops = conversation.busy || conversation.log.openShell !== undefined;
    if (this.#interrupted) {
      this.leave();
      return;
    }
    this.#interrupted = true;
    if (!stops) {
      this.#say("Ctrl-C again to leave");
      return;
    }
    const stop = conversation.busy ? this.#talk.abort() : this.#talk.abortShell().then(() => []);
    stop.then(
      (texts) => this.setInput(texts.join("\n\n")),
      (error: unknown) => this.#say(String(error)),
    );
  }

  async #onLine(line: string): Promise<void> {
    this.#atLineStart = true;
    this.#interrupted = false;
    const answer = this.#answer;
    if (answer !== undefined) {
      this.#answer = undefined;
      answer(line);
      return;
    }
    if (line.endsWith("\\")) {
      this.#begun += `${line.slice(0, -1)}\n`;
      return;
    }
    const text = this.#begun + line;
    this.#begun = "";
    await handleInput({ talk: this.#talk, face: this }, text);
    this.#showBlocks();
    if (!this.#talk.conversation.busy) this.#prompt();
  }

  #onChange(record: StreamRecord | undefined): void {
    if (record?.type === "text") this.#print(sanitize(record.text));
    if (record?.type === "message" || record?.type === "tool" || record?.type === "turn_ended")
      this.#endLine();
    if (record !== undefined) this.#showBlocks();
    this.#ask();
    if (record?.type === "turn_ended") {
      this.#interrupted = false;
      this.#prompt();
    }
  }

  /** What is new in the conversation and wasn't printed as it came. */
  #showBlocks(): void {
    const { blocks } = this.#talk.conversation;
    if (blocks.length < this.#shown) this.#shown = 0;
    for (; this.#shown < blocks.length; this.#shown++) {
      const block = blocks[this.#shown];
      // Its command or its end is still to come.
      if (block === undefined || (block.kind === "shell" && block.open)) return;
      const line = lineOf(block);
      if (line !== undefined) this.#say(line);
    }
  }

  #ask(): void {
    const [question] = this.#talk.conversation.questions;
    if (question === undefined || question.id === this.#askedQuestion) return;
    this.#askedQuestion = question.id;
    this.#endLine();
    void this.#askQuestion(question).then((answer) => this.#talk.respond(question, answer));
  }

  async #askQuestion(question: Question): Promise<Answer> {
    const { method, title, message, options = [], placeholder } = question;
    const text = message === undefined ? title : `${title}\n${message}`;
    if (method === "select" || method === "confirm") {
      const labels = method === "confirm" ? ["Yes", "No"] : options;
      const value = await this.choose(
        text,
        labels.map((label) => ({ value: label, label })),
      );
      if (value === undefined) return { cancelled: true };
      return method === "confirm" ? { confirmed: value === "Yes" } : { value };
    }
    this.#print(`${text}${placeholder === undefined ? "" : ` (${placeholder})`}: `);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#answer = (line) => resolve(line === "" ? { cancelled: true } : { value: line });
    return await promise;
  }

  #prompt(): void {
    if (this.#answer !== undefined) return;
    this.#endLine();
    this.#print(PROMPT);
  }

  #say(text: string): void {
    this.#endLine();
    this.#print(`${text}\n`);
  }

  #endLine(): void {
    if (!this.#atLineStart) this.#print("\n");
  }

  #print(text: string): void {
    if (text === "") return;
    void writeStdout(text);
    this.#atLineStart = text.endsWith("\n");
  }
}
