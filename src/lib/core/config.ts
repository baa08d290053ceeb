import { existsSync, readFileSync } from "node:fs";
import { parseDuration } from "./duration.ts";
import { PictlError, systemErrorCode } from "./errors.ts";

/** The user's settings, every one with its default. Times are milliseconds, sizes bytes. */
export interface Config {
  agent: { command?: string[] };
  daemon: { idleTimeoutMs: number };
  limits: { maxLiveAgents: number; parkAfterMs: number; maxMessageBytes: number };
}

/**
 * Reads `config.toml`. The parser and its schema are loaded only when there is a file: most people have none.
 *
 * @throws PictlError INVALID_CONFIG naming the file, and the line or the key
 */
export async function loadConfig(path: string): Promise<Config> {
  const settings = existsSync(path) ? await (await import("./config-file.ts")).parseConfigFile(readText(path), path) : {};
  const { agent = {}, daemon = {}, limits = {} } = settings;
  const duration = (text: string | undefined, fallback: string, key: string) => configDuration(text ?? fallback, key, path);
  return {
    agent: agent.command === undefined ? {} : { command: [agent.command].flat() },
    daemon: { idleTimeoutMs: duration(daemon.idle_timeout, "30m", "daemon.idle_timeout") },
    limits: {
      maxLiveAgents: limits.max_live_agents ?? 8,
      parkAfterMs: duration(limits.park_after, "5m", "limits.park_after"),
      maxMessageBytes: limits.max_message_bytes ?? 10 * 1024 * 1024,
    },
  };
}

/** `never` and `0` switch a timeout off. */
function configDuration(text: string, key: string, path: string): number {
  if (text === "never") return 0;
  try {
    return parseDuration(text);
  } catch (error) {
    throw new PictlError("INVALID_CONFIG", `${path}: ${key}: ${error instanceof Error ? error.message : error}`, {
      hint: 'Write it as "30s", "5m", "2h" or "never".',
      details: { path, key },
      cause: error,
    });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new PictlError("INVALID_CONFIG", `Cannot read ${path}: ${systemErrorCode(error) ?? String(error)}.`, {
      hint: "Check its permissions.",
      details: { path },
      cause: error,
    });
  }
}
