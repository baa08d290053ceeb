import { shellQuote } from "../core/shell-quote.ts";

/**
 * The words of a command line as one for a shell. A single word is one already; several are the command's own
 * arguments, each quoted where it has to be, so that a shell hands them on as they are.
 */
export function shellCommand(words: readonly string[]): string {
  const [first = "", ...rest] = words;
  return rest.length === 0 ? first : words.map(shellQuote).join(" ");
}
