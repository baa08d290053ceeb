import * as z from "zod/mini";
import { historyRoles, historySorts, MAX_CONTEXT_LINES, MAX_COUNT, statsBy } from "./history-choices.ts";

const nonEmpty = z.string().check(z.minLength(1));
const absolutePath = z.string().check(z.startsWith("/"));
const count = z.int().check(z.gte(0), z.lte(MAX_COUNT));
const time = z.number();

/** Of whom asks: its project's settings may say where sessions are kept. */
const from = { cwd: z.optional(absolutePath) };

/** Which sessions: those of the project that `cwd` is in, unless `scope` or `project` says otherwise. */
const which = {
  cwd: z.optional(absolutePath),
  /** `directory`: sessions that were started in exactly `cwd`. */
  scope: z.optional(z.enum(["project", "directory", "all"])),
  /** A project's directory, or the last part of it. */
  project: z.optional(nonEmpty),
};

/** Times are milliseconds since the epoch. */
const filters = {
  ...which,
  session: z.optional(nonEmpty),
  model: z.optional(nonEmpty),
  since: z.optional(time),
  until: z.optional(time),
};

const showSecrets = z.optional(z.boolean());

/** The parameters of the requests about the history: see `docs/history.md`. */
export const historySchemas = {
  search_history: z.object({
    ...filters,
    query: nonEmpty,
    regex: z.optional(z.boolean()),
    /** Look into the files themselves: also at what is too long to be indexed. */
    deep: z.optional(z.boolean()),
    role: z.optional(z.enum(historyRoles)),
    tool: z.optional(nonEmpty),
    noTools: z.optional(z.boolean()),
    includeThinking: z.optional(z.boolean()),
    limit: z.optional(count),
    /** How many of the best to leave out: the next page. */
    offset: z.optional(z.int().check(z.gte(0))),
    sort: z.optional(z.enum(historySorts)),
    /** Lines around the one that was found. */
    context: z.optional(z.int().check(z.gte(0), z.lte(MAX_CONTEXT_LINES))),
    /** Give each hit its whole text, as far as it is indexed. */
    fullText: z.optional(z.boolean()),
    showSecrets,
    /** How long to wait for what isn't in the index yet. */
    waitMs: z.optional(z.int().check(z.gte(0), z.lte(2 ** 31 - 1))),
  }),
  list_history: z.object({ ...filters, limit: z.optional(count), showSecrets }),
  show_history: z.object({
    ...from,
    session: nonEmpty,
    /** An entry's id, or the beginning of it. */
    at: z.optional(nonEmpty),
    /** Entries before and after that one. */
    context: z.optional(count),
    showSecrets,
  }),
  get_history_stats: z.object({ ...filters, by: z.enum(statsBy) }),
  get_history_status: z.object(from),
  /** Reads a session's file anew, or everything. */
  reindex_history: z.object({ ...from, session: z.optional(nonEmpty), wait: z.optional(z.boolean()) }),
  /** Takes sessions out of the index for good; `undo` lets them in again. */
  forget_history: z.object({
    ...from,
    session: z.optional(nonEmpty),
    project: z.optional(nonEmpty),
    undo: z.optional(z.boolean()),
  }),
} as const;

/** What a piece of a session is. */
export type HistoryKind =
  | "user"
  | "assistant"
  | "thinking"
  | "call"
  | "result"
  | "bash"
  | "summary"
  | "custom"
  | "name"
  | "label";

export interface IndexProgress {
  running: boolean;
  files: { done: number; total: number };
  bytes: { done: number; total: number };
}

/** Whether an answer rests on everything there is. */
export interface IndexNotice {
  complete: boolean;
  progress?: IndexProgress;
}

/** A session that holds a hit. */
export interface HistoryHitSession {
  sessionId: string;
  sessionName?: string;
  cwd: string;
  project: string;
  file: string;
}

export interface HistoryHit extends HistoryHitSession {
  entryId: string;
  kind: HistoryKind;
  tool?: string;
  model?: string;
  time: number;
  branch: "active" | "abandoned";
  tokens?: number;
  cost?: number;
  score: number;
  snippet: { text: string; highlights: [number, number][] };
  /** With `fullText`. */
  text?: string;
  /** Other sessions that have the same entry. */
  copies?: HistoryHitSession[];
  /** Only the history looks where its file is (`history.directories`): pi goes on with the file, pictl doesn't. */
  outside?: boolean;
  /** What to give to `fork` as `at`: the entry, or the prompt that led to it. */
  forkAt?: string;
}

export interface HistorySearchResult {
  query: string;
  hits: HistoryHit[];
  total: number;
  totalIsExact: boolean;
  sessions: number;
  tookMs: number;
  /** `entries` is told where nothing was found. */
  searched: { sessions: number; entries?: number; from?: number; to?: number };
  suggestions: string[];
  index: IndexNotice;
}

export interface HistorySession extends HistoryHitSession {
  createdAt: number;
  modifiedAt: number;
  firstMessage?: string;
  model?: string;
  messages: number;
  turns: number;
  tokens: number;
  cost: number;
  parentSession?: string;
}

export interface HistoryEntry {
  entryId: string;
  kind: HistoryKind;
  tool?: string;
  model?: string;
  time: number;
  branch: "active" | "abandoned";
  text: string;
  at?: true;
}

export interface HistoryStatsRow {
  name: string;
  turns: number;
  count: number;
  tokens: { input: number; output: number; cacheRead: number; cacheWrite: number; total: number };
  cost: number;
}

export interface HistoryStatusResult {
  database: { path: string; bytes: number };
  index: IndexNotice;
  files: number;
  bytes: number;
  sessions: number;
  projects: number;
  entries: number;
  copies: number;
  from?: number;
  to?: number;
  problems: {
    unreadable: string[];
    foreign: string[];
    skipped: string[];
    brokenLines: { file: string; lines: number }[];
    tooLongLines: { file: string; lines: number }[];
  };
  leftOut: { byConfig: number; byWorkspace: number; forgotten: number };
}

export interface HistoryResults {
  search_history: HistorySearchResult;
  list_history: { sessions: HistorySession[]; total: number; index: IndexNotice };
  show_history: { session: HistorySession; entries: HistoryEntry[]; truncated: boolean };
  get_history_stats: {
    by: (typeof statsBy)[number];
    rows: HistoryStatsRow[];
    /** Days of UTC that are counted whole, though `since` or `until` lies within them. */
    days?: { from?: string; to?: string };
    index: IndexNotice;
  };
  get_history_status: HistoryStatusResult;
  reindex_history: { files: number; index: IndexNotice };
  forget_history: { sessions: { sessionId: string; sessionName?: string; file: string }[] };
}
