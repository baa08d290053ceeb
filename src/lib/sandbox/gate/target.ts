import { isIP, isIPv4, isIPv6 } from "node:net";

/** Where a connection is to go: a name in lower case without a last dot, or an address as a literal. */
export interface Target {
  host: string;
  port: number;
  /** Whether `host` is an IP address. */
  literal: boolean;
}

/** A name's greatest length in DNS. */
const MAX_NAME_LENGTH = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Reads `host:port` as CONNECT and an absolute-form request have it, strictly: what two programs could read
 * differently is nothing we pass on. No user information, percent signs, zones, unicode (a client sends
 * `xn--…`), numbers that only some resolvers take for an address (`2130706433`, `0x7f.1`, `0177.0.0.1`).
 *
 * @param defaultPort taken where no port is given; without it, a port is required
 * @returns the target, or why it can't be one
 */
export function parseAuthority(authority: string, defaultPort?: number): Target | { reason: string } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::([1-9][0-9]{0,4}))?$/.exec(authority);
  if (match === null) return { reason: "not a host and port" };
  const [, bracketed, plain = "", digits] = match;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port === undefined) return { reason: "no port" };
  if (port > 65_535) return { reason: "not a port" };
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) return { reason: "not an IPv6 address" };
    return { host: canonicalHost(bracketed), port, literal: true };
  }
  const host = canonicalHost(plain);
  if (isIPv4(host)) return { host, port, literal: true };
  const reason = nameProblem(host);
  return reason === undefined ? { host, port, literal: false } : { reason };
}

/** A host as rules and targets are compared: lower case, no last dot, IPv6 in its shortest form. */
export function canonicalHost(host: string): string {
  const bare = /^\[.*\]$/.test(host) ? host.slice(1, -1) : host;
  if (isIPv6(bare) && !bare.includes("%")) return new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  return host.toLowerCase().replace(/\.$/, "");
}

/** `host:port` as it stands in a URL or a Host header. */
export function formatAuthority(host: string, port: number, defaultPort?: number): string {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  return port === defaultPort ? name : `${name}:${port}`;
}

function nameProblem(host: string): string | undefined {
  if (host.length > MAX_NAME_LENGTH) return "name too long";
  const labels = host.split(".");
  if (!labels.every((label) => LABEL.test(label))) return "not a host name";
  // getaddrinfo and URL parsers take these for addresses, each in its own way.
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return "a number is not a host name";
  return undefined;
}
