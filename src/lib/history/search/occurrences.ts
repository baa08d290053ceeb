import { literalPattern } from "../query/match.ts";
import type { Term } from "../query/parse.ts";
import { kindOf } from "../text/fold.ts";

/** A place in a text: first, and one behind the last. */
export type Span = [from: number, to: number];

/** Finds one thing in a text, wherever it stands. */
export type Finder = (text: string) => Iterable<Span>;

/** What a regular expression finds. @param pattern with the flag g */
export function patternFinder(pattern: RegExp): Finder {
  return function* (text) {
    for (const match of text.matchAll(pattern)) {
      if (match[0] !== "") yield [match.index, match.index + match[0].length];
    }
  };
}

/**
 * What a term finds in a folded text. By hand and not by one regular expression: the classes of letters take longer to
 * compile than everything else that a search does with its results.
 */
export function termFinder({ words, prefix, literal }: Term): Finder {
  const whole = literal ?? words.join(" ");
  const [first = ""] = whole.split(/\s/, 1);
  const rest = whole.slice(first.length);
  const begins = isLetter(whole, 0);
  const ends = !prefix && isLetter(whole, beforeOf(whole, whole.length));
  // Between the words of a phrase stands whatever is no letter; within a literal, any white space.
  const body = literalPattern(rest, { before: false, after: false });
  const tail =
    rest === ""
      ? undefined
      : new RegExp(literal === undefined ? body.replaceAll("\\s+", "[^\\p{L}\\p{N}]*") : body, "uy");
  return function* (text) {
    let next = 0;
    for (let at = text.indexOf(first); at !== -1; at = text.indexOf(first, next)) {
      next = at + first.length;
      if (begins && at > 0 && isLetter(text, beforeOf(text, at))) continue;
      let to = at + first.length;
      if (tail !== undefined) {
        tail.lastIndex = to;
        if (!tail.test(text)) continue;
        to = tail.lastIndex;
      }
      if (ends && isLetter(text, to)) continue;
      while (prefix && isLetter(text, to)) to += text.codePointAt(to) === text.charCodeAt(to) ? 1 : 2;
      next = to;
      yield [at, to];
    }
  };
}

/** Of a script that is written with spaces. */
function isLetter(text: string, at: number): boolean {
  const point = text.codePointAt(at);
  return point !== undefined && kindOf(String.fromCodePoint(point)) === "word";
}

/** Where the character before a place begins. */
function beforeOf(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 2 : at - 1;
}
