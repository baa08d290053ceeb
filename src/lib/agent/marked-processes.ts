import { readdirSync, readFileSync, statSync } from "node:fs";

/** The variables that mark an agent, and all that it starts, with the place and the daemon it belongs to. */
export const AGENT_OF = "PICTL_AGENT_OF";
export const AGENT_DAEMON = "PICTL_DAEMON_PID";
/** Tells the agents of one daemon apart. */
export const AGENT_ID = "PICTL_AGENT_ID";

/**
 * pi sets it for itself once it runs, so it stands in the initial environment of the commands it starts and not
 * in its own (pi's docs/environment-variables.md, "Process Marker"). An agent must be started without it. The
 * command line can't tell them apart: pi overwrites its own with its title.
 */
export const RUN_BY_PI = "PI_CODING_AGENT";

/** A process whose initial environment carries the marker of an agent. */
export interface MarkedProcess {
  pid: number;
  parentPid: number;
  /** The daemon that started the agent; it need not live any more. */
  daemonPid: number;
  agentId: string | undefined;
  /** A command or a helper that pi has started, not the agent itself. */
  runByPi: boolean;
}

/**
 * Every process that an agent of this place started or is, as far as the kernel shows it: a program that clears
 * its environment, or writes over it, isn't found. Costs about 15 µs for each process of the machine. A zombie
 * shows no environment, so it isn't listed.
 *
 * @param runtimeDir the daemon's, as `resolvePaths` gives it
 * @param among only these; absent: all of the machine
 * @returns undefined where the system doesn't show the environment of another process (only Linux does)
 */
export function markedProcesses(runtimeDir: string, among?: readonly number[]): MarkedProcess[] | undefined {
  if (process.platform !== "linux") return undefined;
  const uid = process.getuid?.();
  try {
    const pids = among ?? readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.flatMap((pid) => markedProcess(Number(pid), runtimeDir, uid) ?? []);
  } catch {
    // No /proc in this container.
    return undefined;
  }
}

function markedProcess(pid: number, runtimeDir: string, uid: number | undefined): MarkedProcess | undefined {
  try {
    if (statSync(`/proc/${pid}`).uid !== uid) return undefined;
    const text = readFileSync(`/proc/${pid}/environ`, "utf8");
    // Most processes end here, before their environment is taken apart.
    if (!text.includes(`${AGENT_OF}=${runtimeDir}\0`)) return undefined;
    const environment = parseEnvironment(text);
    const daemonPid = Number(environment.get(AGENT_DAEMON));
    if (environment.get(AGENT_OF) !== runtimeDir || !(daemonPid > 0)) return undefined;
    return {
      pid,
      parentPid: parentOf(pid),
      daemonPid,
      agentId: environment.get(AGENT_ID),
      runByPi: environment.has(RUN_BY_PI),
    };
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
