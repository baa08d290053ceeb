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
  const begins = isLetter(whole, 0);
  const ends = !prefix && isLetter(whole, beforeOf(whole, whole.length));
  const endOfRest = literal === undefined ? restOfPhrase(words) : restOfLiteral(whole.slice(first.length));
  return function* (text) {
    let next = 0;
    for (let at = text.indexOf(first); at !== -1; at = text.indexOf(first, next)) {
      next = at + first.length;
      if (begins && at > 0 && isLetter(text, beforeOf(text, at))) continue;
      let to = endOfRest(text, at + first.length);
      if (to === undefined) continue;
      if (ends && isLetter(text, to)) continue;
      while (prefix && isLetter(text, to)) to += text.codePointAt(to) === text.charCodeAt(to) ? 1 : 2;
      next = to;
      yield [at, to];
    }
  };
}

/** Where something ends that begins at a place; undefined where something else stands there. */
type EndOf = (text: string, at: number) => number | undefined;

/** Behind the first word of a phrase: its words stand apart, but for letters that are words of their own. */
function restOfPhrase([first = "", ...rest]: readonly string[]): EndOf {
  let before = first;
  const steps = rest.map((word) => {
    const apart = isLetter(before, beforeOf(before, before.length)) && isLetter(word, 0);
    before = word;
    return { word, apart };
  });
  return (text, at) => {
    let end = at;
    for (const { word, apart } of steps) {
      const start = skipSeparators(text, end);
      if ((apart && start === end) || !text.startsWith(word, start)) return undefined;
      end = start + word.length;
    }
    return end;
  };
}

function restOfLiteral(rest: string): EndOf {
  if (rest === "") return (_, at) => at;
  const pattern = new RegExp(literalPattern(rest, { before: false, after: false }), "uy");
  return (text, at) => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : undefined;
  };
}

function skipSeparators(text: string, from: number): number {
  let at = from;
  for (;;) {
    const point = text.codePointAt(at);
    const character = point === undefined ? undefined : String.fromCodePoint(point);
    if (character === undefined || kindOf(character) !== "other") return at;
    at += character.length;
  }
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
