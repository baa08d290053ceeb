import { PictlError } from "../../core/errors.ts";
import { createRedactor } from "../../core/redact.ts";
import type { Directories } from "../exclusion.ts";
import type { Part } from "../files/parts.ts";
import { ReadBack } from "../files/read-back.ts";
import type { FileRow, HistoryIndex } from "../index/history-index.ts";
import { ROLES, TOOL_KINDS } from "../kinds.ts";
import { TextMatcher } from "../query/match.ts";
import { parseQuery } from "../query/parse.ts";
import type { Fold } from "../text/fold.ts";
import type { Hit, Scope, SearchParams, SearchResult } from "../types.ts";
import { boundedSteps, type RunStep } from "./bounded.ts";
import { ForkPoints } from "./fork-points.ts";
import { hitSession } from "./hits.ts";
import { patternFinder } from "./occurrences.ts";
import { linesWith } from "./ripgrep.ts";
import { type Fit, type Look, scanFile } from "./scan-file.ts";
import { secondsOf, selectFiles } from "./selection.ts";
import { cutSnippet, Highlighter } from "./snippet.ts";

const DEFAULT_LIMIT = 20;

/** What is looked for, as a test of whole texts. */
interface Wanted {
  matches(text: string): boolean;
  highlighter: Highlighter;
  /** Letters that stand in every line with a match, as JSON has them; none: every line must be read. */
  needle?: string;
  /** Around all that looks at texts. */
  run: RunStep;
}

/**
 * Answers a search from the files themselves: with a regular expression, or with what lies beyond the indexed part
 * of what tools were given and gave back. Slower than the index, and bounded by how fast files can be read.
 *
 * @param agentPlaces in which sandboxed agents can write, as real paths: no program from there is run
 * @throws PictlError INVALID_INPUT for a regular expression that isn't one, or never ends
 */
export async function scan(
  index: HistoryIndex,
  directories: Directories,
  scope: Scope,
  params: SearchParams,
  agentPlaces: readonly string[],
): Promise<Omit<SearchResult, "index">> {
  const began = performance.now();
  const { limit = DEFAULT_LIMIT, offset = 0, sort = "relevance" } = params;
  const wanted = params.regex ? regexWanted(params.query) : queryWanted(params.query, index.fold);
  const files = selectFiles(index, directories, scope.roots, params);
  const mask = params.showSecrets ? (text: string) => text : createRedactor({});
  // Of each entry the best of its texts that fit, in every file that has it.
  const found = new Map<string, Map<FileRow, Fit>>();
  const look: Look = {
    passes: partFilter(params),
    matches: (text) => wanted.matches(text),
    run: wanted.run,
    found: (fit, key) => {
      const places = found.get(key) ?? new Map<FileRow, Fit>();
      found.set(key, places);
      if (fit.about.score > (places.get(fit.row)?.about.score ?? -1)) places.set(fit.row, fit);
    },
  };
  const rows = [...files.values()];
  const starts =
    wanted.needle === undefined
      ? undefined
      : await linesWith(
          wanted.needle,
          rows.map(({ path }) => path),
          agentPlaces,
        );
  for (const row of rows) {
    if (starts !== undefined && !starts.has(row.path)) continue;
    await scanFile(row, starts?.get(row.path), look);
  }
  const order = (a: Fit["about"], b: Fit["about"]) =>
    sort === "time" ? b.time - a.time : b.score - a.score || b.time - a.time;
  const fits = [...found.values()]
    .map((places) => [...places.values()])
    .sort(([a], [b]) => (a && b ? order(a.about, b.about) : 0));
  const page = fits.slice(offset, offset + limit);
  const times = rows.flatMap(({ state }) => (state === undefined ? [] : [state.createdAt, state.modifiedAt]));
  return {
    query: params.query,
    hits: present(page, wanted, params, { index, directories, mask }),
    total: fits.length,
    totalIsExact: true,
    sessions: new Set(fits.map(([fit]) => fit?.row)).size,
    tookMs: Math.round((performance.now() - began) * 100) / 100,
    searched: {
      sessions: files.size,
      ...(fits.length === 0
        ? { entries: rows.reduce((sum, { state }) => sum + (state?.records ?? 0), 0) }
        : {}),
      ...(times.length > 0 ? { from: Math.min(...times), to: Math.max(...times) } : {}),
    },
    suggestions: [],
  };
}

/** @param page what is found, each in all the places where it stands */
function present(
  page: readonly (readonly Fit[])[],
  { highlighter, run }: Wanted,
  { context = 0, fullText }: SearchParams,
  {
    index,
    directories,
    mask,
  }: { index: HistoryIndex; directories: Directories; mask: (text: string) => string },
): Hit[] {
  const back = new ReadBack();
  try {
    const forkPoints = new ForkPoints(index, back);
    const shown = page.flatMap((places) => {
      const fit = forkPoints.first(places);
      return fit === undefined ? [] : [{ fit, places, text: mask(fit.text) }];
    });
    const snippets = run(() => shown.map(({ text }) => cutSnippet(highlighter.find(text), context)));
    const session = (row: FileRow) => hitSession(row, directories, mask);
    return shown.map(({ fit: { row, start, about }, places, text }, i) => {
      const copies = places.filter((other) => other.row !== row).map((other) => session(other.row));
      const forkAt = forkPoints.at(row, start);
      return {
        ...session(row),
        ...about,
        branch: forkPoints.isActive(row, start) ? "active" : "abandoned",
        ...(copies.length === 0 ? {} : { copies }),
        ...(forkAt === undefined ? {} : { forkAt }),
        snippet: snippets[i] ?? { text: "", highlights: [] },
        ...(fullText ? { text } : {}),
      };
    });
  } finally {
    back.close();
  }
}

function regexWanted(source: string): Wanted {
  try {
    const pattern = new RegExp(source, "iu");
    return {
      matches: (text) => pattern.test(text),
      highlighter: new Highlighter([patternFinder(new RegExp(source, "giu"))]),
      run: boundedSteps(source),
    };
  } catch (error) {
    throw new PictlError(
      "INVALID_INPUT",
      `"${source}" is not a regular expression: ${(error as Error).message}`,
      {
        hint: "Leave out --regex to look for it as it stands.",
        details: { query: source },
        cause: error,
      },
    );
  }
}

function queryWanted(text: string, fold: Fold): Wanted {
  const query = parseQuery(text, fold);
  const matcher = new TextMatcher(query, fold);
  // Only plain letters are the same in a text and in its JSON, whoever wrote it.
  const needles = query.groups.flatMap((group) => {
    const [term] = group;
    return group.length === 1 && term !== undefined && !term.negated
      ? term.words.filter((word) => /^[a-z0-9]+$/.test(word))
      : [];
  });
  const [needle] = needles.sort((a, b) => b.length - a.length);
  return {
    matches: (whole) => matcher.matches(whole),
    highlighter: Highlighter.forQuery(query, fold),
    run: (step) => step(),
    ...(needle === undefined ? {} : { needle }),
  };
}

function partFilter(params: SearchParams) {
  const { role, noTools, includeThinking, tool, model } = params;
  const { from, to } = secondsOf(params);
  const kinds = role === undefined ? undefined : new Set(ROLES[role] ?? []);
  return (part: Part, entry: { time: number; model: string }): boolean => {
    if (kinds !== undefined && !kinds.has(part.kind)) return false;
    if (part.kind === "thinking" && !includeThinking && role !== "thinking") return false;
    if (noTools && TOOL_KINDS.includes(part.kind)) return false;
    if (tool !== undefined && part.tool !== tool) return false;
    if (model !== undefined && !entry.model.toLowerCase().includes(model.toLowerCase())) return false;
    const second = Math.floor(entry.time / 1000);
    return second >= from && second <= to;
  };
}
