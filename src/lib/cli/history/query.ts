import { PictlError } from "../../core/errors.ts";
import { didYouMean, nearest } from "../../core/nearest.ts";

/** Keeps what begins with a dash from being read as flags; no shell can pass it, and it is taken off again. */
const MARK = "\u0001";

/** The flags of a command, as it declares them. */
type FlagDefinitions = Readonly<Record<string, { type: "boolean" | "option"; char?: string | undefined }>>;

/**
 * Marks the words of a query that begin with a dash and are no flags (`-not`, `--force`), so that they aren't read
 * as such. The values of flags are left as they are.
 *
 * @param argv changed in place
 * @throws PictlError USAGE for what is nearly a flag: a mistyped one must not be looked for in silence
 */
export function markQueryWords(argv: string[], flags: FlagDefinitions): void {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv.length : end;
  const wantsHelp = argv.slice(0, words).some((word) => word === "--help" || word === "-h");
  if (wantsHelp) return;
  for (let i = 0; i < words; i++) {
    const word = argv[i] ?? "";
    if (!/^-./.test(word)) continue;
    const flag = flagOf(word, flags);
    if (flag === undefined) {
      refuseNearFlag(word, flags);
      argv[i] = MARK + word;
    } else if (flag.type === "option" && !flag.hasValue) i++;
  }
}

/** A short flag may have a number right behind it (`-C3`), a long one any value behind `=`. */
function flagOf(word: string, flags: FlagDefinitions) {
  const [, char, number] = /^-([a-zA-Z])(\d*)$/.exec(word) ?? [];
  const [, name = "", value] = /^--([^=]+)(=.*)?$/s.exec(word) ?? [];
  const flag =
    char === undefined
      ? Object.hasOwn(flags, name) && flags[name]
      : Object.values(flags).find((one) => one.char === char);
  return flag ? { type: flag.type, hasValue: Boolean(number ?? value) } : undefined;
}

function refuseNearFlag(word: string, flags: FlagDefinitions): void {
  const [, name] = /^--([^=]+)/.exec(word) ?? [];
  const near = name === undefined ? [] : nearest(name, Object.keys(flags));
  if (near.length === 0) return;
  const suggestions = near.map((one) => `--${one}`);
  throw new PictlError("USAGE", `Nonexistent flag: ${word}`, {
    hint: `${didYouMean(suggestions)} To look for it as it stands, write it behind the flags and --: -- ${word}`,
    details: { flags: [word], suggestions },
  });
}

/** The query as it was typed. */
export function queryText(words: readonly string[]): string {
  return words.map((word) => word.replace(MARK, "")).join(" ");
}
