import { join } from "node:path";
import { compareVersions } from "../core/compare-versions.ts";
import { readPiFile } from "../core/pi-files.ts";
import type { SessionOptions } from "../protocol/session.ts";

/** The first pi that keeps prompt caches warm between runs unasked (its CHANGELOG). */
const WARMS_IDLE_CACHES = "1.5.1";
/** The first pi that connects MCP servers by itself. */
const HAS_MCP = "0.99.0";

/** Whether pi would spend money between turns, and its user hasn't said so in its settings. */
export function warmsIdleCaches(version: string, agentDir: string): boolean {
  if (compareVersions(version, WARMS_IDLE_CACHES) < 0) return false;
  return readObject(join(agentDir, "settings.json")).cacheWarming === undefined;
}

/** Whether pi starts MCP servers for each session that it opens: the user's, or those of a trusted project. */
export function startsServers(agent: {
  version: string;
  agentDir: string;
  cwd: string;
  options: SessionOptions;
}): boolean {
  const { version, agentDir, cwd, options } = agent;
  if (compareVersions(version, HAS_MCP) < 0 || options.piArgs?.includes("--no-mcp")) return false;
  const files = [join(agentDir, "mcp.json"), ...(options.approve ? [join(cwd, ".pi", "mcp.json")] : [])];
  return files.some((file) => {
    const { mcpServers } = readObject(file);
    return typeof mcpServers === "object" && mcpServers !== null && Object.keys(mcpServers).length > 0;
  });
}

/** A JSON file of pi's; empty where there is none, or one that pi can't read either and does without. */
export function readObject(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readPiFile(file));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
