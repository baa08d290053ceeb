import { PictlError } from "../core/errors.ts";

/** No argument of a process can hold it, so nothing that was typed begins with it. */
const MARK = "\0";

/**
 * Marks the words that begin with `-` and can't be a flag, so that no parser takes them for one: those with white
 * space (outside of a flag's value) and those that begin with `---`. What follows `--` stays as it is.
 */
export function markTexts(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((word, index) => ((end === -1 || index < end) && isText(word) ? MARK + word : word));
}

/** A parsed value without the marks. */
export function unmarkTexts<T>(value: T): T {
  if (typeof value === "string") return (value.startsWith(MARK) ? value.slice(1) : value) as T;
  return (Array.isArray(value) ? value.map(unmarkTexts) : value) as T;
}

function isText(word: string): boolean {
  if (/^---|^-\s/.test(word)) return true;
  return word.startsWith("-") && /\s/.test(word.trimEnd()) && !/^--?[\w-]+=/.test(word);
}

/**
 * Refuses values that are empty or end with a carriage return, which a script with Windows line ends leaves.
 *
 * @param name as it is typed: `--model`, or an argument's name
 * @throws PictlError USAGE
 */
export function checkValue(name: string, value: unknown): void {
  for (const each of [value].flat()) {
    if (typeof each !== "string") continue;
    if (each.endsWith("\r")) throw carriageReturn(name);
    if (each.trim() === "") {
      throw new PictlError("USAGE", `${name} is empty.`, { hint: "Leave it out, or give it a value." });
    }
  }
}

/**
 * The same for the flags of a command line that couldn't be parsed, whose parser would speak of everything but that.
 *
 * @param flags the command's, by name
 * @throws PictlError USAGE
 */
export function checkFlagValues(
  argv: readonly string[],
  flags: Record<string, { type: string; char?: string | undefined }>,
): void {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  for (const [name, { type, char }] of Object.entries(flags)) {
    if (type !== "option") continue;
    for (const [index, word] of words.entries()) {
      if (word.startsWith(`--${name}=`)) checkValue(`--${name}`, word.slice(`--${name}=`.length));
      else if (word === `--${name}` || word === `-${char}`) checkValue(`--${name}`, words[index + 1]);
    }
  }
}

/** The error for a word of the command line that ends with a carriage return. */
export function carriageReturn(word: string): PictlError {
  return new PictlError("USAGE", `${word.trimEnd()} ends with a carriage return (\\r).`, {
    hint: "The script or file it comes from has Windows line ends. Remove them: sed -i 's/\\r$//' FILE",
  });
}
