import { readdirSync, readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";

/** The variables that mark an agent with the daemon it belongs to. */
export const AGENT_OF = "PICTL_AGENT_OF";
export const AGENT_DAEMON = "PICTL_DAEMON_PID";

/**
 * pi sets it for itself once it runs, so it stands in the initial environment of the commands it starts and not
 * in its own (pi's docs/environment-variables.md, "Process Marker"). An agent must be started without it. The
 * command line can't tell them apart: pi overwrites its own with its title.
 */
const RUN_BY_PI = "PI_CODING_AGENT";

export interface Orphan {
  pid: number;
  /** The daemon that started it and is gone. */
  daemonPid: number;
}

interface Marked extends Orphan {
  parentPid: number;
}

/**
 * Agents of this place whose daemon is gone; their process group is their own pid. Commands that an agent left
 * running on purpose are not among them. Only Linux shows the environment of another process.
 *
 * @param runtimeDir the daemon's, as `resolvePaths` gives it
 * @param livePid the daemon that runs, when it is known: agents of any other are orphans, as there can be only
 *   one for a place. Absent: those whose daemon isn't alive.
 * @returns undefined where it can't be told
 */
export function findOrphanedAgents(runtimeDir: string, livePid: number | undefined): Orphan[] | undefined {
  if (process.platform !== "linux") return undefined;
  let pids: number[];
  try {
    pids = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    // No /proc in this container.
    return undefined;
  }
  const own = userInfo().uid;
  const marked = pids.flatMap((pid) => markedAgent(pid, runtimeDir, own) ?? []);
  const roots = withoutChildren(marked);
  return roots
    .filter(({ daemonPid }) => (livePid === undefined ? !isAlive(daemonPid) : daemonPid !== livePid))
    .map(({ pid, daemonPid }) => ({ pid, daemonPid }));
}

/** A wrapper or a sandbox and the pi inside it carry the same mark: the outermost stands for the agent. */
function withoutChildren(marked: readonly Marked[]): Marked[] {
  const pids = new Set(marked.map(({ pid }) => pid));
  return marked.filter(({ parentPid }) => !pids.has(parentPid));
}

function markedAgent(pid: number, runtimeDir: string, uid: number): Marked | undefined {
  try {
    if (statSync(`/proc/${pid}`).uid !== uid) return undefined;
    const environment = parseEnvironment(readFileSync(`/proc/${pid}/environ`, "utf8"));
    const daemonPid = Number(environment.get(AGENT_DAEMON));
    if (environment.get(AGENT_OF) !== runtimeDir || environment.has(RUN_BY_PI) || !(daemonPid > 0))
      return undefined;
    return { pid, daemonPid, parentPid: parentOf(pid) };
  } catch {
    // It ended meanwhile, or protects itself from being looked at.
    return undefined;
  }
}

function parseEnvironment(text: string): Map<string, string> {
  const entries = text.split("\0").filter((entry) => entry.includes("="));
  return new Map(
    entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

/** The fields after the name, which may itself hold spaces and brackets: state, parent, … (proc_pid_stat(5)). */
function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
