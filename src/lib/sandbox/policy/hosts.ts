import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import type { HostRule, NetworkPolicy } from "./policy.ts";

/** What a rule without a port stands for. */
export const DEFAULT_PORTS: readonly number[] = [443, 80];

/**
 * A rule as it is written: `registry.npmjs.org`, `*.github.com:443`. Names are compared in lower case and in
 * their ASCII form.
 *
 * @returns the rule, or what is wrong with the text, as the end of "… must"
 */
export function parseHostRule(text: string): HostRule | string {
  const match = /^(\*\.)?([^\s*:/@?#[\]]+?)\.?(?::(\d{1,5}))?$/u.exec(text);
  if (match === null) return 'be a name with or without a port: "registry.npmjs.org", "*.github.com:443"';
  const [, wildcard = "", name = "", digits] = match;
  const host = domainToASCII(name);
  // `1.2` is read as the address 1.0.0.2, too.
  if (host === "") return `name a host: "${name}" isn't one`;
  if (isIP(host) !== 0) return "be a name: addresses are refused by the gate";
  if (wildcard !== "" && !host.includes("."))
    return `not stand for all of ".${host}": name a domain below it`;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return "have a port between 1 and 65535";
  return { host: `${wildcard}${host}`, ...(port === undefined ? {} : { port }) };
}

/** A rule as it is written in a file. */
export function formatHostRule({ host, port }: HostRule): string {
  return port === undefined ? host : `${host}:${port}`;
}

/** A host's name as rules have it: ASCII, lower case, no dot at its end; an address without brackets. */
export function normalizeHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  return isIP(bare) === 0 ? domainToASCII(bare) : bare.toLowerCase();
}

/** Whether a rule allows a connection. `*.github.com` is every host below github.com, and not github.com. */
export function ruleAllows(rule: HostRule, host: string, port: number): boolean {
  const ports = rule.port === undefined ? DEFAULT_PORTS : [rule.port];
  return ports.includes(port) && coversName(rule.host, normalizeHost(host));
}

function coversName(pattern: string, name: string): boolean {
  return pattern.startsWith("*.")
    ? name.endsWith(pattern.slice(1)) && name.length >= pattern.length
    : name === pattern;
}

/** The narrower of two networks: nothing, the model's hosts, these and named ones, everything. */
export function narrowerNetwork(a: NetworkPolicy, b: NetworkPolicy): NetworkPolicy {
  if (a.kind === "open") return b;
  if (b.kind === "open") return a;
  if (a.kind === "none" || b.kind === "none") return { kind: "none" };
  if (a.kind === "model" || b.kind === "model") return { kind: "model" };
  return namedHosts(a.allow.flatMap((one) => b.allow.flatMap((other) => intersectRules(one, other) ?? [])));
}

/** The network of a list of rules: with an empty one, the model's hosts are all there is. */
export function namedHosts(rules: readonly HostRule[]): NetworkPolicy {
  const allow = [...new Map(rules.map((rule) => [formatHostRule(rule), rule])).values()];
  return allow.length === 0 ? { kind: "model" } : { kind: "hosts", allow };
}

function intersectRules(a: HostRule, b: HostRule): HostRule | undefined {
  const host = coversName(a.host, b.host) || a.host === b.host ? b.host : a.host;
  if (host !== b.host && !coversName(b.host, a.host)) return undefined;
  if (a.port === b.port) return { host, ...(a.port === undefined ? {} : { port: a.port }) };
  if (a.port !== undefined && b.port !== undefined) return undefined;
  const port = a.port ?? b.port;
  return port !== undefined && DEFAULT_PORTS.includes(port) ? { host, port } : undefined;
}
