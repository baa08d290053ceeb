import type { ProviderHost } from "./access.ts";
import type { Credential } from "./headers.ts";
import { canonicalHost, type Target } from "./target.ts";

/** A provider whose requests get a credential on the way out. */
export interface GateProvider {
  id: string;
  mounts: Mount[];
  /**
   * The credential of a request; called for each, so that it can be refreshed. A rejection's message is shown
   * inside: it must not hold a secret.
   */
  credential: (signal: AbortSignal) => Promise<Credential>;
  /** Told when the provider answers 401, so that a kept credential is asked for again. */
  invalidate?: () => void;
}

/** One real base URL. Inside it is `<gate>/<token>/<provider>/<host><path>`: pi looks for hosts in base URLs. */
export interface Mount {
  url: string;
  /** Whether the user wrote the URL (see ProviderHost). */
  named: boolean;
  /** APIs of the same provider under another base, by how their paths begin behind this one. */
  also?: { path: string; url: string }[];
}

/** Where a request to a provider really goes. */
export interface Destination {
  provider: GateProvider;
  target: Target;
  tls: boolean;
  path: string;
}

/** The base URL for inside that stands for a mount. */
export function insideUrl(gate: { port: number; token: string }, provider: string, mount: Mount): string {
  return `http://127.0.0.1:${gate.port}/${gate.token}/${encodeURIComponent(provider)}${prefixOf(mount)}`;
}

/** Hosts of a provider, as CONNECT may reach them. */
export function hostsOf(provider: GateProvider): ProviderHost[] {
  return provider.mounts.flatMap((mount) =>
    [mount.url, ...(mount.also ?? []).map(({ url }) => url)].map((url) => {
      const { host, port } = targetOf(new URL(url));
      return { host, port, named: mount.named };
    }),
  );
}

/**
 * Finds where a path behind the token leads (`/<provider>/<host>/<base path>/<rest>`), or why nowhere. The rest
 * can't leave the base: a path that could be read as having `.` or `..` in it, however encoded, is refused.
 */
export function destinationOf(
  path: string,
  providers: readonly GateProvider[],
): Destination | { reason: string } {
  const problem = pathProblem(path);
  if (problem !== undefined) return { reason: problem };
  const [, id = ""] = path.split("/", 2);
  const provider = providers.find((each) => encodeURIComponent(each.id) === id);
  if (provider === undefined) return { reason: "no such provider" };
  const behind = path.slice(id.length + 1);
  const mount = provider.mounts
    .filter((each) => startsWithPath(behind, prefixOf(each)))
    .sort((one, other) => prefixOf(other).length - prefixOf(one).length)[0];
  if (mount === undefined) return { reason: "not under a base URL of the provider" };
  const rest = behind.slice(prefixOf(mount).length);
  const other = mount.also?.find((each) => startsWithPath(rest, each.path));
  const url = new URL(other?.url ?? mount.url);
  return {
    provider,
    target: targetOf(url),
    tls: url.protocol === "https:",
    path: `${basePath(url)}${rest}` || "/",
  };
}

function targetOf(url: URL): Target {
  const host = canonicalHost(url.hostname);
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { host, port, literal: /^[0-9.]+$/.test(host) || host.includes(":") };
}

function prefixOf(mount: Mount): string {
  const url = new URL(mount.url);
  return `/${url.host}${basePath(url)}`;
}

function basePath(url: URL): string {
  return url.pathname.replace(/\/+$/, "");
}

function startsWithPath(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`) || (prefix !== "" && path.startsWith(`${prefix}:`));
}

/** How often a path is decoded to see what servers behind servers would. */
const MAX_DECODINGS = 4;

function pathProblem(path: string): string | undefined {
  let text = path;
  for (let round = 0; round <= MAX_DECODINGS; round += 1) {
    if (text.split(/[/\\]/).some((part) => /^\.{1,2}(?:;|$)/.test(part))) return "a path with . or .. in it";
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    if (/[\u0000-\u001f\u007f\\]/.test(text)) return "a path with control characters or backslashes";
    let next: string;
    try {
      next = decodeURIComponent(text);
    } catch {
      return round === 0 ? "a path with broken percent signs" : undefined;
    }
    if (next === text) return undefined;
    text = next;
  }
  return "a path that is encoded too often";
}
