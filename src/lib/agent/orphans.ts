import { readdirSync, readFileSync } from "node:fs";

/** The variables that mark an agent with the daemon it belongs to. */
export const AGENT_OF = "PICTL_AGENT_OF";
export const AGENT_DAEMON = "PICTL_DAEMON_PID";

export interface Orphan {
  pid: number;
  /** The daemon that started it and is gone. */
  daemonPid: number;
}

/**
 * Agents of this place whose daemon is gone. Only Linux shows another process's environment.
 *
 * @returns undefined where it can't be told
 */
export function findOrphanedAgents(runtimeDir: string, livePid: number | undefined): Orphan[] | undefined {
  let pids: number[];
  try {
    pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return undefined;
  }
  return pids.flatMap((pid) => {
    const environment = environmentOf(pid);
    const daemonPid = Number(environment?.get(AGENT_DAEMON));
    if (environment?.get(AGENT_OF) !== runtimeDir || daemonPid === livePid || !isRpcAgent(pid)) return [];
    return [{ pid, daemonPid }];
  });
}

function environmentOf(pid: number): Map<string, string> | undefined {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
  } catch {
    // Ended meanwhile, or another user's.
    return undefined;
  }
}

/** The agent itself and not a command that it ran, which inherits its environment. */
function isRpcAgent(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0--mode\0rpc\0");
  } catch {
    return false;
  }
}
