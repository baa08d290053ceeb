import { nearest } from "../../core/nearest.ts";
import type { HistoryIndex } from "../index/history-index.ts";
import { TextMatcher } from "../query/match.ts";
import { parseQuery, type Query } from "../query/parse.ts";
import type { HitReader } from "./hits.ts";
import { matching } from "./matching.ts";
import type { Selection } from "./selection.ts";

const MAX_SUGGESTIONS = 2;
/** The index knows the words of every project; so many of the nearest are looked up for being of this request's. */
const MAX_CANDIDATES = 20;
/** A word that none of so many texts may show is part of a credential. */
const MAX_TEXTS = 10;

/** What a word has to be shown by to be suggested. */
interface Shown {
  selection: Selection;
  reader: HitReader;
  mask: (text: string) => string;
}

/**
 * Words with the same beginning that are nearest to those that aren't there: none that the request itself couldn't find,
 * or other projects' words would be told, and none that stands only in what is masked.
 */
export function suggest(index: HistoryIndex, query: Query, shown: Shown): string[] {
  return query.groups.flat().flatMap(({ words, negated, prefix }) => {
    const [word = ""] = words;
    if (negated || prefix || words.length !== 1 || word.length < 3) return [];
    // It may be there, and only not together with the others.
    if (documentsWith(index, word, shown.selection).length > 0) return [];
    const suggestions: string[] = [];
    for (const candidate of nearest(word, neighbours(index, word), MAX_CANDIDATES)) {
      if (isShown(index, candidate, shown)) suggestions.push(candidate);
      if (suggestions.length === MAX_SUGGESTIONS) break;
    }
    return suggestions;
  });
}

/** Words of the whole index that begin so and are about as long. */
function neighbours({ db }: HistoryIndex, word: string): string[] {
  const [first = ""] = word;
  const rows = db
    .sql("SELECT term FROM vocabulary WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ?")
    .all(first, first + String.fromCodePoint(0x10ffff), word.length - 2, word.length + 2);
  return (rows as { term: string }[]).map(({ term }) => term);
}

function isShown(index: HistoryIndex, word: string, { selection, reader, mask }: Shown): boolean {
  const matcher = new TextMatcher(parseQuery(word, index.fold), index.fold);
  return documentsWith(index, word, selection)
    .slice(0, MAX_TEXTS)
    .some((id) => matcher.matches(mask(reader.text(id) ?? "")));
}

/** The selected documents with a word, as the index has it. */
function documentsWith(index: HistoryIndex, word: string, { allows }: Selection): number[] {
  return matching(index, `"${word}"`).filter(allows);
}
