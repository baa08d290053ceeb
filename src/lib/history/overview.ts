import { PictlError } from "../core/errors.ts";
import type { Directories } from "./exclusion.ts";
import { isBelow } from "./files/roots.ts";
import type { FileState } from "./index/file-state.ts";
import type { FileRow, HistoryIndex } from "./index/history-index.ts";
import { selectFiles } from "./search/selection.ts";
import type {
  Filters,
  HistoryStatus,
  IndexNotice,
  ListedSession,
  Scope,
  StatsBy,
  StatsDays,
  StatsRow,
} from "./types.ts";

const DAY_MS = 86_400_000;
/** Files named of each problem. */
const MAX_NAMED = 100;

type Mask = (text: string) => string;

/** Sessions by the time of their last entry, newest first. */
export function listSessions(
  index: HistoryIndex,
  directories: Directories,
  { roots }: Scope,
  filters: Filters,
  mask: Mask,
): ListedSession[] {
  const { since = 0, until = Number.POSITIVE_INFINITY, model } = filters;
  return [...selectFiles(index, directories, roots, filters).values()]
    .flatMap((row) => describe(row, directories, mask))
    .filter((session) => session.modifiedAt >= since && session.createdAt <= until)
    .filter((session) => model === undefined || session.model?.toLowerCase().includes(model.toLowerCase()))
    .sort((a, b) => b.modifiedAt - a.modifiedAt);
}

function describe({ path, state }: FileRow, directories: Directories, mask: Mask): ListedSession[] {
  if (state === undefined) return [];
  const { session, name, cwd, createdAt, modifiedAt, first, model, messages, turns, tokens, cost, parent } =
    state;
  return [
    {
      sessionId: session,
      ...(name === undefined ? {} : { sessionName: mask(name) }),
      cwd,
      project: directories.project(cwd),
      file: path,
      createdAt,
      modifiedAt,
      ...(first === undefined ? {} : { firstMessage: mask(first) }),
      ...(model === undefined ? {} : { model }),
      messages,
      turns,
      tokens,
      cost,
      ...(parent === undefined ? {} : { parentSession: parent }),
    },
  ];
}

/**
 * Sums over sessions, the most expensive first, days in order. What is counted is kept by days of UTC: of one in
 * which `since` or `until` lies all counts, and `days` says so.
 *
 * @throws PictlError INVALID_INPUT for tools by model: an answer's tools are counted without it
 */
export function stats(
  index: HistoryIndex,
  directories: Directories,
  { roots }: Scope,
  { by, model, ...filters }: Filters & { by: StatsBy },
): { rows: StatsRow[]; days?: StatsDays } {
  if (by === "tool" && model !== undefined)
    throw new PictlError("INVALID_INPUT", "Tools can't be counted by model.", { details: { by, model } });
  const files = selectFiles(index, directories, roots, filters);
  const rows = index.db
    .sql("SELECT * FROM tallies WHERE by = ? AND day BETWEEN ? AND ?")
    .all(
      by === "tool" ? "tool" : "model",
      Math.floor((filters.since ?? 0) / DAY_MS),
      Math.floor((filters.until ?? Number.MAX_SAFE_INTEGER) / DAY_MS),
    ) as unknown as Tally[];
  const sums = new Map<string, StatsRow>();
  const wanted = model?.toLowerCase();
  for (const row of rows) {
    const file = files.get(row.file);
    if (file === undefined) continue;
    // All but the sums of tools are kept by model.
    if (wanted !== undefined && !row.name.toLowerCase().includes(wanted)) continue;
    const name = nameOf(row, by, () => directories.project(file.state?.cwd ?? ""));
    add(sums, name, row);
  }
  const all = [...sums.values()];
  const inOrder =
    by === "day"
      ? all.sort((a, b) => (a.name < b.name ? -1 : 1))
      : all.sort((a, b) => b.cost - a.cost || b.tokens.total - a.tokens.total || b.count - a.count);
  const days = wholeDays(filters);
  return { rows: inOrder, ...(days === undefined ? {} : { days }) };
}

/** The days that count as a whole because a bound lies within them. */
function wholeDays({ since, until }: Filters): StatsDays | undefined {
  const from = since === undefined || since % DAY_MS === 0 ? undefined : dayName(Math.floor(since / DAY_MS));
  // A day's last moment is all of it.
  const to =
    until === undefined || (until + 1) % DAY_MS === 0 ? undefined : dayName(Math.floor(until / DAY_MS));
  if (from === undefined && to === undefined) return undefined;
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

interface Tally {
  file: number;
  day: number;
  name: string;
  turns: number;
  count: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  cost: number;
}

function nameOf(row: Tally, by: StatsBy, project: () => string): string {
  // What has no time is counted on the first of all days.
  if (by === "day") return row.day === 0 ? "" : dayName(row.day);
  return by === "project" ? project() : row.name;
}

function add(sums: Map<string, StatsRow>, name: string, row: Tally): void {
  let sum = sums.get(name);
  if (sum === undefined) {
    const tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 };
    sum = { name, turns: 0, count: 0, tokens, cost: 0 };
    sums.set(name, sum);
  }
  sum.turns += row.turns;
  sum.count += row.count;
  for (const kind of ["input", "output", "cacheRead", "cacheWrite"] as const) {
    sum.tokens[kind] += row[kind];
    sum.tokens.total += row[kind];
  }
  sum.cost += row.cost;
}

/** From the first to the last moment, of the sessions that have times. */
function datesOf(states: readonly FileState[]): { from?: number; to?: number } {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const { createdAt, modifiedAt } of states) {
    if (createdAt > 0) from = Math.min(from, createdAt);
    to = Math.max(to, modifiedAt);
  }
  return to === 0 ? {} : { from: Math.min(from, to), to };
}

/** What is in the index, and what isn't. */
export function status(
  index: HistoryIndex,
  directories: Directories,
  { roots }: Scope,
  forgotten: number,
  notice: IndexNotice,
): HistoryStatus {
  const rows = [...index.files.values()].filter(({ path }) => isBelow(path, roots));
  const indexed = rows.filter(({ problem, state }) => problem === undefined && state !== undefined);
  const states = indexed.flatMap(({ state }) => state ?? []);
  const withProblem = (problem: string) =>
    rows.filter((row) => row.problem === problem).map(({ path }) => path);
  const lines = (field: "broken" | "tooLong") =>
    indexed
      .flatMap(({ path, state }) => (state?.[field] ? [{ file: path, lines: state[field] }] : []))
      .slice(0, MAX_NAMED);
  const { entries } = index.db.sql("SELECT count(*) AS entries FROM docs").get() as { entries: number };
  return {
    database: { path: index.db.path, bytes: index.db.bytes },
    index: notice,
    files: indexed.length,
    bytes: indexed.reduce((sum, { offset }) => sum + offset, 0),
    sessions: new Set(states.map(({ session }) => session)).size,
    projects: new Set(states.map(({ cwd }) => directories.project(cwd))).size,
    entries,
    copies: index.columns.copies.size,
    ...datesOf(states),
    problems: {
      unreadable: withProblem("unreadable").slice(0, MAX_NAMED),
      foreign: withProblem("foreign").slice(0, MAX_NAMED),
      skipped: index.skipped,
      brokenLines: lines("broken"),
      tooLongLines: lines("tooLong"),
    },
    leftOut: {
      byConfig: withProblem("config").length,
      byWorkspace: withProblem("workspace").length,
      forgotten,
    },
  };
}
