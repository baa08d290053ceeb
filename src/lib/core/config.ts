import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { readAgentFile } from "./agent-file.ts";
import type { PromptFormat } from "./choices.ts";
import type { ConfigFile } from "./config-file.ts";
import { systemErrorCode } from "./errors.ts";
import { agentPlaceAround, agentPlaces } from "./outside/agent-places.ts";
import {
  type AgentPlacesOf,
  directoriesToRepositoryRoot,
  type Environment,
  MAX_CONFIG_BYTES,
  resolvePaths,
} from "./paths.ts";

/** The settings that hold, every one with its default. Times are milliseconds, sizes bytes. */
export interface Config {
  /** Program and leading arguments; absent: pictl chooses (docs/configuration.md). */
  agent: { command?: string[] };
  daemon: {
    /** 0: the daemon never leaves by itself. */
    idleTimeoutMs: number;
    /** How long running turns have when it stops. */
    drainTimeoutMs: number;
    logLevel: LogLevel;
  };
  /** What bounds each thing that grows: docs/configuration.md, "Limits". */
  limits: {
    maxLiveAgents: number;
    /** How many of them may be kept for sessions to come; 0: none. */
    spareAgents: number;
    /** 0: an idle agent is kept. */
    parkAfterMs: number;
    maxMessageBytes: number;
    maxSessions: number;
    maxConnections: number;
    maxRequestsPerMinute: number;
    maxSessionRequestsPerMinute: number;
    /** Of one connection. */
    maxPendingRequests: number;
    /** Of one session. */
    maxWaitingPrompts: number;
    maxSubscriberBytes: number;
    maxHistoryRecords: number;
    maxHistoryBytes: number;
    questionLifetimeMs: number;
    maxLogBytes: number;
    /** Silence of an agent that owes something, after which it is asked whether it is there; 0: never. */
    agentSilenceMs: number;
    maxAgentBytesPerMinute: number;
  };
  /** What the history index leaves out, and what it has beside pi's own directories. */
  history: { exclude: string[]; directories: string[] };
  /** For sessions that name none themselves. */
  model?: string;
  thinking?: ThinkingLevel;
  /** What `prompt` prints when it isn't told. */
  format?: PromptFormat;
  /** What of it the workspace's file says; absent where there is none. */
  ofWorkspace?: Pick<ConfigFile, "model" | "thinking" | "format">;
}

export type ThinkingLevel = NonNullable<ConfigFile["thinking"]>;
export type LogLevel = NonNullable<NonNullable<ConfigFile["daemon"]>["log_level"]>;
export type Limits = Config["limits"];

/** As in docs/configuration.md. Eight agents of 90 MB each are about what a laptop spares. */
const DEFAULTS = {
  idleTimeoutMs: 30 * 60_000,
  drainTimeoutMs: 30_000,
  logLevel: "info",
  maxLiveAgents: 8,
  spareAgents: 2,
  parkAfterMs: 5 * 60_000,
  maxMessageBytes: 10 * 1024 * 1024,
  // A session that is only known takes about 2 KB of the daemon.
  maxSessions: 10_000,
  // Below the 1,024 descriptors that many systems allow a process, of which each agent takes three.
  maxConnections: 500,
  // Ten prompts a second to one session, a hundred to all: no person and no ordinary script gets there.
  maxRequestsPerMinute: 6_000,
  maxSessionRequestsPerMinute: 600,
  maxPendingRequests: 1_000,
  // More than this is a script that went wrong.
  maxWaitingPrompts: 100,
  maxSubscriberBytes: 4 * 1024 * 1024,
  maxHistoryRecords: 200_000,
  maxHistoryBytes: 16 * 1024 * 1024,
  // Nobody comes back to a question after this long, and its agent waits with it.
  questionLifetimeMs: 24 * 60 * 60_000,
  // With the two older files: weeks of ordinary use.
  maxLogBytes: 5 * 1024 * 1024,
  // A live pi answers the question that follows, however slow its model or tool is.
  agentSilenceMs: 60_000,
  // Fifty times what a busy pi sends (20 MB of small deltas in a minute); reading more takes the daemon's time.
  maxAgentBytesPerMinute: 1024 * 1024 * 1024,
} as const;

/**
 * Reads the user's `config.toml` and, when given, a workspace's. The workspace chooses `model`, `thinking` and
 * `format`, nothing else. The parser and its schema are loaded only when there is a file: most people have none.
 *
 * @param workspaceFile `.pictl/config.toml` as {@link findWorkspaceConfig} gives it
 * @throws PictlError INVALID_CONFIG naming the file, the line and the key
 */
export async function loadConfig(path: string, workspaceFile?: string): Promise<Config> {
  const user = await read(path, "user");
  const workspace = workspaceFile === undefined ? {} : await read(workspaceFile, "workspace");
  const config = withDefaults(user);
  const model = workspace.model ?? user.model;
  const thinking = workspace.thinking ?? user.thinking;
  const format = workspace.format ?? user.format;
  return {
    ...config,
    ...(model === undefined ? {} : { model }),
    ...(thinking === undefined ? {} : { thinking }),
    ...(format === undefined ? {} : { format }),
    ...(workspaceFile === undefined ? {} : { ofWorkspace: workspace }),
  };
}

/**
 * The `format` that the files say, for a `prompt` that isn't told one. Every prompt asks, so the parser and
 * its schema are loaded only for files that have the word in them.
 *
 * @returns `agentsFile`: the workspace's file that says it, where a sandboxed agent could have written that
 * @throws PictlError INVALID_CONFIG
 */
export async function configuredFormat(
  env: Environment,
): Promise<{ format?: PromptFormat; agentsFile?: string }> {
  const paths = resolvePaths(env);
  const user = paths.config;
  const cwd = workingDirectory();
  const workspace =
    cwd === undefined ? undefined : findWorkspaceConfig(cwd, () => agentPlaces(paths.agentPlaces));
  const files = workspace === undefined ? [user] : [user, workspace];
  if (!files.some(mentionsFormat)) return {};
  const { format, ofWorkspace } = await loadConfig(user, workspace);
  if (format === undefined) return {};
  if (workspace === undefined || ofWorkspace?.format === undefined) return { format };
  const isAgents = agentPlaceAround(workspace, agentPlaces(paths.agentPlaces)) !== undefined;
  return { format, ...(isAgents ? { agentsFile: workspace } : {}) };
}

/** Undefined when it was removed under the shell: a prompt to a session elsewhere works from there too. */
function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function mentionsFormat(path: string): boolean {
  try {
    return readAgentFile(path, { maxBytes: MAX_CONFIG_BYTES, links: "follow" }).includes("format");
  } catch {
    // None there, or one that can't be read: whoever needs a setting of it says why.
    return false;
  }
}

/** The nearest `.pictl/config.toml` between a directory and the root of its repository. */
export function findWorkspaceConfig(cwd: string, placesOf: AgentPlacesOf): string | undefined {
  return workspaceConfigs(cwd, placesOf).find((path) => existsSync(path));
}

/** Where a workspace's file is, or would be made: at the root of the repository, else in the directory itself. */
export function workspaceConfigPlace(cwd: string, placesOf: AgentPlacesOf): string {
  const places = workspaceConfigs(cwd, placesOf);
  return places.find((path) => existsSync(path)) ?? places.at(-1) ?? join(cwd, ".pictl", "config.toml");
}

type Exists = (path: string) => boolean;

/**
 * Where a workspace's files may be, from a directory up to the root of its repository.
 *
 * @param exists for who asks about many directories at once, and remembers
 */
export function workspaceConfigs(
  cwd: string,
  placesOf: AgentPlacesOf,
  exists: Exists = existsSync,
): string[] {
  return directoriesToRepositoryRoot(cwd, (dir) => exists(join(dir, ".git")), placesOf).map((dir) =>
    join(dir, ".pictl", "config.toml"),
  );
}

async function read(path: string, kind: "user" | "workspace"): Promise<ConfigFile> {
  if (isMissing(path)) return {};
  const { readConfigFile } = await import("./config-file.ts");
  return readConfigFile(path, kind);
}

function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    // A directory that can't be entered hides settings that may narrow: reading the file says why.
    return false;
  }
}

function withDefaults({
  agent,
  daemon,
  limits,
  history,
}: ConfigFile): Pick<Config, "agent" | "daemon" | "limits" | "history"> {
  return {
    history: { exclude: [history?.exclude ?? []].flat(), directories: [history?.directories ?? []].flat() },
    agent: agent?.command === undefined ? {} : { command: [agent.command].flat() },
    daemon: {
      idleTimeoutMs: daemon?.idle_timeout ?? DEFAULTS.idleTimeoutMs,
      drainTimeoutMs: daemon?.drain_timeout ?? DEFAULTS.drainTimeoutMs,
      logLevel: daemon?.log_level ?? DEFAULTS.logLevel,
    },
    limits: {
      maxLiveAgents: limits?.max_live_agents ?? DEFAULTS.maxLiveAgents,
      spareAgents: limits?.spare_agents ?? DEFAULTS.spareAgents,
      parkAfterMs: limits?.park_after ?? DEFAULTS.parkAfterMs,
      maxMessageBytes: limits?.max_message_bytes ?? DEFAULTS.maxMessageBytes,
      maxSessions: limits?.max_sessions ?? DEFAULTS.maxSessions,
      maxConnections: limits?.max_connections ?? DEFAULTS.maxConnections,
      maxRequestsPerMinute: limits?.max_requests_per_minute ?? DEFAULTS.maxRequestsPerMinute,
      maxSessionRequestsPerMinute:
        limits?.max_session_requests_per_minute ?? DEFAULTS.maxSessionRequestsPerMinute,
      maxPendingRequests: limits?.max_pending_requests ?? DEFAULTS.maxPendingRequests,
      maxWaitingPrompts: limits?.max_waiting_prompts ?? DEFAULTS.maxWaitingPrompts,
      maxSubscriberBytes: limits?.max_subscriber_bytes ?? DEFAULTS.maxSubscriberBytes,
      maxHistoryRecords: limits?.max_history_records ?? DEFAULTS.maxHistoryRecords,
      maxHistoryBytes: limits?.max_history_bytes ?? DEFAULTS.maxHistoryBytes,
      questionLifetimeMs: limits?.question_lifetime ?? DEFAULTS.questionLifetimeMs,
      maxLogBytes: limits?.max_log_bytes ?? DEFAULTS.maxLogBytes,
      agentSilenceMs: limits?.agent_silence ?? DEFAULTS.agentSilenceMs,
      maxAgentBytesPerMinute: limits?.max_agent_bytes_per_minute ?? DEFAULTS.maxAgentBytesPerMinute,
    },
  };
}
