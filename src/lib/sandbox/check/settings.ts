import type { SandboxPolicy } from "../policy/policy.ts";
import type { SandboxGaps } from "../sandbox.ts";
import type { Guard, Setting } from "./row.ts";

const MIB = 1024 ** 2;

/** Limits that are reached in a moment and harm nobody. Node has a dozen threads, and sets aside 576 MiB at its start. */
export const SMALL_LIMITS = { maxProcesses: 48, maxOpenFiles: 256, maxMemory: 768 * MIB, tmpSize: 8 * MIB };

/** The same for what the kernel counts for a user. */
export const SMALL_QUOTAS = { max_inotify_instances: 4, max_inotify_watches: 32 };

/** A sandbox's gaps, whether its gate lets everything through, and whether nobody looks outside afterwards. */
export type CheckGaps = SandboxGaps & { gate?: boolean; afterwards?: boolean };

/** The policy of a setting. */
export function settingPolicy(setting: Setting, policy: SandboxPolicy): SandboxPolicy {
  return setting === "small" ? { ...policy, ...SMALL_LIMITS } : policy;
}

/** What a setting does without. */
export function settingGaps(setting: Setting): SandboxGaps {
  return setting === "no-filter" ? { seccomp: ["filter"] } : {};
}

/**
 * A sandbox without walls, in which attempts have to succeed. What would harm the machine stays: the namespaces
 * of users, mounts and processes; and of what is mounted only the stand-ins can be written.
 *
 * @param network the host's, or one of its own, over which the sandbox has all rights
 */
export function noWalls(network: "shared" | "own", root: string): CheckGaps {
  return {
    bubblewrap: [
      ...([
        "userns",
        "caps",
        "proc-sys",
        "quotas",
        "session",
        "first",
        "remount",
        "limits",
        "cgroup",
      ] as const),
      ...(network === "shared" ? (["net"] as const) : []),
    ],
    seccomp: ["filter"],
    mounts: ["deny", "never", "protect", "agent-dir", "sizes", "dev"],
    environment: true,
    descriptors: true,
    open: [root],
  };
}

/** The gaps that a guard's absence makes. */
export function gapsOf(guard: Guard, root: string): CheckGaps {
  return {
    ...(guard.gate ? { gate: true } : {}),
    ...(guard.afterwards ? { afterwards: true } : {}),
    ...(guard.bubblewrap === undefined ? {} : { bubblewrap: guard.bubblewrap }),
    ...(guard.seccomp === undefined ? {} : { seccomp: guard.seccomp }),
    ...(guard.mounts === undefined ? {} : { mounts: guard.mounts }),
    ...(guard.environment ? { environment: true } : {}),
    ...(guard.descriptors ? { descriptors: true } : {}),
    ...(guard.readOnly ? { open: [root] } : {}),
  };
}

export function mergeGaps(a: CheckGaps, b: CheckGaps): CheckGaps {
  return {
    gate: a.gate === true || b.gate === true,
    afterwards: a.afterwards === true || b.afterwards === true,
    bubblewrap: [...(a.bubblewrap ?? []), ...(b.bubblewrap ?? [])],
    seccomp: [...(a.seccomp ?? []), ...(b.seccomp ?? [])],
    mounts: [...(a.mounts ?? []), ...(b.mounts ?? [])],
    environment: a.environment === true || b.environment === true,
    descriptors: a.descriptors === true || b.descriptors === true,
    open: [...(a.open ?? []), ...(b.open ?? [])],
  };
}
