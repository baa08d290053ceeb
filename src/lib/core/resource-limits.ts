import { readFileSync } from "node:fs";

/** Names of the kernel's limits in /proc/PID/limits (proc(5)) and as options of prlimit(1). */
const NAMES: Readonly<Record<string, string>> = {
  "Max cpu time": "cpu",
  "Max file size": "fsize",
  "Max data size": "data",
  "Max stack size": "stack",
  "Max core file size": "core",
  "Max resident set": "rss",
  "Max processes": "nproc",
  "Max open files": "nofile",
  "Max locked memory": "memlock",
  "Max address space": "as",
  "Max file locks": "locks",
  "Max pending signals": "sigpending",
  "Max msgqueue size": "msgqueue",
  "Max nice priority": "nice",
  "Max realtime priority": "rtprio",
  "Max realtime timeout": "rttime",
};

/** Soft and hard limit; null: unlimited. */
export type ResourceLimit = readonly [soft: number | null, hard: number | null];

/** Limits by their name in prlimit(1), such as `nofile`. */
export type ResourceLimits = Readonly<Record<string, ResourceLimit>>;

/**
 * The limits of a process. Node has raised its own soft limit of open files to the hard one; pi, a Node program, does
 * the same.
 *
 * @returns undefined where the system doesn't show them (only Linux does) or the process has ended
 */
export function limitsOf(pid: number | "self"): ResourceLimits | undefined {
  try {
    return parseLimits(readFileSync(`/proc/${pid}/limits`, "utf8"));
  } catch {
    // Not Linux, no /proc, or no such process.
    return undefined;
  }
}

function parseLimits(text: string): ResourceLimits {
  const limits: Record<string, ResourceLimit> = {};
  for (const line of text.split("\n")) {
    const [, label, soft, hard] = /^(Max [a-z ]+?) {2,}(\S+) +(\S+)/.exec(line) ?? [];
    const name = label === undefined ? undefined : NAMES[label];
    if (name !== undefined) limits[name] = [toNumber(soft), toNumber(hard)];
  }
  return limits;
}

/** A number beyond 2^53 can't be written back as it was, and bounds nothing. */
function toNumber(text: string | undefined): number | null {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/**
 * The limits of `wanted` that differ from `own`, as they can be set: no hard limit can be above the own one, unless
 * the process is privileged, which isn't tried.
 */
export function limitsToSet(wanted: ResourceLimits, own: ResourceLimits): ResourceLimits {
  const known = new Set(Object.values(NAMES));
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([name, [wantedSoft, wantedHard]]) => {
      const present = own[name];
      if (present === undefined || !known.has(name)) return [];
      const hard = lower(wantedHard, present[1]);
      const soft = lower(wantedSoft, hard);
      return soft === present[0] && hard === present[1] ? [] : [[name, [soft, hard]]];
    }),
  );
}

/** Names of the limits whose hard value `wanted` has higher than `own`. */
export function limitsBeyond(wanted: ResourceLimits, own: ResourceLimits): string[] {
  return Object.keys(wanted).filter((name) => {
    const [wantedHard, ownHard] = [wanted[name]?.[1] ?? null, own[name]?.[1] ?? null];
    return lower(wantedHard, ownHard) !== wantedHard;
  });
}

/** The lower of two limits. */
export function lower(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}
