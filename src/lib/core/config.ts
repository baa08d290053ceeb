import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ConfigFile } from "./config-file.ts";
import { systemErrorCode } from "./errors.ts";
import { directoriesToRepositoryRoot, type Environment, resolvePaths } from "./paths.ts";

/** The settings that hold, every one with its default. Times are milliseconds, sizes bytes. */
export interface Config {
  /** Program and leading arguments; absent: pictl chooses (docs/configuration.md). */
  agent: { command?: string[] };
  /** 0: the daemon never leaves by itself. */
  daemon: { idleTimeoutMs: number };
  limits: {
    maxLiveAgents: number;
    /** 0: an idle agent is kept. */
    parkAfterMs: number;
    maxMessageBytes: number;
  };
  /** For sessions that name none themselves. */
  model?: string;
  thinking?: ThinkingLevel;
  /** What `prompt` prints when it isn't told. */
  format?: OutputFormat;
}

export type ThinkingLevel = NonNullable<ConfigFile["thinking"]>;
export type OutputFormat = NonNullable<ConfigFile["format"]>;

/** As in docs/configuration.md. Eight agents of 90 MB each are about what a laptop spares. */
const DEFAULTS = {
  idleTimeoutMs: 30 * 60_000,
  maxLiveAgents: 8,
  parkAfterMs: 5 * 60_000,
  maxMessageBytes: 10 * 1024 * 1024,
};

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
  };
}

/**
 * The `format` that the files say, for a `prompt` that isn't told one. Every prompt asks, so the parser and
 * its schema are loaded only for files that have the word in them.
 *
 * @throws PictlError INVALID_CONFIG
 */
export async function configuredFormat(env: Environment): Promise<OutputFormat | undefined> {
  const user = resolvePaths(env).config;
  const cwd = workingDirectory();
  const workspace = cwd === undefined ? undefined : findWorkspaceConfig(cwd);
  const files = workspace === undefined ? [user] : [user, workspace];
  if (!files.some(mentionsFormat)) return undefined;
  return (await loadConfig(user, workspace)).format;
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
    // Not a pipe that came with a repository: opening it would wait for ever.
    return statSync(path).isFile() && readFileSync(path, "utf8").includes("format");
  } catch {
    // None there, or one that can't be read: whoever needs a setting of it says why.
    return false;
  }
}

/** The nearest `.pictl/config.toml` between a directory and the root of its repository. */
export function findWorkspaceConfig(cwd: string): string | undefined {
  return workspaceConfigs(cwd).find((path) => existsSync(path));
}

/** Where a workspace's file is, or would be made: at the root of the repository, else in the directory itself. */
export function workspaceConfigPlace(cwd: string): string {
  const places = workspaceConfigs(cwd);
  return places.find((path) => existsSync(path)) ?? places.at(-1) ?? join(cwd, ".pictl", "config.toml");
}

function workspaceConfigs(cwd: string): string[] {
  return directoriesToRepositoryRoot(cwd, (dir) => existsSync(join(dir, ".git"))).map((dir) =>
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

function withDefaults({ agent, daemon, limits }: ConfigFile): Pick<Config, "agent" | "daemon" | "limits"> {
  return {
    agent: agent?.command === undefined ? {} : { command: [agent.command].flat() },
    daemon: { idleTimeoutMs: daemon?.idle_timeout ?? DEFAULTS.idleTimeoutMs },
    limits: {
      maxLiveAgents: limits?.max_live_agents ?? DEFAULTS.maxLiveAgents,
      parkAfterMs: limits?.park_after ?? DEFAULTS.parkAfterMs,
      maxMessageBytes: limits?.max_message_bytes ?? DEFAULTS.maxMessageBytes,
    },
  };
}
