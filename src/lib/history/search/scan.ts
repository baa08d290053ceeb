import { closeSync, openSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { PictlError } from "../../core/errors.ts";
import { createRedactor } from "../../core/redact.ts";
import {
  asObject,
  asString,
  type JsonObject,
  parseObject,
  parseTime,
} from "../../core/session-files/json.ts";
import { forEachLine, type Line } from "../../core/session-files/line-reader.ts";
import type { Directories } from "../exclusion.ts";
import { MAX_PARSED_LINE } from "../files/entry-line.ts";
import { type Part, partsOf, usageOf } from "../files/parts.ts";
import { activeRanges, isActive } from "../index/file-state.ts";
import type { FileRow, HistoryIndex } from "../index/history-index.ts";
import { type Kind, ROLES, TOOL_KINDS } from "../kinds.ts";
import { TextMatcher } from "../query/match.ts";
import { parseQuery } from "../query/parse.ts";
import type { Fold } from "../text/fold.ts";
import type { Hit, Scope, SearchParams, SearchResult } from "../types.ts";
import { boundedSteps, type RunStep } from "./bounded.ts";
import { patternFinder } from "./occurrences.ts";
import { linesWith } from "./ripgrep.ts";
import { selectFiles } from "./selection.ts";
import { cutSnippet, Highlighter } from "./snippet.ts";
import { KIND_WEIGHTS, recency } from "./weights.ts";

const DEFAULT_LIMIT = 20;
/** How long one go takes: indexing and other searches come between. */
const STEP_MS = 40;

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
  const passes = partFilter(params);
  const found = new Map<string, ScanHit>();
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
    const visit = lineVisitor(row, { wanted, passes, directories, mask, params }, (hit, key) => {
      const known = found.get(key);
      if (known === undefined) found.set(key, hit);
      else if (known.file !== hit.file) known.copies = [...(known.copies ?? []), hit];
      else if (hit.score > known.score) found.set(key, hit);
    });
    await readLines(row.path, starts?.get(row.path), wanted.run, visit);
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

type ScanHit = Omit<Hit, "snippet"> & { text: string };

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

/** Looks at the lines of one file, in order; keeps what later lines depend on. */
function lineVisitor(
  row: FileRow,
  {
    wanted,
    passes,
    directories,
    mask,
  }: {
    wanted: Wanted;
    passes: ReturnType<typeof partFilter>;
    directories: Directories;
    mask: (text: string) => string;
    params: SearchParams;
  },
  found: (hit: ScanHit, key: string) => void,
): (line: Line, number: number) => void {
  const ranges = row.state === undefined ? [] : activeRanges(row.state);
  const { session = "", name, cwd = "", version = 3 } = row.state ?? {};
  const now = Date.now();
  let model = "";
  return (line, number) => {
    const entry = parseLine(line);
    if (entry === undefined || entry.type === "session") return;
    const message = asObject(entry.message);
    model = modelOf(entry, message) ?? model;
    const time = parseTime(entry.timestamp) ?? row.state?.createdAt ?? 0;
    const entryId = asString(entry.id) ?? String(number).padStart(8, "0");
    for (const part of partsOf(entry, true)) {
      if (!passes(part, { time, model }) || !wanted.matches(part.text)) continue;
      const usage = usageOf(message?.usage ?? entry.usage);
      const active = isActive(ranges, line.start);
      found(
        {
          sessionId: session,
          ...(name === undefined ? {} : { sessionName: mask(name) }),
          cwd,
          project: directories.project(cwd),
          file: row.path,
          entryId,
          kind: part.kind,
          ...(part.tool ? { tool: part.tool } : {}),
          ...(model === "" ? {} : { model }),
          time,
          branch: active ? "active" : "abandoned",
          ...(usage === undefined
            ? {}
            : { tokens: usage.input + usage.output + usage.cacheRead + usage.cacheWrite, cost: usage.cost }),
          score: Math.round(weightOf(part.kind) * recency((now - time) / 1000) * 1000) / 1000,
          ...(active && part.kind === "user" && version >= 2 ? { forkAt: entryId } : {}),
          text: part.text,
        },
        `${entryId} ${time} ${version < 2 ? row.path : ""}`,
      );
    }
  };
}

function weightOf(kind: Kind): number {
  return KIND_WEIGHTS[kind];
}

function modelOf(entry: JsonObject, message: JsonObject | undefined): string | undefined {
  const [provider, id] =
    entry.type === "model_change" ? [entry.provider, entry.modelId] : [message?.provider, message?.model];
  return typeof provider === "string" && typeof id === "string" ? `${provider}/${id}` : undefined;
}

function parseLine(line: Line): JsonObject | undefined {
  if (line.length > MAX_PARSED_LINE) return undefined;
  const text = line.text();
  return text === undefined ? undefined : parseObject(text);
}

/**
 * @param only offsets of the lines to visit; absent: all
 * @param run runs what is read in one go
 */
async function readLines(
  path: string,
  only: ReadonlySet<number> | undefined,
  run: RunStep,
  visit: (line: Line, number: number) => void,
): Promise<void> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    // Gone since it was listed.
    return;
  }
  let [offset, number] = [0, 0];
  try {
    for (let more = true; more; ) {
      more = false;
      const deadline = performance.now() + STEP_MS;
      run(() =>
        forEachLine(fd, offset, Number.MAX_SAFE_INTEGER, (line) => {
          offset = line.start + line.length + 1;
          if (only === undefined || only.has(line.start)) visit(line, number);
          number++;
          more = performance.now() > deadline;
          return !more;
        }),
      );
      await setImmediate();
    }
  } finally {
    closeSync(fd);
  }
}
