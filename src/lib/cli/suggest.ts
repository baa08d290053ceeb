import { PictlError } from "../core/errors.ts";
import { didYouMean, editDistance, nearest } from "../core/nearest.ts";
import { shellQuote } from "../core/shell-quote.ts";
import { commandName, type Manifest } from "./manifest.ts";
import { carriageReturn } from "./words.ts";

/** More than three are no answer. */
const MAX_SUGGESTIONS = 3;

/** What is said of a command line whose command doesn't exist. @param argv all of it */
export function unknownCommand(argv: readonly string[], manifest: Manifest): PictlError {
  const end = argv.findIndex((word) => word.startsWith("-"));
  const words = argv.slice(0, end === -1 ? argv.length : end);
  const damaged = argv.find((word) => word.endsWith("\r"));
  if (damaged !== undefined) return carriageReturn(damaged);
  if (words.join("").trim() === "") return withoutCommand(argv);
  const suggestions = nearestCommands(words, manifest);
  return new PictlError("UNKNOWN_COMMAND", `There is no command "${words.join(" ")}".`, {
    hint: didYouMean(suggestions) ?? "Run `pictl --help` to see what there is.",
    details: { command: words.join(" "), suggestions },
  });
}

/** The error for a command line that begins with a flag or an empty word. Flags that other programs have are known. */
function withoutCommand([first = "", ...rest]: readonly string[]): PictlError {
  const prompt = `pictl prompt ${rest.map(shellQuote).join(" ") || '"…"'}`;
  const meant: Record<string, string> = {
    "-v": "pictl --version",
    "-V": "pictl --version",
    "-h": "pictl --help",
    "-p": prompt,
    "--print": prompt,
    "-c": "pictl prompt",
    "--continue": "pictl prompt",
    "-r": "pictl session list",
    "--resume": "pictl session list",
  };
  const command = Object.hasOwn(meant, first) ? meant[first] : undefined;
  const message =
    first.trim() === "" ? "The name of the command is empty." : `A command comes before its flags: ${first}`;
  return new PictlError("UNKNOWN_COMMAND", message, {
    hint: command === undefined ? "Run `pictl --help` to see the commands." : `Did you mean "${command}"?`,
    details: { command: first, suggestions: command === undefined ? [] : [command] },
  });
}

/**
 * The commands and topics that a mistyped one may have meant, nearest first: each of its words is near the
 * typed one in its place, or the only typed word is near its last (`list` for `session list`).
 */
export function nearestCommands(typed: readonly string[], manifest: Manifest): string[] {
  const commands = manifest.commands.filter(({ hidden }) => !hidden).map(commandName);
  const topics = commands.flatMap((name) => {
    const words = name.split(" ");
    return words.slice(1).map((_, index) => words.slice(0, index + 1).join(" "));
  });
  const scored = [...new Set([...commands, ...topics])].flatMap((name) => {
    const words = name.split(" ");
    const inPlace = distanceOf(typed.slice(0, words.length), words);
    const unused = Math.max(0, typed.length - words.length);
    // A topic that was typed rightly is no news.
    const asTyped = inPlace === 0 && unused > 0 ? Number.POSITIVE_INFINITY : inPlace + unused;
    // Worth less than a word in its own place.
    const byLast = distanceOf(typed.slice(0, 1), words.slice(1).slice(-1)) + typed.length - 1 + 0.5;
    const distance = Math.min(asTyped, byLast);
    return distance < Number.POSITIVE_INFINITY ? [{ name, distance }] : [];
  });
  return (
    scored
      .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
      // What is clearly further off only blurs the answer.
      .filter(({ distance }, _, [best]) => best !== undefined && distance < best.distance + 1)
      .slice(0, MAX_SUGGESTIONS)
      .map(({ name }) => name)
  );
}

/** Edits from one to the other, word by word; infinite when a word is too far off or missing. */
function distanceOf(typed: readonly string[], words: readonly string[]): number {
  if (typed.length !== words.length) return Number.POSITIVE_INFINITY;
  return words.reduce((sum, word, index) => sum + wordDistance(typed[index] ?? "", word), 0);
}

function wordDistance(typed: string, word: string): number {
  const lower = typed.toLowerCase();
  // Somebody who stopped early: `del` for `delete`.
  if (lower.length > 1 && word !== lower && word.startsWith(lower)) return 1;
  return nearest(lower, [word]).length > 0 ? editDistance(lower, word) : Number.POSITIVE_INFINITY;
}
