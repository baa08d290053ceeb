/** The end of a shell command line, taken apart. */
export interface ShellLine {
  /** The words before the last, without their quotes. */
  before: string[];
  /** The word at the end, without quotes; empty after a space. */
  current: string;
  /** How many characters of `current` the shell keeps: it replaces only what follows. */
  kept: number;
  /** The quote that is open at the end. */
  quote: "" | "'" | '"';
}

/**
 * Takes a command line apart as a shell does, as far as quotes and backslashes go. Bash's own COMP_WORDS are
 * of no use: they are split at every character of COMP_WORDBREAKS, `=`, `:` and `@` among them, and keep quotes.
 *
 * @param breaks COMP_WORDBREAKS: readline replaces what stands behind the last of them
 */
export function parseShellLine(line: string, breaks: string): ShellLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote: ShellLine["quote"] = "";
  let kept = 0;
  for (let index = 0; index < line.length; index++) {
    const character = line[index] ?? "";
    if (quote === "" && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      kept = 0;
      continue;
    }
    word ??= "";
    if (quote !== "" ? character === quote : character === "'" || character === '"') {
      quote = quote === "" ? (character as ShellLine["quote"]) : "";
      kept = word.length;
      continue;
    }
    const next = line[index + 1];
    if (
      character === "\\" &&
      next !== undefined &&
      (quote === "" || (quote === '"' && /["\\$`]/.test(next)))
    ) {
      word += next;
      index++;
      continue;
    }
    word += character;
    if (quote === "" && breaks.includes(character)) kept = word.length;
  }
  return { before: words, current: word ?? "", kept, quote };
}

/** A candidate as readline inserts it: the part that it replaces, escaped unless a quote is open. */
export function bashReply(value: string, { kept, quote }: ShellLine): string {
  const rest = value.slice(kept);
  if (quote === "'") return rest.replaceAll("'", "'\\''");
  if (quote === '"') return rest.replace(/["\\$`]/g, "\\$&");
  return rest.replace(/[^\w@%+=:,./\u0080-\uffff-]/g, "\\$&");
}
