import { isIP } from "node:net";
import type { HostRule, NetworkPolicy } from "../policy/policy.ts";
import { type AddressKind, addressKind } from "./address.ts";
import { canonicalHost, type Target } from "./target.ts";

/** A host of the session's provider. */
export interface ProviderHost {
  host: string;
  port: number;
  /** Whether the user wrote it (models.json, environment): then it may be on this machine or a private network. */
  named: boolean;
}

/** Whether a target may be reached by name and port, and which kinds of address it may turn out to have. */
export type Access = { allowed: true; kinds: ReadonlySet<AddressKind> } | { allowed: false; reason: string };

const DEFAULT_PORTS: readonly number[] = [443, 80];
const PUBLIC_ONLY: ReadonlySet<AddressKind> = new Set(["public"]);
/** Metadata, link-local and reserved addresses are never among them: no service that anyone means is there. */
const NAMED: ReadonlySet<AddressKind> = new Set(["public", "private", "loopback"]);

/**
 * Suffixes that the public DNS doesn't answer, so that a rule with one means a private network. A rule with a
 * public name doesn't: whoever answers for that name could point it at our network (rebinding).
 */
const PRIVATE_SUFFIXES = [
  "localhost",
  "local",
  "localdomain",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "home.arpa",
  "test",
];

/** Whether a target may be reached under a policy, before its name is resolved. */
export function accessTo(target: Target, network: NetworkPolicy, hosts: readonly ProviderHost[]): Access {
  if (network.kind === "none") return { allowed: false, reason: "the policy allows no network" };
  const provider = hosts.find(
    (host) => host.port === target.port && canonicalHost(host.host) === target.host,
  );
  const rule = network.kind === "hosts" ? network.allow.find((each) => matches(each, target)) : undefined;
  if (provider?.named || (rule !== undefined && namesPrivate(rule, target))) {
    return { allowed: true, kinds: NAMED };
  }
  if (target.literal && rule === undefined && provider === undefined) {
    return { allowed: false, reason: "an address that no rule names" };
  }
  if (provider !== undefined || rule !== undefined || network.kind === "open") {
    return { allowed: true, kinds: PUBLIC_ONLY };
  }
  return { allowed: false, reason: "the policy doesn't name this host and port" };
}

/** The reason to refuse an address that a target resolved to, or undefined when it may be used. */
export function addressProblem(address: string, kinds: ReadonlySet<AddressKind>): string | undefined {
  const kind = addressKind(address);
  return kinds.has(kind) ? undefined : `resolves to a ${kind} address`;
}

function matches(rule: HostRule, target: Target): boolean {
  const ports = rule.port === undefined ? DEFAULT_PORTS : [rule.port];
  if (!ports.includes(target.port)) return false;
  if (!rule.host.startsWith("*.")) return canonicalHost(rule.host) === target.host;
  // A number has no subdomains: "*.0.0.1" must not mean 127.0.0.1.
  return !target.literal && target.host.endsWith(canonicalHost(rule.host.slice(1)));
}

function namesPrivate(rule: HostRule, target: Target): boolean {
  if (rule.host.startsWith("*.")) return false;
  if (target.literal) return isIP(target.host) !== 0;
  if (!target.host.includes(".")) return true;
  return PRIVATE_SUFFIXES.some((suffix) => target.host.endsWith(`.${suffix}`));
}
