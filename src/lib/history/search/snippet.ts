import type { Query } from "../query/parse.ts";
import { compose, type Fold } from "../text/fold.ts";
import { type Finder, type Span, termFinder } from "./occurrences.ts";

/** A piece of a text with the places in it that were found: offsets in UTF-16 units, first and one behind the last. */
export interface Snippet {
  text: string;
  highlights: Span[];
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
  /** Which of the things that were looked for. */
  pattern: number;
}

/** A text in which was looked for something. */
export interface Searched {
  /** In Unicode's NFC: offsets count in it. */
  readonly text: string;
  readonly matches: readonly Match[];
}

/** Finds where a text has what a query asks for. */
export class Highlighter {
  readonly #finders: readonly Finder[];
  readonly #fold: Fold | undefined;

  /** @param fold absent: what is looked for is for the text as it stands */
  constructor(finders: readonly Finder[], fold?: Fold) {
    this.#finders = finders;
    this.#fold = fold;
  }

  static forQuery(query: Query, fold: Fold): Highlighter {
    const terms = query.groups.flat().filter((term) => !term.negated);
    return new Highlighter(terms.map(termFinder), fold);
  }

  find(whole: string): Searched {
    const text = this.#fold === undefined ? whole : compose(whole);
    const { plain, offsets } = this.#fold === undefined ? { plain: text } : foldWithOffsets(text, this.#fold);
    const at = (index: number) => (offsets === undefined ? index : (offsets[index] ?? text.length));
    const matches: Match[] = [];
    for (const [pattern, finder] of this.#finders.entries()) {
      let count = 0;
      for (const [from, to] of finder(plain)) {
        matches.push({ from: at(from), to: at(to), pattern });
        if (++count >= MAX_MATCHES) break;
      }
    }
    return { text, matches: matches.sort((a, b) => a.from - b.from) };
  }
}

/**
 * Cuts a piece of a text around what was found in it.
 *
 * @param context lines shown before and after the one with the match
 */
export function cutSnippet({ text, matches }: Searched, context: number): Snippet {
  const [start, end] = bestOf(matches);
  let shown = "";
  const highlights: Span[] = [];
  for (const line of linesAround(text, start, end, context)) {
    if (shown !== "") shown += "\n";
    if (line.cutBefore) shown += "…";
    const shift = shown.length - line.start;
    for (const { from, to } of matches) {
      if (to > line.start && from < line.end)
        highlights.push([Math.max(from, line.start) + shift, Math.min(to, line.end) + shift]);
    }
    shown += text.slice(line.start, line.end);
    if (line.cutAfter) shown += "…";
  }
  return { text: shown, highlights: merge(highlights) };
}

/** The folded text, and for each unit of it where it comes from; no offsets where nothing has moved. */
function foldWithOffsets(text: string, fold: Fold): { plain: string; offsets?: number[] } {
  let moved = false;
  const plain = text.replace(/\P{ASCII}/gu, (character) => {
    const folded = fold.one(character);
    moved ||= folded.length !== character.length;
    return folded;
  });
  if (!moved) return { plain: plain.toLowerCase() };
  const offsets: number[] = [];
  let at = 0;
  for (const character of text) {
    const { length } = character <= "\u007f" ? character : fold.one(character);
    for (let i = 0; i < length; i++) offsets.push(at);
    at += character.length;
  }
  offsets.push(at);
  return { plain: plain.toLowerCase(), offsets };
}

/** The match around which most different words stand. */
function bestOf(found: readonly Match[]): Span {
  let best: Span = [0, 0];
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

function merge(ranges: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (to > from) merged.push([from, to]);
  }
  return merged;
}
