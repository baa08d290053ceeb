import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { findPrlimit } from "../../core/inherited.ts";
import { realPath } from "../../core/real-path.ts";
import { limitsOf, lower, type ResourceLimits } from "../../core/resource-limits.ts";

export interface ProcessLimits {
  maxProcesses: number;
  /** Bytes. */
  maxMemory: number;
}

/** Signals and POSIX timers that wait at once. Programs use a handful; the kernel counts them for a user altogether. */
const MAX_PENDING = 1024;
/** Bytes of POSIX message queues, of which the kernel gives a user 800 KiB altogether; nothing that builds uses them. */
const MAX_MESSAGES = 400 * 1024;
/** Bytes that one process can lock in memory: the kernel's own default, which audio and database groups are without. */
const MAX_LOCKED = 8 * 1024 ** 2;

/**
 * Limits that every process inherits, as a command line to put before another: processes of this user namespace (not
 * for the machine's root, whom the kernel exempts), memory that one process can write, files that one can have open.
 * Of what the kernel counts for a user altogether, timers and message queues, no more than half of what the user has.
 * No core files, no real-time scheduling.
 *
 * RLIMIT_DATA and not RLIMIT_AS: Node reserves far more address space than it ever uses.
 *
 * @param set what the program gets first, and can't raise any more
 * @param own those of this process
 * @throws PictlError SANDBOX_UNAVAILABLE where prlimit isn't installed
 */
export function limitArguments(
  { maxProcesses, maxMemory, maxOpenFiles }: ProcessLimits & { maxOpenFiles: number },
  set: ResourceLimits = {},
  own: ResourceLimits = limitsOf("self") ?? {},
): string[] {
  const lowest = (name: string, limit: number) =>
    [own, set].reduce<number>((least, { [name]: found }) => lower(least, found?.[1] ?? null) ?? least, limit);
  const half = (name: string, limit: number) => {
    const soft = own[name]?.[0] ?? null;
    return lowest(name, Math.min(limit, soft === null ? limit : Math.floor(soft / 2)));
  };
  const openFiles = lowest("nofile", maxOpenFiles);
  // Programs that go through all that could be open, and those that use select(2), need the soft limit to stay low.
  const openFilesAtFirst = lower((set.nofile ?? own.nofile)?.[0] ?? null, openFiles);
  const prlimit = findPrlimit();
  if (prlimit === undefined) {
    throw new PictlError("SANDBOX_UNAVAILABLE", "A sandbox was asked for, and prlimit is not installed.", {
      hint: "Install util-linux.",
      details: { program: "prlimit" },
    });
  }
  return [
    // Inside, too: one that the agent has put on PATH would leave the limits out.
    realPath(prlimit),
    `--nproc=${lowest("nproc", maxProcesses)}`,
    `--data=${lowest("data", maxMemory)}`,
    `--nofile=${openFilesAtFirst}:${openFiles}`,
    `--sigpending=${half("sigpending", MAX_PENDING)}`,
    `--msgqueue=${half("msgqueue", MAX_MESSAGES)}`,
    `--memlock=${lowest("memlock", MAX_LOCKED)}`,
    "--rtprio=0",
    "--nice=0",
    "--core=0",
    "--",
  ];
}

/** A control group of one sandbox, which counts all of its processes together. */
export interface ControlGroup {
  /** Files into which who joins writes `0`: itself (cgroups(7)). */
  joins: string[];
  /** Takes the group away once its last process has ended; false while one lives. */
  remove(): boolean;
}

/**
 * Makes a control group with these limits where this user may: version 1 or 2, below the group that this process is in.
 * Root may; so may a user whose group was delegated (a systemd user service with Delegate=yes).
 *
 * @returns undefined where none can be made
 */
export function createControlGroup(name: string, limits: ProcessLimits): ControlGroup | undefined {
  let made: string[] = [];
  const joins: string[] = [];
  const remove = () => {
    made = made.filter((directory) => !removeGroup(directory));
    return made.length === 0;
  };
  try {
    for (const { directory, settings, joinBy } of controllers(limits)) {
      const group = join(directory, name);
      mkdirSync(group);
      made.push(group);
      for (const [file, value] of Object.entries(settings)) writeFileSync(join(group, file), String(value));
      joins.push(join(group, joinBy));
    }
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    remove();
    return undefined;
  }
  return joins.length === 0 ? undefined : { joins, remove };
}

/** Takes away the groups of processes that have ended without doing so. */
export function removeOldControlGroups(prefix: string, isAlive: (pid: number) => boolean): void {
  for (const { directory } of controllers({ maxProcesses: 1, maxMemory: 1 })) {
    for (const name of list(directory)) {
      const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split("-", 1)[0]) : Number.NaN;
      if (pid > 0 && !isAlive(pid)) removeGroup(join(directory, name));
    }
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // No such group: nothing is in it.
    return [];
  }
}

/** Where limits are set, and the file by which a group is joined. */
interface Controller {
  directory: string;
  settings: Record<string, number>;
  joinBy: string;
}

/**
 * One directory in version 2, one for each controller in version 1. There a process of one thread joins by `tasks`: a
 * write to `cgroup.procs` waits for all processors, which costs a start 18 ms (docs/performance.md).
 */
function controllers({ maxProcesses, maxMemory }: ProcessLimits): Controller[] {
  const own = ownGroups();
  const unified = own.get("");
  const settings2 = { "pids.max": maxProcesses, "memory.max": maxMemory };
  if (unified !== undefined && !own.has("pids") && hasControllers(`/sys/fs/cgroup${unified}`))
    return [{ directory: `/sys/fs/cgroup${unified}`, settings: settings2, joinBy: "cgroup.procs" }];
  const found: Controller[] = [];
  const pids = own.get("pids");
  if (pids !== undefined)
    found.push({
      directory: `/sys/fs/cgroup/pids${pids}`,
      settings: { "pids.max": maxProcesses },
      joinBy: "tasks",
    });
  const memory = own.get("memory");
  if (memory !== undefined)
    found.push({
      directory: `/sys/fs/cgroup/memory${memory}`,
      settings: { "memory.limit_in_bytes": maxMemory },
      joinBy: "tasks",
    });
  return found;
}

/** This process's group for each controller; version 2 has the empty name. Source: cgroups(7), /proc/PID/cgroup. */
function ownGroups(): Map<string, string> {
  let text = "";
  try {
    text = readFileSync("/proc/self/cgroup", "utf8");
  } catch {
    // Not Linux, or no /proc: no groups.
  }
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      return (names ?? "")
        .split(",")
        .map((name): [string, string] => [name, path === "/" ? "" : (path ?? "")]);
    }),
  );
}

function hasControllers(directory: string): boolean {
  try {
    const enabled = readFileSync(join(directory, "cgroup.subtree_control"), "utf8").split(/\s+/);
    return enabled.includes("pids") && enabled.includes("memory");
  } catch {
    return false;
  }
}

function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "ENOENT";
  }
}
