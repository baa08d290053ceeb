import type { Question } from "../../protocol/question.ts";

/** The option that a person means: by its text, whatever the case, or by its number from 1. */
export function choiceOf({ options = [] }: Question, words: string): string | undefined {
  const same = (option: string) => option.toLowerCase() === words.toLowerCase();
  return options.find((option) => option === words) ?? options.find(same) ?? options[Number(words) - 1];
}
