import { PictlError } from "../../core/errors.ts";
import { createRedactor } from "../../core/redact.ts";
import type { Directories } from "../exclusion.ts";
import type { Part } from "../files/parts.ts";
import type { HistoryIndex } from "../index/history-index.ts";
import { ROLES, TOOL_KINDS } from "../kinds.ts";
import { TextMatcher } from "../query/match.ts";
import { parseQuery } from "../query/parse.ts";
import type { Fold } from "../text/fold.ts";
import type { Hit, Scope, SearchParams, SearchResult } from "../types.ts";
import { boundedSteps, type RunStep } from "./bounded.ts";
import { patternFinder } from "./occurrences.ts";
import { linesWith } from "./ripgrep.ts";
import { type Look, type ScanHit, scanFile } from "./scan-file.ts";
import { selectFiles } from "./selection.ts";
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
 * @throws PictlError INVALID_INPUT for a regular expression that isn't one, or never ends
 */
export async function scan(
  index: HistoryIndex,
  directories: Directories,
  scope: Scope,
  params: SearchParams,
): Promise<Omit<SearchResult, "index">> {
  const began = performance.now();
  const { limit = DEFAULT_LIMIT, offset = 0, sort = "relevance" } = params;
  const wanted = params.regex ? regexWanted(params.query) : queryWanted(params.query, index.fold);
  const files = selectFiles(index, directories, scope.roots, params);
  const mask = params.showSecrets ? (text: string) => text : createRedactor({});
  const found = new Map<string, ScanHit>();
  const look: Look = {
    passes: partFilter(params),
    matches: (text) => wanted.matches(text),
    run: wanted.run,
    project: (cwd) => directories.project(cwd),
    mask,
    found: (hit, key) => {
      const known = found.get(key);
      if (known === undefined) found.set(key, hit);
      else if (known.file !== hit.file) known.copies = [...(known.copies ?? []), hit];
      else if (hit.score > known.score) found.set(key, hit);
    },
  };
  const rows = [...files.values()];
  const starts =
    wanted.needle === undefined
      ? undefined
      : await linesWith(
          wanted.needle,
          rows.map(({ path }) => path),
        );
  for (const row of rows) {
    if (starts !== undefined && !starts.has(row.path)) continue;
    await scanFile(row, starts?.get(row.path), look);
  }
  const hits = [...found.values()].sort((a, b) =>
    sort === "time" ? b.time - a.time : b.score - a.score || b.time - a.time,
  );
  const shown = hits.slice(offset, offset + limit);
  const times = rows.flatMap(({ state }) => (state === undefined ? [] : [state.createdAt, state.modifiedAt]));
  return {
    query: params.query,
    hits: wanted.run(() => shown.map((hit) => present(hit, wanted, mask, params))),
    total: hits.length,
    totalIsExact: true,
    sessions: new Set(hits.map(({ sessionId }) => sessionId)).size,
    tookMs: Math.round((performance.now() - began) * 100) / 100,
    searched: {
      sessions: files.size,
      ...(hits.length === 0
        ? { entries: rows.reduce((sum, { state }) => sum + (state?.records ?? 0), 0) }
        : {}),
      ...(times.length > 0 ? { from: Math.min(...times), to: Math.max(...times) } : {}),
    },
    suggestions: [],
  };
}

function present(
  { text, copies, ...hit }: ScanHit,
  { highlighter }: Wanted,
  mask: (text: string) => string,
  { context = 0, fullText }: SearchParams,
): Hit {
  const masked = mask(text);
  return {
    ...hit,
    ...(copies === undefined
      ? {}
      : {
          copies: copies.map(({ sessionId, sessionName, cwd, project, file }) => ({
            sessionId,
            ...(sessionName === undefined ? {} : { sessionName }),
            cwd,
            project,
            file,
          })),
        }),
    snippet: cutSnippet(highlighter.find(masked), context),
    ...(fullText ? { text: masked } : {}),
  };
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

function partFilter({ role, noTools, includeThinking, tool, model, since, until }: SearchParams) {
  const kinds = role === undefined ? undefined : new Set(ROLES[role] ?? []);
  return (part: Part, entry: { time: number; model: string }): boolean => {
    if (kinds !== undefined && !kinds.has(part.kind)) return false;
    if (part.kind === "thinking" && !includeThinking && role !== "thinking") return false;
    if (noTools && TOOL_KINDS.includes(part.kind)) return false;
    if (tool !== undefined && part.tool !== tool) return false;
    if (model !== undefined && !entry.model.toLowerCase().includes(model.toLowerCase())) return false;
    return entry.time >= (since ?? 0) && entry.time <= (until ?? Number.POSITIVE_INFINITY);
  };
}
