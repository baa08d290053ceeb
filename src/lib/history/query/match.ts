import { compose, type Fold, kindOf } from "../text/fold.ts";
import type { Query, Term } from "./parse.ts";

const LETTER = "[a-z0-9\\u0080-\\uffff]";
const BETWEEN = "[^a-z0-9\\u0080-\\uffff]+";

/** Decides on one text what the index decides, and what it can't. */
export class TextMatcher {
  readonly #fold: Fold;
  readonly #groups: ((text: FoldedText) => boolean)[];

  constructor(query: Query, fold: Fold) {
    this.#fold = fold;
    this.#groups = query.groups.map((group) => {
      const tests = group.map(termTest);
      return (text) => tests.some((test) => test(text));
    });
  }

  matches(text: string): boolean {
    const folded = new FoldedText(text, this.#fold);
    return this.#groups.every((group) => group(folded));
  }
}

/** One text in the forms that terms are looked for in, each made when it is needed. */
class FoldedText {
  readonly #text: string;
  readonly #fold: Fold;
  #plain: string | undefined;
  #words: string | undefined;

  constructor(text: string, fold: Fold) {
    this.#text = text;
    this.#fold = fold;
  }

  get plain(): string {
    this.#plain ??= this.#fold.plain(compose(this.#text));
    return this.#plain;
  }

  get words(): string {
    this.#words ??= this.#fold.forIndex(this.#text).toLowerCase();
    return this.#words;
  }
}

function termTest(term: Term): (text: FoldedText) => boolean {
  const found = term.literal === undefined ? wordsTest(term) : literalTest(term.literal, term.prefix);
  return term.negated ? (text) => !found(text) : found;
}

function wordsTest({ words, prefix }: Term): (text: FoldedText) => boolean {
  const pattern = new RegExp(`(?<!${LETTER})${words.join(BETWEEN)}${prefix ? "" : `(?!${LETTER})`}`);
  return (text) => pattern.test(text.words);
}

function literalTest(literal: string, prefix: boolean): (text: FoldedText) => boolean {
  const pattern = new RegExp(literalPattern(literal, { before: true, after: !prefix }), "u");
  return (text) => pattern.test(text.plain);
}

/** White space stands for any; a literal that begins or ends with a letter does so where a word does. */
export function literalPattern(literal: string, at: { before: boolean; after: boolean }): string {
  const characters = Array.from(literal);
  const body = literal
    .split(/\s+/)
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&"))
    .join("\\s+");
  const before = at.before && kindOf(characters[0] ?? "") === "word" ? `(?<!${WORD_LETTER})` : "";
  const after = at.after && kindOf(characters.at(-1) ?? "") === "word" ? `(?!${WORD_LETTER})` : "";
  return before + body + after;
}

/** A letter of a script that is written with spaces: the kind "word" of fold.ts, as a part of a pattern. */
const WORD_LETTER =
  "(?![\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Hangul}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}\\p{scx=Tibetan}])[\\p{L}\\p{N}\\p{M}]";
