import type { Question } from "../../protocol/question.ts";
import { sanitize } from "./text-width.ts";

/** A question as lines for a person: what is asked, and the choices with their numbers. Ends with a line end. */
export function questionText({ method, title, message, options, placeholder, prefill }: Question): string {
  const lines = [`? ${title}`];
  if (message !== undefined) lines.push(...message.split("\n").map((line) => `  ${line}`));
  for (const [index, option] of (options ?? []).entries()) lines.push(`  ${index + 1}) ${option}`);
  if (placeholder !== undefined) lines.push(`  (${placeholder})`);
  if (method === "editor" && prefill) lines.push(...prefill.split("\n").map((line) => `  | ${line}`));
  return lines.map((line) => `${sanitize(line)}\n`).join("");
}

/** How a question is answered from a shell, as the end of a command line. */
export function howToAnswer({ method, options }: Question): string {
  switch (method) {
    case "confirm":
      return "yes|no";
    case "select":
      return (options ?? []).map((_, index) => index + 1).join("|") || "<choice>";
    default:
      return '"<text>"';
  }
}

/** The questions that wait in a session, each with the command that answers it. */
export function openQuestions(sessionId: string, questions: readonly Question[]): string {
  return questions
    .map((question) => {
      const id = questions.length === 1 ? "" : ` --question ${question.id}`;
      const command = `pictl session respond -s ${sessionId}${id} ${howToAnswer(question)}`;
      return `${questionText(question)}  Answer with: ${command}\n`;
    })
    .join("");
}
