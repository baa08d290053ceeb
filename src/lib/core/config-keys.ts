/** pi's levels (its docs/rpc-commands.md); a test keeps them equal to the protocol's. */
export const configThinking = ["off", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** What `prompt --format` takes; a test keeps them equal. */
export const configFormats = ["text", "json", "stream-json", "quiet", "pi"] as const;

/** One key of `config.toml`, as `pictl config` shows and sets it. */
export interface ConfigKey {
  key: string;
  summary: string;
  /** How its value is written: a TOML string, a whole number, or a program with its arguments. */
  kind: "text" | "number" | "command";
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
    values: configThinking,
    otherwise: "pi's own default",
    workspace: true,
    restart: false,
  },
  {
    key: "format",
    summary: "What prompt prints without --format",
    kind: "text",
    values: configFormats,
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
    key: "limits.max_live_agents",
    summary: "Agents that may live at once",
    kind: "number",
    default: 8,
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
];
