import { cutText } from "../../core/cut-text.ts";

/**
 * What counts as the same letter, and what as a word. The index, the check of a text that was read back and the
 * scan of files all rest on this file: SQLite's `ascii` tokenizer only finds the spaces that stand here.
 */

const NON_ASCII = /\P{ASCII}/u;
const EACH_NON_ASCII = /\P{ASCII}/gu;

/** Accents of Latin, Greek and Cyrillic letters, and what has no width. Other scripts' marks are part of their words. */
const DROPPED = /[\u0300-\u036f\ufe00-\ufe0f\u200b-\u200f\u00ad\u2060\ufeff]/gu;
/** Letters of scripts that are written without spaces, and emoji: each is a word of its own, so that any part is found. */
const SOLO =
  /^(?:[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}](?<=[\p{L}\p{N}\p{M}])|\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier})$/u;
const WORD = /^[\p{L}\p{N}\p{M}]$/u;

/** Written differently by keyboards and by editors that mean well. */
const SAME: Readonly<Record<string, string>> = {
  "\u2018": "'",
  "\u2019": "'",
  "\u201c": '"',
  "\u201d": '"',
  "\u2010": "-",
  "\u2011": "-",
  "\u00a0": " ",
  ς: "σ",
};

/** The index holds this much of a longer word (a hash, a base64 text); the check of the text sees the rest. */
export const MAX_WORD = 64;

export type CharacterKind = "word" | "solo" | "other";

/** What is known of the characters met so far: a text has few different ones. Made once by each user of a fold. */
export class Fold {
  readonly #folded = new Map<string, string>();
  readonly #indexed = new Map<string, string>();

  /**
   * A text without differences of case, accents and width, in Unicode's NFC. What isn't a letter stays.
   *
   * @param text in NFC, see {@link compose}
   */
  plain(text: string): string {
    const lower = NON_ASCII.test(text)
      ? text.replace(EACH_NON_ASCII, (character) => this.one(character))
      : text;
    return lower.toLowerCase();
  }

  /** One character of {@link plain}; none or several for some. */
  one(character: string): string {
    let folded = this.#folded.get(character);
    if (folded === undefined) {
      const base = character.normalize("NFKD").replace(DROPPED, "").normalize("NFC").toLowerCase();
      folded = Array.from(base.replace(DROPPED, ""), (each) => SAME[each] ?? each).join("");
      this.#folded.set(character, folded);
    }
    return folded;
  }

  /** The text as the index takes it in: what separates words is not a letter, and each solo character stands alone. */
  forIndex(text: string): string {
    const plain = NON_ASCII.test(text)
      ? compose(text).replace(EACH_NON_ASCII, (character) => this.#spaced(character))
      : text;
    return cutWords(plain);
  }

  #spaced(character: string): string {
    let spaced = this.#indexed.get(character);
    if (spaced === undefined) {
      spaced = Array.from(this.one(character), (each) => {
        const kind = kindOf(each);
        return kind === "word" ? each : kind === "solo" ? ` ${each} ` : " ";
      }).join("");
      this.#indexed.set(character, spaced);
    }
    return spaced;
  }
}

/** The form that {@link Fold} works on, and that offsets of matches count in. */
export function compose(text: string): string {
  if (!NON_ASCII.test(text)) return text;
  const composed = text.normalize("NFC");
  // Two searches for one character each cost nothing beside the rest; only such a text needs more.
  return composed.includes("\uff9e") || composed.includes("\uff9f") ? composeKatakana(composed) : composed;
}

/** Half-width katakana has the marks of voicing as characters of their own, which only NFKC puts to their letters. */
function composeKatakana(text: string): string {
  return text.replace(/[\uff66-\uff9d][\uff9e\uff9f]/g, (pair) => {
    const composed = pair.normalize("NFKC");
    return composed.length === 1 ? composed : pair;
  });
}

/** What a character of a folded text is. */
export function kindOf(character: string): CharacterKind {
  if (character <= "\u007f") return /[a-zA-Z0-9]/.test(character) ? "word" : "other";
  if (SOLO.test(character)) return "solo";
  return WORD.test(character) ? "word" : "other";
}

/** A longer word than {@link MAX_WORD} covers one of every so many characters: nothing else need be looked at. */
function cutWords(text: string): string {
  let result = "";
  let taken = 0;
  for (let at = MAX_WORD; at < text.length; at += MAX_WORD) {
    if (!isLetterUnit(text.charCodeAt(at))) continue;
    let [start, end] = [at, at + 1];
    while (start > taken && isLetterUnit(text.charCodeAt(start - 1))) start--;
    while (end < text.length && isLetterUnit(text.charCodeAt(end))) end++;
    if (end - start > MAX_WORD) {
      result += text.slice(taken, start) + cutWord(text.slice(start, end));
      taken = end;
    }
    at = Math.max(at, end - (end % MAX_WORD));
  }
  return taken === 0 ? text : result + text.slice(taken);
}

/** Of a text for the index, in which all that isn't ASCII is a letter. */
function isLetterUnit(unit: number): boolean {
  return (
    unit > 0x7f ||
    (unit >= 0x61 && unit <= 0x7a) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x30 && unit <= 0x39)
  );
}

/** The part of a long word that the index holds. */
export function cutWord(word: string): string {
  return cutText(word, MAX_WORD);
}
