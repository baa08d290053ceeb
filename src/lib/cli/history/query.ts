/** Keeps what begins with a dash from being read as flags; no shell can pass it, and it is taken off again. */
const MARK = "\u0001";

/**
 * Marks the words of a query that begin with one dash (`-not`), so that they aren't read as a row of short flags.
 *
 * @param argv changed in place
 * @param shortFlags letters that are flags of the command, which may have a number behind them (`-C3`)
 */
export function markQueryWords(argv: string[], shortFlags: string): void {
  const isFlag = new RegExp(`^-[${shortFlags}]\\d*$`);
  for (const [index, word] of argv.entries()) {
    if (word === "--") return;
    if (/^-[^-]/.test(word) && !isFlag.test(word)) argv[index] = MARK + word;
  }
}

/** The query as it was typed. */
export function queryText(words: readonly string[]): string {
  return words.map((word) => word.replace(MARK, "")).join(" ");
}
