import { PictlError } from "../../core/errors.ts";
import { compose, cutWord, type Fold, kindOf, MAX_WORD } from "../text/fold.ts";

/** What is looked for at one place of a text. */
export interface Term {
  /** As it was typed. */
  raw: string;
  /** Its words as the index has them, one after the other; none for punctuation alone. */
  words: string[];
  /** The last word is the beginning of one. */
  prefix: boolean;
  /** What must stand there character for character, folded; absent where the words say it all. */
  literal?: string;
  /** Must not occur. */
  negated: boolean;
}

/** Every group must be satisfied, by any one of its terms. */
export interface Query {
  groups: Term[][];
}

/** More than anybody types. The index is asked for each, and a pasted file is no query. */
const MAX_TERMS = 64;
const PIECE = /(-?)"([^"]*)(?:"(\*?)|$)|\S+/gu;
/**
 * A dash excludes what has letters; punctuation before them is that of paths, names and the like. All else that begins with
 * one is code: `--force`, `->`, `-=`.
 */
const EXCLUDED = /^-[_./~@#$]*[\p{L}\p{N}\p{M}\p{Extended_Pictographic}\p{Regional_Indicator}]/u;
const ENDS_A_SENTENCE = /[.,;:!?]+$/;

/**
 * Reads what somebody typed. What has no meaning of its own is looked for as it stands.
 *
 * Words must all occur. `"a phrase"`, `one OR other`, `-not`, `begin*`. A word with punctuation in it (`foo.bar(`,
 * `/etc/passwd`) is code, and found character for character, but for case and accents.
 *
 * @throws PictlError INVALID_INPUT for nothing at all, or more than {@link MAX_TERMS} words and phrases
 */
export function parseQuery(text: string, fold: Fold): Query {
  const groups: Term[][] = [];
  let count = 0;
  let joining = false;
  for (const [piece, dash = "", phrase, star] of compose(text).matchAll(PIECE)) {
    if (piece === "OR" && groups.length > 0 && !joining) {
      joining = true;
      continue;
    }
    const term =
      phrase === undefined
        ? wordTerm(piece, fold)
        : phraseTerm(piece, phrase, { prefix: star === "*", negated: dash === "-" }, fold);
    if (term === undefined) continue;
    if (joining) groups.at(-1)?.push(term);
    else groups.push([term]);
    joining = false;
    if (++count > MAX_TERMS) throw tooManyTerms();
  }
  // "this OR" means the word.
  const or = joining ? makeTerm("or", "or", false, false, fold) : undefined;
  if (or !== undefined) groups.push([or]);
  if (groups.length === 0) throw nothingToLookFor(text);
  return { groups };
}

function tooManyTerms(): PictlError {
  return new PictlError("INVALID_INPUT", `The query has more than ${MAX_TERMS} words.`, {
    hint: "Quotes around a text find it as it stands, however long it is.",
    details: { limit: MAX_TERMS },
  });
}

function nothingToLookFor(query: string): PictlError {
  return new PictlError("INVALID_INPUT", "There is nothing to look for.", {
    hint: "Give some words. All sessions: pictl history list.",
    details: { query },
  });
}

function wordTerm(piece: string, fold: Fold): Term | undefined {
  const negated = EXCLUDED.test(piece);
  const body = negated ? piece.slice(1) : piece;
  const sentence = body.replace(ENDS_A_SENTENCE, "");
  const typed = sentence !== "" && isPlain(fold.plain(sentence)) ? sentence : body;
  // Behind a letter it means how a word goes on; elsewhere, as in `/*`, it stands for itself.
  const last = Array.from(fold.plain(typed)).at(-2);
  const prefix = typed.endsWith("*") && last !== undefined && kindOf(last) !== "other";
  return makeTerm(piece, prefix ? typed.slice(0, -1) : typed, prefix, negated, fold);
}

function phraseTerm(
  piece: string,
  phrase: string,
  { prefix, negated }: { prefix: boolean; negated: boolean },
  fold: Fold,
): Term | undefined {
  return makeTerm(piece, phrase.trim(), prefix, negated, fold);
}

/** Undefined where there is nothing to see: it would be in every text. */
function makeTerm(
  raw: string,
  typed: string,
  wantsPrefix: boolean,
  negated: boolean,
  fold: Fold,
): Term | undefined {
  const plain = fold.plain(typed);
  if (plain.trim() === "") return undefined;
  const words = wordsOf(typed, fold);
  const last = Array.from(plain).at(-1) ?? "";
  const prefix = wantsPrefix && kindOf(last) === "word";
  const exact = isPlain(plain.replaceAll(/\s/g, "")) && !words.some((word) => word.length >= MAX_WORD - 1);
  return { raw, words, prefix, negated, ...(exact && words.length > 0 ? {} : { literal: plain }) };
}

/** Whether there is nothing but letters in a folded text. */
function isPlain(plain: string): boolean {
  for (const character of plain) if (kindOf(character) === "other") return false;
  return true;
}

/** The words of a text as the index has them. */
export function wordsOf(text: string, fold: Fold): string[] {
  return (
    fold
      .forIndex(text)
      .toLowerCase()
      .match(/[a-z0-9\u0080-\uffff]+/g) ?? []
  ).map(cutWord);
}
