import { createInterface } from "node:readline/promises";
import { editText } from "../../client/launch-editor.ts";
import type { Answer, Question } from "../../protocol/question.ts";
import { writeStderr } from "../output.ts";
import { questionText } from "../render/question-text.ts";
import { choiceOf } from "./choice-of.ts";

/** No line at all: the person wants to say nothing. */
const EOF = Symbol("end of input");
const DECLINED: Answer = { cancelled: true };

/**
 * Asks a person on the terminal: choices by number or by name, yes or no, a line, or a text in $EDITOR. An empty
 * line declines, as Escape does in pi's own interface; Ctrl-C interrupts the command as it does elsewhere.
 *
 * @param signal fires when the question is no longer open, because somebody answered it elsewhere
 * @returns undefined when it was interrupted or is no longer open
 */
export async function askQuestion(question: Question, signal: AbortSignal): Promise<Answer | undefined> {
  await writeStderr(questionText(question));
  for (;;) {
    const line = await readLine(`${promptFor(question)} `, signal);
    if (line === undefined) return undefined;
    const answer = line === EOF ? DECLINED : await toAnswer(question, line.trim());
    if (answer !== undefined) return answer;
  }
}

function promptFor({ method }: Question): string {
  switch (method) {
    case "select":
      return "Number or text (empty: none):";
    case "confirm":
      return "[y/N]";
    case "input":
      return ">";
    case "editor":
      return "Enter opens your editor, - declines:";
  }
}

/** @returns undefined for a line that answers nothing, after saying so */
async function toAnswer(question: Question, line: string): Promise<Answer | undefined> {
  switch (question.method) {
    case "confirm":
      return { confirmed: /^y(es)?$/i.test(line) };
    case "input":
      return line === "" ? DECLINED : { value: line };
    case "editor":
      return line === "-" ? DECLINED : { value: await editText(question.prefill ?? "") };
    case "select": {
      const choice = choiceOf(question, line);
      if (choice !== undefined) return { value: choice };
      if (line === "") return DECLINED;
      await writeStderr(`There is no choice "${line}".\n`);
      return undefined;
    }
  }
}

/** @returns EOF for Ctrl-D, undefined when it was interrupted or is no longer of use */
async function readLine(prompt: string, signal: AbortSignal): Promise<string | typeof EOF | undefined> {
  if (signal.aborted) return undefined;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  let interrupted = false;
  const end = () => ended.abort();
  reader.on("SIGINT", () => {
    interrupted = true;
    end();
  });
  reader.on("close", end);
  signal.addEventListener("abort", end, { once: true });
  try {
    return await reader.question(prompt, { signal: ended.signal });
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    await writeStderr("\n");
    return interrupted || signal.aborted ? undefined : EOF;
  } finally {
    signal.removeEventListener("abort", end);
    reader.close();
    if (interrupted) process.kill(process.pid, "SIGINT");
  }
}
