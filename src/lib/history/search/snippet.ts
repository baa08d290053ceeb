import { literalPattern, WORD_LETTER } from "../query/match.ts";
import type { Query, Term } from "../query/parse.ts";
import { compose, type Fold } from "../text/fold.ts";

/** A piece of a text with the places in it that were found: offsets in UTF-16 units, first and one behind the last. */
export interface Snippet {
  text: string;
  highlights: [number, number][];
}

/** Counting more occurrences changes nothing that anybody sees. */
const MAX_MATCHES = 200;
/** Words that stand this close to each other are shown together. */
const NEAR = 300;
/** Of a longer line, what is around the match is shown. */
const LINE_LENGTH = 240;
const BEFORE_MATCH = 80;

interface Match {
  from: number;
  to: number;
  /** Which of the patterns. */
  pattern: number;
}

/** Finds where a text has what a query asks for, and cuts a piece around it. */
export class Highlighter {
  readonly #patterns: readonly RegExp[];
  readonly #fold: Fold | undefined;

  /** @param fold absent: the patterns are for the text as it stands */
  constructor(patterns: readonly RegExp[], fold?: Fold) {
    this.#patterns = patterns;
    this.#fold = fold;
  }

  static forQuery(query: Query, fold: Fold): Highlighter {
    const terms = query.groups.flat().filter((term) => !term.negated);
    return new Highlighter(
      terms.map((term) => new RegExp(patternOf(term), "gu")),
      fold,
    );
  }

  /**
   * @param context lines shown before and after the one with the match
   */
  cut(text: string, context: number): Snippet {
    const composed = this.#fold === undefined ? text : compose(text);
    const found = this.#find(composed);
    const [start, end] = bestOf(found);
    let shown = "";
    const highlights: [number, number][] = [];
    for (const line of linesAround(composed, start, end, context)) {
      if (shown !== "") shown += "\n";
      if (line.cutBefore) shown += "…";
      const shift = shown.length - line.start;
      for (const { from, to } of found) {
        if (to > line.start && from < line.end)
          highlights.push([Math.max(from, line.start) + shift, Math.min(to, line.end) + shift]);
      }
      shown += composed.slice(line.start, line.end);
      if (line.cutAfter) shown += "…";
    }
    return { text: shown, highlights: merge(highlights) };
  }

  /** How often what was looked for stands in a text. */
  count(text: string): number {
    return this.#find(this.#fold === undefined ? text : compose(text)).length;
  }

  #find(text: string): Match[] {
    const { plain, offsets } = this.#fold === undefined ? { plain: text } : foldWithOffsets(text, this.#fold);
    const at = (index: number) => (offsets === undefined ? index : (offsets[index] ?? text.length));
    const found: Match[] = [];
    for (const [pattern, expression] of this.#patterns.entries()) {
      let count = 0;
      for (const match of plain.matchAll(expression)) {
        if (match[0] === "") continue;
        found.push({ from: at(match.index), to: at(match.index + match[0].length), pattern });
        if (++count >= MAX_MATCHES) break;
      }
    }
    return found.sort((a, b) => a.from - b.from);
  }
}

function patternOf({ words, prefix, literal }: Term): string {
  const rest = prefix ? `(?:${WORD_LETTER})*` : "";
  if (literal !== undefined) return literalPattern(literal, prefix) + rest;
  return literalPattern(words.join(" "), prefix).replaceAll("\\s+", "[^\\p{L}\\p{N}]*") + rest;
}

/** The folded text, and for each unit of it where it comes from; no offsets where nothing has moved. */
function foldWithOffsets(text: string, fold: Fold): { plain: string; offsets?: number[] } {
  if (!/\P{ASCII}/u.test(text)) return { plain: text.toLowerCase() };
  let plain = "";
  const offsets: number[] = [];
  let at = 0;
  for (const character of text) {
    const folded = character <= "\u007f" ? character.toLowerCase() : fold.one(character);
    plain += folded;
    for (let i = 0; i < folded.length; i++) offsets.push(at);
    at += character.length;
  }
  offsets.push(at);
  return { plain, offsets };
}

/** The match around which most different words stand. */
function bestOf(found: readonly Match[]): [number, number] {
  let best: [number, number] = [0, 0];
  let most = 0;
  for (const [index, { from, to }] of found.entries()) {
    const near = new Set<number>();
    for (let i = index; i < found.length; i++) {
      const other = found[i];
      if (other === undefined || other.from > from + NEAR) break;
      near.add(other.pattern);
    }
    if (near.size > most) {
      most = near.size;
      best = [from, to];
    }
  }
  return best;
}

interface ShownLine {
  start: number;
  end: number;
  cutBefore: boolean;
  cutAfter: boolean;
}

function linesAround(text: string, from: number, to: number, context: number): ShownLine[] {
  const start = from === 0 ? 0 : text.lastIndexOf("\n", from - 1) + 1;
  const lines = [shorten(text, start, endOfLine(text, start), from, to)];
  let before = start;
  for (let i = 0; i < context && before > 0; i++) {
    const previous = before === 1 ? 0 : text.lastIndexOf("\n", before - 2) + 1;
    lines.unshift(shorten(text, previous, before - 1, previous, previous));
    before = previous;
  }
  let after = endOfLine(text, start);
  for (let i = 0; i < context && after < text.length; i++) {
    const next = after + 1;
    after = endOfLine(text, next);
    lines.push(shorten(text, next, after, next, next));
  }
  return lines;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}

/** At most {@link LINE_LENGTH} of a line, around what was found in it. */
function shorten(text: string, start: number, end: number, from: number, to: number): ShownLine {
  if (end - start <= LINE_LENGTH) return { start, end, cutBefore: false, cutAfter: false };
  const first = outsideOfPair(text, Math.max(start, Math.min(from - BEFORE_MATCH, end - LINE_LENGTH)));
  const wanted = Math.max(first + LINE_LENGTH, Math.min(to, first + 2 * LINE_LENGTH));
  const last = outsideOfPair(text, Math.min(end, wanted));
  return { start: first, end: last, cutBefore: first > start, cutAfter: last < end };
}

/** Never between the halves of a character. */
function outsideOfPair(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}

function merge(ranges: readonly [number, number][]): [number, number][] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (to > from) merged.push([from, to]);
  }
  return merged;
}
