import { type MarkedProcess, markedProcesses } from "./marked-processes.ts";

export interface Orphan {
  pid: number;
  /** The daemon that started it and is gone. */
  daemonPid: number;
}

/**
 * Agents of this place whose daemon is gone; their process group is their own pid. Commands that an agent left
 * running are not among them: see leftovers.ts.
 *
 * @param runtimeDir the daemon's, as `resolvePaths` gives it
 * @param livePid the daemon that runs, when it is known: agents of any other are orphans, as there can be only
 *   one for a place. Absent: those whose daemon isn't alive.
 * @returns undefined where it can't be told
 */
export function findOrphanedAgents(runtimeDir: string, livePid: number | undefined): Orphan[] | undefined {
  const marked = markedProcesses(runtimeDir)?.filter(({ runByPi }) => !runByPi);
  if (marked === undefined) return undefined;
  return withoutChildren(marked)
    .filter(({ daemonPid }) => (livePid === undefined ? !isAlive(daemonPid) : daemonPid !== livePid))
    .map(({ pid, daemonPid }) => ({ pid, daemonPid }));
}

/** A wrapper or a sandbox and the pi inside it carry the same mark: the outermost stands for the agent. */
function withoutChildren(marked: readonly MarkedProcess[]): MarkedProcess[] {
  const pids = new Set(marked.map(({ pid }) => pid));
  return marked.filter(({ parentPid }) => !pids.has(parentPid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
