import type { SessionRoot } from "../core/session-files/locate.ts";
import type { Progress } from "./index/history-index.ts";
import type { Kind } from "./kinds.ts";
import type { Snippet } from "./search/snippet.ts";

/** Where a request looks, beside its own filters: what the caller's environment and configuration say. */
export interface Scope {
  roots: SessionRoot[];
  /** `history.exclude`. */
  exclude: string[];
}

/** Which sessions and entries are meant. Everything that is given must hold. */
export interface Filters {
  /** Sessions of the project that this directory is in. */
  projectOf?: string | undefined;
  /** Sessions of this project: the path of its root, or the last part of it. */
  project?: string | undefined;
  /** Sessions that were started in exactly this directory. */
  cwd?: string | undefined;
  /** A session by its id, the beginning of it, or its name. */
  session?: string | undefined;
  /** Sessions of the project that this directory is in come first where a name is given. */
  near?: string | undefined;
  role?: string | undefined;
  tool?: string | undefined;
  /** Part of `provider/id`. */
  model?: string | undefined;
  /** Milliseconds since the epoch. */
  since?: number | undefined;
  until?: number | undefined;
  noTools?: boolean | undefined;
  includeThinking?: boolean | undefined;
}

export interface SearchParams extends Filters {
  query: string;
  regex?: boolean | undefined;
  /** Look into the files themselves: all of long tool outputs. */
  deep?: boolean | undefined;
  limit?: number | undefined;
  offset?: number | undefined;
  fullText?: boolean | undefined;
  sort?: "relevance" | "time" | undefined;
  context?: number | undefined;
  showSecrets?: boolean | undefined;
  /** How long to wait for what is not in the index yet. */
  waitMs?: number | undefined;
}

/** A session that holds a hit. */
export interface HitSession {
  sessionId: string;
  sessionName?: string;
  cwd: string;
  project: string;
  file: string;
}

export interface Hit extends HitSession {
  entryId: string;
  kind: Kind;
  tool?: string;
  model?: string;
  time: number;
  /** Whether the entry leads to where the session stands, or was left behind. */
  branch: "active" | "abandoned";
  tokens?: number;
  cost?: number;
  score: number;
  snippet: Snippet;
  text?: string;
  /** Other sessions that have the same entry. */
  copies?: HitSession[];
  /** What to give to `session fork --at`: the entry, or the prompt that led to it. */
  forkAt?: string;
}

export interface SearchResult {
  query: string;
  hits: Hit[];
  /** Entries that fit, of which `hits` are the best. */
  total: number;
  /** Whether all that could fit were looked at. */
  totalIsExact: boolean;
  /** Sessions among all that fit. */
  sessions: number;
  tookMs: number;
  /** What was looked through. */
  searched: { sessions: number; entries?: number; from?: number; to?: number };
  /** Words that are there, for those that aren't. */
  suggestions: string[];
  index: IndexNotice;
}

/** Whether an answer rests on everything there is. */
export interface IndexNotice {
  complete: boolean;
  progress?: Progress;
}

/** One session of `history list`. Tokens and cost are of what isn't a copy of another session's. */
export interface ListedSession {
  sessionId: string;
  sessionName?: string;
  cwd: string;
  project: string;
  file: string;
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

/** One entry of `history show`, an element for each of its parts. */
export interface ShownPart {
  entryId: string;
  kind: Kind;
  tool?: string;
  model?: string;
  time: number;
  branch: "active" | "abandoned";
  text: string;
  /** The entry that was asked for. */
  at?: true;
}

export const STATS_BY = ["model", "project", "day", "tool"] as const;
export type StatsBy = (typeof STATS_BY)[number];

export interface StatsRow {
  name: string;
  /** Prompts that were answered (by this model, in this project, on this day, with this tool). */
  turns: number;
  /** Answers; of a tool, its calls. */
  count: number;
  tokens: { input: number; output: number; cacheRead: number; cacheWrite: number; total: number };
  cost: number;
}

/** Days of UTC (`2026-11-21`), of a `since` and `until` that lie within one: all of it is counted. */
export interface StatsDays {
  from?: string;
  to?: string;
}

export interface HistoryStatus {
  database: { path: string; bytes: number };
  index: IndexNotice;
  files: number;
  bytes: number;
  sessions: number;
  projects: number;
  /** Pieces of text that can be found. */
  entries: number;
  /** Entries that stand in several sessions and count once. */
  copies: number;
  from?: number;
  to?: number;
  /** What isn't indexed, and why; at most a hundred files of each. */
  problems: {
    unreadable: string[];
    foreign: string[];
    skipped: string[];
    brokenLines: { file: string; lines: number }[];
    tooLongLines: { file: string; lines: number }[];
  };
  leftOut: { byConfig: number; byWorkspace: number; forgotten: number };
}
