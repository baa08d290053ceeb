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

/**
 * Origins by the names of lines ({@link lineName}). A profile's denied places, which are a thousand, have none of their
 * own: see {@link originOfDenial}.
 */
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

/** Where it comes from that a place is denied: who added it, else the profile. */
export function originOfDenial(origins: PolicyOrigins, place: string): Origin | undefined {
  return origins[lineName("denyRead", place)] ?? origins[lineName("denyRead")];
}

type NamedLine = PolicyLine & { name: string };

/** A policy line by line, in the order in which it is shown. */
export function policyLines(policy: SandboxPolicy): NamedLine[] {
  return [...otherLines(policy), ...listLines("denyRead", policy.denyRead)];
}

/** All but what is denied. */
function otherLines(policy: SandboxPolicy): NamedLine[] {
  const { network } = policy;
  const one = (key: keyof SandboxPolicy, value: string) => [{ key, value, name: lineName(key) }];
  return [
    ...one("enabled", String(policy.enabled)),
    ...one("profile", policy.profile),
    ...one("allowNoSandbox", String(policy.allowNoSandbox)),
    ...one("network", network.kind),
    ...(network.kind === "hosts" ? listLines("network", network.allow.map(formatHostRule)) : []),
    ...one("isolatePid", String(policy.isolatePid)),
    ...one("maxProcesses", String(policy.maxProcesses)),
    ...one("maxOpenFiles", String(policy.maxOpenFiles)),
    ...one("maxMemory", formatSize(policy.maxMemory)),
    ...one("tmpSize", formatSize(policy.tmpSize)),
    ...listLines("env", policy.env),
    ...listLines("exposeCredentials", policy.exposeCredentials),
    ...one("home", policy.home),
    ...listLines("read", policy.read),
    ...listLines("allowWrite", policy.allowWrite),
  ];
}

function listLines(key: keyof SandboxPolicy, entries: readonly string[]): NamedLine[] {
  if (entries.length === 0) return [{ key, value: "", name: lineName(key) }];
  return entries.map((value) => ({ key, value, name: lineName(key, value) }));
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
    origins: Object.fromEntries([
      ...otherLines(policy).map(({ name }) => [name, origin]),
      [lineName("denyRead"), origin],
    ]),
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
  const old = new Map(otherLines(before.policy).map(({ name, value }) => [name, value]));
  const origins = otherLines(policy).map(({ name, key, value }) => {
    const kept = old.get(name) === value && !said.has(key) ? before.origins[name] : undefined;
    return [name, kept ?? originOf(key)] as const;
  });
  const denials = Object.entries(before.origins).filter(([name]) => name.startsWith(lineName("denyRead")));
  const known = new Set(before.policy.denyRead);
  const added = policy.denyRead.filter((place) => !known.has(place));
  return {
    policy,
    origins: Object.fromEntries([
      ...origins,
      ...denials,
      ...added.map((place) => [lineName("denyRead", place), originOf("denyRead")] as const),
    ]),
  };
}
