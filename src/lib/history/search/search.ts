import { createRedactor } from "../../core/redact.ts";
import type { Directories } from "../exclusion.ts";
import type { HistoryIndex } from "../index/history-index.ts";
import { compileQuery } from "../query/compile.ts";
import { TextMatcher } from "../query/match.ts";
import { parseQuery, type Query } from "../query/parse.ts";
import type { Hit, Scope, SearchParams, SearchResult } from "../types.ts";
import { Best } from "./best.ts";
import { HitReader } from "./hits.ts";
import { matching } from "./matching.ts";
import { type Selection, select } from "./selection.ts";
import { cutSnippet, Highlighter } from "./snippet.ts";
import { suggest } from "./suggest.ts";
import { density, rankingTime, recency, weightsByNumber } from "./weights.ts";

const DEFAULT_LIMIT = 20;
const DEFAULT_CONTEXT = 0;
/**
 * The texts of so many neighbours in the order are looked at, to put those first in which the words stand often. Always the
 * same neighbours, so that each is on one page, whatever pages are asked for.
 */
const BLOCK = 30;
/** Of a query that the index can't decide, all are looked at up to this many; more only until enough are found. */
const MAX_CHECKED = 2_000;

/**
 * Answers a search from the index.
 *
 * @throws PictlError SESSION_NOT_FOUND, SESSION_AMBIGUOUS of `--session`
 */
export function search(
  index: HistoryIndex,
  directories: Directories,
  scope: Scope,
  params: SearchParams,
): Omit<SearchResult, "index"> {
  const began = performance.now();
  const query = parseQuery(params.query, index.fold);
  const selection = select(index, directories, scope, params);
  const mask = params.showSecrets ? (text: string) => text : createRedactor({});
  const reader = new HitReader(index, directories, selection, mask);
  try {
    const ranked = rank(index, selection, query, params, reader);
    const hits = present(ranked, query, params, { index, reader, mask });
    return {
      query: params.query,
      hits,
      total: ranked.total,
      totalIsExact: ranked.totalIsExact,
      sessions: ranked.sessions,
      searched: searched(index, selection, hits.length === 0),
      suggestions: hits.length === 0 ? suggest(index, query, { selection, reader, mask }) : [],
      tookMs: Math.round((performance.now() - began) * 100) / 100,
    };
  } finally {
    reader.close();
  }
}

interface Ranked {
  best: { id: number; score: number }[];
  total: number;
  totalIsExact: boolean;
  sessions: number;
}

/** The best documents, one for each entry. */
function rank(
  index: HistoryIndex,
  selection: Selection,
  query: Query,
  params: SearchParams,
  reader: HitReader,
): Ranked {
  const { columns } = index;
  const { sort = "relevance" } = params;
  const shown = (params.limit ?? DEFAULT_LIMIT) + (params.offset ?? 0);
  const limit = sort === "time" ? shown : Math.ceil(shown / BLOCK) * BLOCK;
  const { match, exclude, verify } = compileQuery(query);
  const found = match === undefined ? allBut(index, exclude) : matching(index, match);
  const weights = weightsByNumber();
  const now = rankingTime();
  const { time, kind, nth, file } = columns;
  const byTime = sort === "time";
  const scoreOf = (id: number) => {
    const at = time[id] ?? 0;
    return byTime ? at : (weights[(kind[id] ?? 1) - 1] ?? 0) * recency(now - at);
  };
  const best = new Best(verify ? Number.POSITIVE_INFINITY : limit);
  const seen = new Uint8Array(Math.max(0, ...index.files.keys()) + 1);
  let total = 0;
  // Parts of one entry come one after the other, and count as one.
  let [entry, bestOfEntry, scoreOfEntry] = [-1, -1, 0];
  const close = () => {
    if (bestOfEntry !== -1) best.add(bestOfEntry, scoreOfEntry);
  };
  for (const id of found) {
    if (!selection.allows(id)) continue;
    const score = scoreOf(id);
    const head = id - (nth[id] ?? 0);
    if (verify) best.add(id, score);
    else if (head === entry) {
      if (score > scoreOfEntry) [bestOfEntry, scoreOfEntry] = [id, score];
      continue;
    } else {
      close();
      [entry, bestOfEntry, scoreOfEntry] = [head, id, score];
    }
    total++;
    seen[file[id] ?? 0] = 1;
  }
  if (verify) return check(best.sorted(), new TextMatcher(query, index.fold), { index, reader, limit });
  close();
  return {
    best: best.sorted(),
    total,
    totalIsExact: true,
    sessions: seen.reduce((sum, one) => sum + one, 0),
  };
}

/** Looks at the texts of what the index proposes, best first. */
function check(
  candidates: readonly { id: number; score: number }[],
  matcher: TextMatcher,
  { index, reader, limit }: { index: HistoryIndex; reader: HitReader; limit: number },
): Ranked {
  const best: Ranked["best"] = [];
  const entries = new Set<number>();
  const sessions = new Set<number>();
  let checked = 0;
  for (const candidate of candidates) {
    if (checked >= MAX_CHECKED && entries.size >= limit) break;
    checked++;
    const head = candidate.id - (index.columns.nth[candidate.id] ?? 0);
    if (entries.has(head)) continue;
    const text = reader.text(candidate.id);
    if (text === undefined || !matcher.matches(text)) continue;
    entries.add(head);
    sessions.add(index.columns.file[candidate.id] ?? 0);
    best.push(candidate);
  }
  return { best, total: entries.size, totalIsExact: checked === candidates.length, sessions: sessions.size };
}

/** What is shown of the best, in its last order. */
function present(
  { best }: Ranked,
  query: Query,
  params: SearchParams,
  { index, reader, mask }: { index: HistoryIndex; reader: HitReader; mask: (text: string) => string },
): Hit[] {
  const { offset = 0, limit = DEFAULT_LIMIT, sort = "relevance", context = DEFAULT_CONTEXT } = params;
  const highlighter = Highlighter.forQuery(query, index.fold);
  const byTime = sort === "time";
  const look = ({ id, score }: { id: number; score: number }) => {
    const found = reader.read(id);
    if (found === undefined) return undefined;
    const searched = highlighter.find(found.text);
    return { found, searched, score: byTime ? 0 : score * density(searched.matches.length) };
  };
  const first = byTime ? offset : offset - (offset % BLOCK);
  const looked: ReturnType<typeof look>[] = [];
  for (let at = first; at < Math.min(offset + limit, best.length); at += BLOCK) {
    const block = best.slice(at, at + BLOCK).map(look);
    // What is gone keeps a place, the last: without it, the next page would begin with another.
    looked.push(...(byTime ? block : block.sort((a, b) => (b?.score ?? 0) - (a?.score ?? 0))));
  }
  const page = looked.slice(offset - first, offset - first + limit).filter((one) => one !== undefined);
  return page.map(({ found, searched, score }) => {
    const whole = mask(found.text);
    const snippet = cutSnippet(whole === found.text ? searched : highlighter.find(whole), context);
    return {
      ...reader.describe(found),
      score: Math.round(score * 1000) / 1000,
      snippet,
      ...(params.fullText ? { text: whole } : {}),
    };
  });
}

function allBut(index: HistoryIndex, exclude: string | undefined): Iterable<number> {
  if (exclude === undefined) return index.columns.ids();
  const excluded = new Set(matching(index, exclude));
  return [...index.columns.ids()].filter((id) => !excluded.has(id));
}

function searched(
  index: HistoryIndex,
  { files, allows }: Selection,
  count: boolean,
): SearchResult["searched"] {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  const sessions = new Set<string>();
  let entries = 0;
  if (count) for (const id of index.columns.ids()) if (allows(id)) entries++;
  for (const { state } of files.values()) {
    if (state === undefined) continue;
    sessions.add(state.session);
    from = Math.min(from, state.createdAt);
    to = Math.max(to, state.modifiedAt);
  }
  return {
    sessions: sessions.size,
    ...(count ? { entries } : {}),
    ...(sessions.size > 0 ? { from, to } : {}),
  };
}
