import { createInterface, type Interface } from "node:readline";
import { toPictlError } from "../../core/errors.ts";
import type { Answer, Question } from "../../protocol/question.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { writeStdout } from "../output.ts";
import { PieceSanitizer, sanitize } from "../render/text-width.ts";
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

interface Asked {
  take: (line: string | undefined) => void;
  /** Of a question of the agent's, which may end without this terminal. */
  questionId?: string;
}

class PlainFace implements Face {
  readonly keys: Face["keys"] = [];
  readonly #talk: Talk;
  readonly #lines: Interface;
  readonly #leave: () => void;
  /** What was asked: the next line answers it instead of going to the agent. */
  #asked: Asked | undefined;
  /** Lines that ended with a backslash. */
  #begun = "";
  #shown = 0;
  #pieces = new PieceSanitizer();
  #atLineStart = true;
  #interrupted = false;
  #isLeaving = false;
  /** The question that was answered last: it stays open until the daemon has the answer. */
  #answered: string | undefined;

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

  async choose(title: string, choices: readonly Choice[]): Promise<string | undefined> {
    const chosen = await this.#chooseOne(title, choices);
    return typeof chosen === "number" ? choices[chosen]?.value : undefined;
  }

  setInput(text: string): void {
    if (text.trim() !== "") this.#say(`Not sent: ${sanitize(text)}`);
  }

  setAside(text: string): void {
    this.setInput(text);
  }

  leave(): void {
    this.#isLeaving = true;
    this.#leave();
  }

  interrupt(): void {
    const { conversation } = this.#talk;
    const stops = conversation.busy || conversation.log.openShell !== undefined;
    const asked = this.#asked;
    if (asked !== undefined && asked.questionId === undefined) {
      this.#asked = undefined;
      this.#endLine();
      asked.take(undefined);
      return;
    }
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
    const asked = this.#asked;
    if (asked !== undefined) {
      this.#asked = undefined;
      this.#answered = asked.questionId ?? this.#answered;
      asked.take(line);
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
    this.#ask();
    if (!this.#talk.conversation.busy) this.#prompt();
  }

  #onChange(record: StreamRecord | undefined): void {
    if (record?.type === "text") this.#print(this.#pieces.next(record.text));
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

  /** Asks the question that is open, once nothing else is asked, and drops one that has ended meanwhile. */
  #ask(): void {
    const { questions } = this.#talk.conversation;
    const asked = this.#asked;
    if (asked?.questionId !== undefined && !questions.some(({ id }) => id === asked.questionId)) {
      this.#asked = undefined;
      asked.take(undefined);
      if (!this.#talk.conversation.busy) this.#prompt();
    }
    const [question] = questions;
    if (question === undefined || this.#asked !== undefined || question.id === this.#answered) return;
    this.#endLine();
    void this.#answer(question);
  }

  /** Never rejects: nobody waits for it. */
  async #answer(question: Question): Promise<void> {
    try {
      const answer = await this.#askQuestion(question);
      if (answer !== undefined) await this.#talk.respond(question, answer);
    } catch (error) {
      const { code, message } = toPictlError(error);
      // Answered elsewhere in the same moment, or said when the whole conversation ends.
      if (code === "QUESTION_NOT_FOUND" || code === "DAEMON_UNREACHABLE") return;
      this.#say(message);
      this.#answered = undefined;
      this.#ask();
    }
  }

  /** @returns undefined when the question has ended without this answer */
  async #askQuestion(question: Question): Promise<Answer | undefined> {
    const { method, title, message, options = [], placeholder } = question;
    const text = message === undefined ? title : `${title}\n${message}`;
    if (method === "select" || method === "confirm") {
      const labels = method === "confirm" ? ["Yes", "No"] : options;
      const chosen = await this.#chooseOne(
        text,
        labels.map((label) => ({ label })),
        question.id,
      );
      if (chosen === undefined) return undefined;
      const value = chosen === "nothing" ? undefined : labels[chosen];
      if (value === undefined) return { cancelled: true };
      return method === "confirm" ? { confirmed: value === "Yes" } : { value };
    }
    const hint = placeholder === undefined ? "" : ` (${placeholder})`;
    const line = await this.#askFor(`${text}${hint}: `, question.id);
    if (line === undefined) return undefined;
    return line === "" ? { cancelled: true } : { value: line };
  }

  /**
   * Asks for a number, or the word beside it, until the answer is one of them or empty.
   *
   * @returns the index; undefined when what was asked has ended
   */
  async #chooseOne(
    title: string,
    choices: readonly Omit<Choice, "value">[],
    questionId?: string,
  ): Promise<number | "nothing" | undefined> {
    const list = choices.map(({ label, description }, index) => {
      const more = description === undefined ? "" : ` (${sanitize(description)})`;
      return `${index + 1}. ${sanitize(label)}${more}\n`;
    });
    let text = `${title}:\n${list.join("")}Number, or nothing: `;
    for (;;) {
      const line = (await this.#askFor(text, questionId))?.trim();
      if (line === undefined) return undefined;
      if (line === "") return "nothing";
      const word = choices.findIndex(({ label }) => label.toLowerCase() === line.toLowerCase());
      const index = choices[Number(line) - 1] === undefined ? word : Number(line) - 1;
      if (index !== -1) return index;
      text = `Give a number from 1 to ${choices.length}, or nothing: `;
    }
  }

  /**
   * @param questionId of the agent's question that is asked with it
   * @returns the next line; undefined when what was asked has ended, or something else is asked instead
   */
  #askFor(text: string, questionId?: string): Promise<string | undefined> {
    this.#asked?.take(undefined);
    this.#print(text);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#asked = { take: resolve, ...(questionId === undefined ? {} : { questionId }) };
    return promise;
  }

  #prompt(): void {
    if (this.#asked !== undefined || this.#isLeaving) return;
    this.#endLine();
    this.#print(PROMPT);
  }

  #say(text: string): void {
    this.#endLine();
    this.#print(`${text}\n`);
  }

  #endLine(): void {
    this.#pieces = new PieceSanitizer();
    if (!this.#atLineStart) this.#print("\n");
  }

  #print(text: string): void {
    if (text === "") return;
    void writeStdout(text);
    this.#atLineStart = text.endsWith("\n");
  }
}
