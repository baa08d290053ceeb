import { formatSize } from "../../core/size.ts";
import { formatHostRule } from "./hosts.ts";
import type { SandboxPolicy } from "./policy.ts";

/** Who said a line of a policy: a profile's default, a file, or `--sandbox` on the command line. */
export interface Origin {
  from: "profile" | "user" | "workspace" | "flag";
  /** The profile, where it is one of its lines. */
  profile?: SandboxPolicy["profile"];
  /** The file, and the line of the key in it. */
  path?: string;
  line?: number;
}

/** Origins by the names of lines ({@link lineName}). */
export type PolicyOrigins = Readonly<Record<string, Origin>>;

/** One line of a policy: a value, or one entry of a list. */
export interface PolicyLine {
  key: keyof SandboxPolicy;
  /** As it is written in a file; empty for a list without entries. */
  value: string;
}

/** Name of a line in {@link PolicyOrigins}: the key, and with lists (hosts too) the entry behind a space. */
export function lineName(key: keyof SandboxPolicy, entry?: string): string {
  return entry === undefined ? key : `${key} ${entry}`;
}

/** A policy line by line, in the order in which it is shown. */
export function policyLines(policy: SandboxPolicy): (PolicyLine & { name: string })[] {
  const { network } = policy;
  const one = (key: keyof SandboxPolicy, value: string) => [{ key, value, name: lineName(key) }];
  const list = (key: keyof SandboxPolicy, entries: readonly string[]) =>
    entries.length === 0
      ? one(key, "")
      : entries.map((value) => ({ key, value, name: lineName(key, value) }));
  return [
    ...one("enabled", String(policy.enabled)),
    ...one("profile", policy.profile),
    ...one("allowNoSandbox", String(policy.allowNoSandbox)),
    ...one("network", network.kind),
    ...(network.kind === "hosts" ? list("network", network.allow.map(formatHostRule)) : []),
    ...one("isolatePid", String(policy.isolatePid)),
    ...one("maxProcesses", String(policy.maxProcesses)),
    ...one("maxMemory", formatSize(policy.maxMemory)),
    ...one("tmpSize", formatSize(policy.tmpSize)),
    ...list("env", policy.env),
    ...list("exposeCredentials", policy.exposeCredentials),
    ...one("home", policy.home),
    ...list("read", policy.read),
    ...list("allowWrite", policy.allowWrite),
    ...list("denyRead", policy.denyRead),
  ];
}

/** A policy whose every line has an origin. */
export interface TracedPolicy {
  policy: SandboxPolicy;
  origins: PolicyOrigins;
}

/** A whole policy of one origin. */
export function traced(policy: SandboxPolicy, origin: Origin): TracedPolicy {
  return {
    policy,
    origins: Object.fromEntries(policyLines(policy).map(({ name }) => [name, origin])),
  };
}

/**
 * The next policy: a line that was there before keeps its origin, a new or changed one has what is given.
 *
 * @param said keys that were said anew, though perhaps with the same value
 */
export function retrace(
  before: TracedPolicy,
  policy: SandboxPolicy,
  originOf: (key: keyof SandboxPolicy) => Origin,
  said: ReadonlySet<keyof SandboxPolicy> = new Set(),
): TracedPolicy {
  const old = new Map(policyLines(before.policy).map(({ name, value }) => [name, value]));
  const origins = policyLines(policy).map(({ name, key, value }) => {
    const kept = old.get(name) === value && !said.has(key) ? before.origins[name] : undefined;
    return [name, kept ?? originOf(key)] as const;
  });
  return { policy, origins: Object.fromEntries(origins) };
}
