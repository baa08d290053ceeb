import { promptFormats, thinkingLevels } from "./choices.ts";

/** Levels of the daemon's log, from the least to the most urgent. */
export const configLogLevels = ["debug", "info", "warn", "error"] as const;

/** One key of `config.toml`, as `pictl config` shows and sets it. */
export interface ConfigKey {
  key: string;
  summary: string;
  /** How its value is written: a TOML string, a whole number, a program with its arguments, or texts. */
  kind: "text" | "number" | "command" | "list";
  /** The only values there are. */
  values?: readonly string[];
  /** The value without a file, written as in one. A test holds these against the defaults in config.ts. */
  default?: string | number;
  /** Who decides where there is no default. */
  otherwise?: string;
  /** Whether a workspace's file may have it. */
  workspace: boolean;
  /** Whether a daemon reads it only when it starts. */
  restart: boolean;
  /** An environment variable that goes before every file. */
  variable?: string;
}

/**
 * Every key, in the order of docs/configuration.md. No schema: completion and did-you-mean ask here, and must
 * not load a parser.
 */
export const CONFIG_KEYS: readonly ConfigKey[] = [
  {
    key: "model",
    summary: "Model of new sessions",
    kind: "text",
    otherwise: "pi's own default",
    workspace: true,
    restart: false,
  },
  {
    key: "thinking",
    summary: "Thinking level of new sessions",
    kind: "text",
    values: thinkingLevels,
    otherwise: "pi's own default",
    workspace: true,
    restart: false,
  },
  {
    key: "format",
    summary: "What prompt prints without --format",
    kind: "text",
    values: promptFormats,
    default: "text",
    workspace: true,
    restart: false,
  },
  {
    key: "agent.command",
    summary: "The pi to run",
    kind: "command",
    otherwise: "chosen by pictl, see pictl doctor",
    workspace: false,
    restart: true,
    variable: "PICTL_PI",
  },
  {
    key: "daemon.idle_timeout",
    summary: "The daemon leaves after this long without work",
    kind: "text",
    default: "30m",
    workspace: false,
    restart: true,
  },
  {
    key: "daemon.drain_timeout",
    summary: "How long a daemon that stops lets turns run",
    kind: "text",
    default: "30s",
    workspace: false,
    restart: true,
  },
  {
    key: "daemon.log_level",
    summary: "The least urgent level that the daemon logs",
    kind: "text",
    values: configLogLevels,
    default: "info",
    workspace: false,
    restart: true,
    variable: "PICTL_LOG_LEVEL",
  },
  {
    key: "limits.max_live_agents",
    summary: "Agents that may live at once",
    kind: "number",
    default: 8,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.spare_agents",
    summary: "How many of them are kept for parked sessions",
    kind: "number",
    default: 2,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.park_after",
    summary: "An idle session's agent ends after this long",
    kind: "text",
    default: "5m",
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_message_bytes",
    summary: "The longest record that a client may send",
    kind: "number",
    default: 10485760,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_sessions",
    summary: "Sessions that pictl remembers",
    kind: "number",
    default: 10000,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_connections",
    summary: "Clients that may be connected at once",
    kind: "number",
    default: 500,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_requests_per_minute",
    summary: "Requests that begin work, of all sessions",
    kind: "number",
    default: 6000,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_session_requests_per_minute",
    summary: "Requests that begin work, of one session",
    kind: "number",
    default: 600,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_pending_requests",
    summary: "Requests of a connection that may be unanswered",
    kind: "number",
    default: 1000,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_waiting_prompts",
    summary: "Prompts that may wait for one session",
    kind: "number",
    default: 100,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_subscriber_bytes",
    summary: "What a client may leave unread before it is passed over",
    kind: "number",
    default: 4194304,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_history_records",
    summary: "Records kept of a session for clients that catch up",
    kind: "number",
    default: 200000,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_history_bytes",
    summary: "The size of these records",
    kind: "number",
    default: 16777216,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.question_lifetime",
    summary: "A question that nobody answers expires after this long",
    kind: "text",
    default: "24h",
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_log_bytes",
    summary: "The daemon's log is rotated at this size",
    kind: "number",
    default: 5242880,
    workspace: false,
    restart: true,
  },
  {
    key: "limits.agent_silence",
    summary: "An agent that works is asked for a sign of life after this long",
    kind: "text",
    default: "60s",
    workspace: false,
    restart: true,
  },
  {
    key: "limits.max_agent_bytes_per_minute",
    summary: "An agent that sends more than this is ended",
    kind: "number",
    default: 1073741824,
    workspace: false,
    restart: true,
  },
  {
    key: "history.exclude",
    summary: "Directories and projects whose sessions are not indexed",
    kind: "list",
    otherwise: "none",
    workspace: false,
    restart: false,
  },
  {
    key: "history.directories",
    summary: "More directories with session files to index",
    kind: "list",
    otherwise: "pi's own",
    workspace: false,
    restart: false,
  },
];
