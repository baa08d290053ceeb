import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ConfigFile } from "./config-file.ts";
import { directoriesToRepositoryRoot } from "./paths.ts";

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
}

export type ThinkingLevel = NonNullable<ConfigFile["thinking"]>;

/** As in docs/configuration.md. Eight agents of 90 MB each are about what a laptop spares. */
const DEFAULTS = {
  idleTimeoutMs: 30 * 60_000,
  maxLiveAgents: 8,
  parkAfterMs: 5 * 60_000,
  maxMessageBytes: 10 * 1024 * 1024,
};

/**
 * Reads the user's `config.toml` and, when given, a workspace's. The workspace chooses `model` and `thinking`,
 * nothing else. The parser and its schema are loaded only when there is a file: most
 * people have none.
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
  return {
    ...config,
    ...(model === undefined ? {} : { model }),
    ...(thinking === undefined ? {} : { thinking }),
  };
}

/** The nearest `.pictl/config.toml` between a directory and the root of its repository. */
export function findWorkspaceConfig(cwd: string): string | undefined {
  return directoriesToRepositoryRoot(cwd, (dir) => existsSync(join(dir, ".git")))
    .map((dir) => join(dir, ".pictl", "config.toml"))
    .find((path) => existsSync(path));
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
