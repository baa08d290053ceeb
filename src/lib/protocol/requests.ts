import * as z from "zod/mini";
import type { SandboxReview } from "../core/sandbox-review.ts";
import type { HistoryResults } from "./history.ts";
import { historySchemas } from "./history.ts";
import { answer, type Question, questionPolicy } from "./question.ts";
import {
  type SessionInfo,
  type SessionState,
  sessionOptions,
  type Turn,
  type TurnOutcome,
  thinkingLevel,
} from "./session.ts";
import type { TranscriptMessage } from "./transcript.ts";
import { type WaitCondition, waitConditions } from "./wait.ts";

const nonEmpty = z.string().check(z.minLength(1));
/** Node's timers end a longer time at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const absolutePath = z.string().check(z.startsWith("/"));

/**
 * Names a session: `sessionId` is a full id, a unique prefix or a name, of which one in the repository of `cwd` comes
 * first. Without `sessionId` the current session of `cwd` is meant.
 */
const target = { sessionId: z.optional(nonEmpty), cwd: z.optional(absolutePath) };

const image = z.object({ type: z.literal("image"), data: z.string(), mimeType: z.string() });

/** The parameters of every request that the daemon answers itself. One place declares a request: here. */
const branchOptions = {
  name: z.optional(nonEmpty),
  /** Absolute path of the new session's directory; absent: that of the other one. */
  directory: z.optional(nonEmpty),
  /** As in `create_session`; absent: those that the other one has. */
  model: z.optional(nonEmpty),
  thinking: z.optional(thinkingLevel),
};

export const requestSchemas = {
  create_session: z.object({
    cwd: absolutePath,
    name: z.optional(nonEmpty),
    options: z.optional(sessionOptions),
    /** Makes it the current session of its directory (default true). */
    current: z.optional(z.boolean()),
  }),
  /** Finds the session of this name in the repository of `cwd`, or creates it as `create_session` does. */
  ensure_session: z.object({
    cwd: absolutePath,
    name: nonEmpty,
    /** One that is found must have these already. */
    options: z.optional(sessionOptions),
    current: z.optional(z.boolean()),
  }),
  list_sessions: z.object({
    /** Only what a prompt here may continue: this directory's sessions, and those above it up to the repository root. */
    cwd: z.optional(absolutePath),
  }),
  /** Which sessions a word means beyond doubt: by a name in the repository of `cwd`, or eight characters of an id. */
  match_sessions: z.object({ cwd: absolutePath, word: nonEmpty }),
  get_session: z.object({ ...target, messages: z.optional(z.boolean()) }),
  prompt: z.object({
    ...target,
    message: nonEmpty,
    images: z.optional(z.array(image)),
    /** With `cwd` and no current session there: create one with these options. */
    create: z.optional(z.object({ name: z.optional(nonEmpty), options: z.optional(sessionOptions) })),
    /** Create a session even where there is a current one. */
    fresh: z.optional(z.boolean()),
    /** Change the session's model or thinking level before the turn. */
    model: z.optional(nonEmpty),
    thinking: z.optional(thinkingLevel),
    /** What to do when a turn is running: wait in line (default), refuse, or hand to one of pi's queues. */
    whenBusy: z.optional(z.enum(["wait", "refuse", "steer", "followUp"])),
    /** What becomes of a question: `fail` ends the turn (default). See `docs/questions.md`. */
    onQuestion: z.optional(questionPolicy),
    /** The caller's own id for the turn, so that it knows its records from the first one on. */
    turnId: z.optional(nonEmpty),
    /** Send this connection the session's records, beginning before the turn. */
    subscribe: z.optional(z.boolean()),
  }),
  abort: z.object({
    ...target,
    /** Only this turn, running or still queued. */
    turnId: z.optional(nonEmpty),
  }),
  /** A new session from an earlier user message: an entry id, or its number as in `get_session`'s messages. */
  fork: z.object({ ...target, ...branchOptions, at: z.union([z.number(), nonEmpty]) }),
  clone: z.object({ ...target, ...branchOptions }),
  get_fork_messages: z.object({ ...target }),
  set_session_name: z.object({ ...target, name: nonEmpty }),
  close_session: z.object({ ...target }),
  delete_session: z.object({ ...target }),
  export_session: z.object({
    ...target,
    format: z.enum(["html", "md", "json", "jsonl"]),
    outputPath: absolutePath,
  }),
  /** Answers a question: the one with this id, or the oldest one. */
  respond: z.object({ ...target, questionId: z.optional(nonEmpty), answer }),
  /** Answers when one of these is so, which may be at once. Ends with the connection. */
  wait: z.object({ ...target, for: z.array(z.enum(waitConditions)).check(z.minLength(1)) }),
  /** Compares what something outside may run of a sandboxed session's workspace with how it was before the session. */
  review_session: z.object({
    ...target,
    /** Make what is compared the baseline of the next review. */
    accept: z.optional(z.boolean()),
  }),
  get_queue: z.object({ ...target }),
  /** Takes back all that waits: pi's queues, and the prompts that wait for their own turn. */
  clear_queue: z.object({ ...target }),
  /** Hands any record to the agent, for a command that pictl has no request for yet. */
  send_record: z.object({
    ...target,
    record: z.looseObject({ type: nonEmpty }),
    /** How long its response may take (default 10 min). */
    timeoutMs: z.optional(z.int().check(z.gte(1), z.lte(MAX_TIMER_MS))),
  }),
  subscribe: z.object({
    ...target,
    /** The last `seq` already seen; absent: from now on; 0: all that is still kept. */
    since: z.optional(z.int().check(z.gte(0))),
  }),
  unsubscribe: z.object({ ...target }),
  ...historySchemas,
  get_daemon_status: z.object({}),
  /** Facts for `pictl doctor` that only the daemon, or the layers under it, can gather. */
  get_diagnostics: z.object({}),
  stop_daemon: z.object({
    /** Abort what runs instead of waiting for it. */
    now: z.optional(z.boolean()),
    /** End the agents at once, without asking them to stop. */
    force: z.optional(z.boolean()),
    /** Begin only when nothing runs, which may be never; answered then. Until then everything is let in. */
    whenIdle: z.optional(z.boolean()),
  }),
} as const;

export type RequestName = keyof typeof requestSchemas;
export type RequestParams<N extends RequestName> = z.infer<(typeof requestSchemas)[N]>;

export interface ForkPoint {
  /** Counts the user messages of the active branch from 1. */
  number: number;
  entryId: string;
  text: string;
}

/** A live agent, and what it takes. */
export interface AgentStatus {
  sessionId: string;
  pid: number;
  state: string;
  /** Resident memory of its process; absent where the system doesn't tell. */
  memoryBytes?: number;
  /** When its session became idle. */
  idleSince?: number;
}

/** The daemon's parts, what waits, what bounds them, and what has come and gone since it started. */
export interface DaemonStatus {
  pid: number;
  version: string;
  build: string;
  protocolVersion: string;
  startedAt: number;
  uptimeMs: number;
  memoryBytes: number;
  socket: string;
  log: string;
  logLevel: string;
  connections: number;
  sessions: number;
  /** How many sessions are in each state; states without one are left out. */
  states: Partial<Record<SessionState, number>>;
  agents: AgentStatus[];
  /** Agents that belong to no session: kept for the next one that is resumed. */
  spareAgents: { pid: number; memoryBytes?: number }[];
  /** Prompts that wait for a turn, in all sessions, and in each that has some. */
  queued: number;
  queues: { sessionId: string; waiting: number }[];
  /** Sessions that wait for a place among the live agents, the longest first. */
  waitingForAgent: { sessionId: string; since: number }[];
  idleTimeoutMs: number;
  drainTimeoutMs: number;
  /** The keys of `[limits]`; times in milliseconds, 0 for "never". `used` is of the fullest, where there are many. */
  limits: Record<string, { value: number; used?: number }>;
  /** Those that aren't counted as answered, failed or dropped are being worked on. */
  requests: { received: number; answered: number; failed: number; dropped: number };
  turns: { started: number } & Record<TurnOutcome, number>;
  agentsStarted: number;
  agentsEnded: number;
}

/** What an extension has put up to be seen until it takes it down: as in a `notice` of the stream vocabulary. */
export interface DisplayedNotice {
  kind: "title" | "status" | "widget";
  key?: string;
  text: string;
}

/** Why a wait is over. */
export interface WaitResult {
  sessionId: string;
  reason: WaitCondition;
  state: SessionState;
  /** The last turn that ended, when one has since the daemon started. */
  turn?: Turn;
  questions?: Question[];
}

/** A session as an error or a question names it. */
export interface SessionReference {
  sessionId: string;
  name?: string;
  cwd: string;
}

/** What each request answers in `data`. */
export interface RequestResults extends HistoryResults {
  create_session: { sessionId: string; session: SessionInfo; warnings?: string[] };
  ensure_session: { sessionId: string; session: SessionInfo; created: boolean; warnings?: string[] };
  list_sessions: { sessions: SessionInfo[] };
  match_sessions: { sessions: SessionReference[] };
  get_session: { session: SessionInfo; notices?: DisplayedNotice[]; messages?: TranscriptMessage[] };
  prompt: {
    sessionId: string;
    turnId: string;
    disposition: "started" | "queued" | "handled";
    created: boolean;
    /** What is worth knowing of the session: of its sandbox policy when it was created, of its file, of other writers. */
    warnings?: string[];
  };
  abort: {
    sessionId: string;
    aborted: boolean;
    /** What was ended, where it wasn't a turn. */
    what?: "compaction" | "command";
    turnId?: string;
    steering: string[];
    followUp: string[];
  };
  fork: { sessionId: string; text: string };
  clone: { sessionId: string };
  get_fork_messages: { sessionId: string; messages: ForkPoint[] };
  set_session_name: { sessionId: string; name: string };
  close_session: { sessionId: string; closed: boolean };
  delete_session: {
    sessionId: string;
    file?: string;
    method: "trash" | "unlink" | "none";
    /** Other files with the session's id, which are still there. */
    left?: string[];
  };
  export_session: { sessionId: string; path: string };
  respond: { sessionId: string; question: Question };
  wait: WaitResult;
  review_session: { sessionId: string } & SandboxReview;
  get_queue: {
    sessionId: string;
    steering: string[];
    followUp: string[];
    waiting: { turnId: string; message: string }[];
  };
  clear_queue: { sessionId: string; steering: string[]; followUp: string[]; waiting: string[] };
  send_record: { sessionId: string; data?: unknown };
  subscribe: { sessionId: string; seq: number };
  unsubscribe: { sessionId: string };
  get_daemon_status: DaemonStatus;
  get_diagnostics: Record<string, unknown>;
  stop_daemon: { stopping: true; drainTimeoutMs: number };
}

/**
 * pi's RPC commands that go to the session's agent as they are and whose `data` comes back as it is. Those
 * that would move the agent to another session (`new_session`, `switch_session`) are left out: which agent
 * holds which session is the daemon's to decide.
 */
export const PASSED_THROUGH = [
  "steer",
  "follow_up",
  "get_state",
  "get_messages",
  "set_model",
  "cycle_model",
  "get_available_models",
  "set_thinking_level",
  "cycle_thinking_level",
  "get_available_thinking_levels",
  "set_steering_mode",
  "set_follow_up_mode",
  "compact",
  "set_auto_compaction",
  "set_auto_retry",
  "abort_retry",
  "bash",
  "abort_bash",
  "get_session_stats",
  "get_entries",
  "get_tree",
  "get_last_assistant_text",
  "get_commands",
  "extension_ui_response",
] as const;
export type PassedThrough = (typeof PASSED_THROUGH)[number];

/** The envelope of every request. `id` is the caller's and comes back in the response. */
export const requestEnvelope = z.looseObject({
  id: z.optional(z.string().check(z.maxLength(200))),
  type: z.string().check(z.maxLength(100)),
});

/** A command for the agent, with the session it is for. What it makes an extension ask is refused by default. */
export const passedThroughRequest = z.looseObject({
  ...target,
  type: z.enum(PASSED_THROUGH),
  onQuestion: z.optional(questionPolicy),
});
