import { PictlError } from "../core/errors.ts";
import type { Answer, Question } from "../protocol/question.ts";
import type { SessionInfo } from "../protocol/session.ts";
import { choiceOf } from "./prompt/choice-of.ts";
import { howToAnswer, questionText } from "./render/question-text.ts";

/**
 * The open question with this id, or the oldest one.
 *
 * @throws PictlError QUESTION_NOT_FOUND
 */
export function findQuestion(info: SessionInfo, questionId: string | undefined): Question {
  const found = info.questions?.find(({ id }) => questionId === undefined || id === questionId);
  if (found !== undefined) return found;
  const message =
    questionId === undefined
      ? `Session ${info.id} has no open question.`
      : `Session ${info.id} has no open question ${questionId}.`;
  throw new PictlError("QUESTION_NOT_FOUND", message, {
    hint: "Wait for one with `pictl session wait --for question`.",
    details: { sessionId: info.id, ...(questionId === undefined ? {} : { questionId }) },
  });
}

/**
 * What a person typed as an answer to this question; nothing typed declines it.
 *
 * @throws PictlError INVALID_INPUT with the choices
 */
export function toAnswer(question: Question, words: string | undefined): Answer {
  if (words === undefined) return { cancelled: true };
  if (question.method === "confirm") {
    if (/^(y|yes|true)$/i.test(words.trim())) return { confirmed: true };
    if (/^(n|no|false)$/i.test(words.trim())) return { confirmed: false };
    throw new PictlError("INVALID_INPUT", `"${words}" is neither yes nor no.`, {
      hint: `Answer "${question.title}" with yes or no, or decline it with --cancel.`,
    });
  }
  if (question.method !== "select") return { value: words };
  const choice = choiceOf(question, words);
  if (choice !== undefined) return { value: choice };
  throw new PictlError("INVALID_INPUT", `"${words}" is none of the choices of "${question.title}".`, {
    hint: `Choose one of: ${(question.options ?? []).join(", ")}`,
    details: { options: question.options },
  });
}

/** The question with the command that answers it. */
export function renderQuestion({ id }: SessionInfo, question: Question): string {
  return `${questionText(question)}Answer: pictl session respond -s ${id} ${howToAnswer(question)}\n`;
}
