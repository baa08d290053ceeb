import { isIP } from "node:net";
import { join } from "node:path";
import { contains } from "../../core/contains.ts";
import { ownCaches } from "../own-caches.ts";
import { formatHostRule, normalizeHost, ruleAllows } from "./hosts.ts";
import { lineName, type Origin, originOfDenial, type PolicyOrigins } from "./origins.ts";
import type { HostRule, SandboxPolicy } from "./policy.ts";
import { covers, cutPlaces, OWN_PLACES, OWN_TMP } from "./roots.ts";

/** Whether something is allowed, why, and by whom. */
export interface Verdict {
  /**
   * "own": there is something of the sandbox's own in its place, and nothing of the host's; "model": only if it
   * is a host of the session's provider.
   */
  answer: "allowed" | "denied" | "own" | "model";
  /** The end of a sentence that begins with the path or the host. */
  reason: string;
  /** The entry of the policy that decides. */
  rule?: string;
  origin?: Origin;
}

/** What a policy is looked at for. */
export interface Explained {
  policy: SandboxPolicy;
  origins: PolicyOrigins;
  workspace: string;
  /** Its git directory, where that isn't in it, or why that isn't opened. */
  git?: { gitDir: string; commonDir: string } | { gitDir: string; refused: string } | undefined;
  home: string;
  /** The policy files, and what git or pictl outside of the sandbox would run or obey: read-only inside. */
  readOnly: readonly string[];
  /** Directories below those that can be written again, save what is read-only in them. */
  reopened?: readonly string[];
  /** Follows symlinks, as enforcement does; a path that doesn't exist is followed as far as it does. */
  resolve?: (path: string) => string;
}

export interface PathVerdicts {
  path: string;
  /** Where its symlinks lead. */
  resolved: string;
  read: Verdict;
  write: Verdict;
}

/** What an agent may do with a path of the host. What pi itself needs (its settings, its sessions) comes on top. */
export function explainPath(about: Explained, path: string): PathVerdicts {
  const resolve = about.resolve ?? ((same) => same);
  const resolved = resolve(path);
  return {
    path,
    resolved,
    read: reading(about, resolved, resolve),
    write: writing(about, resolved, resolve),
  };
}

type Resolve = (path: string) => string;

function reading(about: Explained, path: string, resolve: Resolve): Verdict {
  return (
    denial(about, path, resolve) ??
    workspaceHas(about, path, resolve) ??
    ownCache(about, path, resolve) ??
    coveredBy(about, "allowWrite", path, resolve) ??
    coveredBy(about, "read", path, resolve) ??
    refused(about, path, "read", resolve)
  );
}

function writing(about: Explained, path: string, resolve: Resolve): Verdict {
  const isReopened = (place: string) =>
    about.reopened?.some((each) => contains(place, each) && contains(each, path)) ?? false;
  const protectedBy = about.readOnly.find((place) => contains(resolve(place), path) && !isReopened(place));
  return (
    denial(about, path, resolve) ??
    (protectedBy === undefined
      ? undefined
      : ({
          answer: "denied",
          reason: "is read-only inside: something outside of the sandbox obeys it",
          rule: protectedBy,
        } as const)) ??
    workspaceHas(about, path, resolve) ??
    ownCache(about, path, resolve) ??
    coveredBy(about, "allowWrite", path, resolve) ??
    refused(about, path, "allowWrite", resolve)
  );
}

function denial({ policy, origins, workspace }: Explained, path: string, resolve: Resolve) {
  const own = resolve(workspace);
  const rule = policy.denyRead.find((denied) => {
    const place = resolve(denied);
    // A denial of what the workspace lies in leaves it its workspace: an agent can't work without.
    const isAround = place !== own && contains(place, own);
    return contains(place, path) && !(isAround && contains(own, path));
  });
  if (rule === undefined) return undefined;
  return verdict("denied", "is denied", rule, originOfDenial(origins, rule));
}

function workspaceHas({ workspace, git }: Explained, path: string, resolve: Resolve): Verdict | undefined {
  if (git !== undefined && !("refused" in git) && contains(git.commonDir, path))
    return { answer: "allowed", reason: "is in the git directory of the workspace", rule: git.commonDir };
  if (!contains(resolve(workspace), path)) return undefined;
  if (git !== undefined && "refused" in git && path === join(resolve(workspace), ".git"))
    return {
      answer: "allowed",
      reason: `leads to a git directory that isn't opened, because ${git.refused}`,
    };
  return { answer: "allowed", reason: "is in the workspace", rule: workspace };
}

function ownCache({ policy, home }: Explained, path: string, resolve: Resolve): Verdict | undefined {
  const cache = ownCaches(policy, home).find((place) => contains(resolve(place), path));
  if (cache === undefined) return undefined;
  return verdict(
    "own",
    "is in a cache that is linked into projects, of which the sandbox has an empty one",
    cache,
  );
}

function coveredBy(
  { policy, origins, home }: Explained,
  key: "read" | "allowWrite",
  path: string,
  resolve: Resolve,
): Verdict | undefined {
  const cut = cutPlaces(resolve(home), policy.home);
  const rule = policy[key].find((root) => root !== OWN_TMP && covers(resolve(root), path, cut));
  if (rule === undefined) return undefined;
  const reason = key === "read" ? "is in what can be read" : "is in what can be written";
  return verdict("allowed", reason, rule, origins[lineName(key, rule)]);
}

/** Why a path is in no root. What is there to be read is just not writable; else something else may be there. */
function refused(about: Explained, path: string, key: "read" | "allowWrite", resolve: Resolve): Verdict {
  const { policy, origins, home } = about;
  const [first] = policy[key];
  const origin = origins[first === undefined ? key : lineName(key, first)];
  const { git } = about;
  if (git !== undefined && "refused" in git && contains(git.gitDir, path))
    return verdict("denied", `is in a git directory that isn't opened, because ${git.refused}`);
  if (key === "allowWrite" && coveredBy(about, "read", path, resolve) !== undefined)
    return verdict("denied", "is in nothing that can be written", undefined, origin);
  if (policy.home === "empty" && contains(resolve(home), path))
    return verdict("own", "is in the home, of which the sandbox has an empty one", home, origins.home);
  const own = OWN_PLACES.find((place) => contains(place, path));
  if (own !== undefined) return verdict("own", `is in ${own}, of which the sandbox has its own or nothing`);
  const reason = key === "read" ? "is in nothing that can be read" : "is in nothing that can be written";
  return verdict("denied", reason, undefined, origin);
}

/**
 * Whether an agent may connect to a host. Whatever is allowed here, the gate refuses a name that leads to a
 * loopback, link-local, metadata or private address.
 *
 * @param modelHosts of the session's provider, where they are known
 */
export function explainHost(
  { policy, origins }: Pick<Explained, "policy" | "origins">,
  host: string,
  port: number,
  modelHosts?: readonly HostRule[],
): Verdict {
  const { network } = policy;
  const origin = origins[lineName("network")];
  const name = normalizeHost(host);
  if (network.kind === "open")
    return verdict("allowed", "can be reached: the network is open", undefined, origin);
  if (network.kind === "none")
    return verdict("denied", "can't be reached: there is no network", undefined, origin);
  const ofModel = modelHosts?.find((rule) => ruleAllows(rule, name, port));
  if (ofModel !== undefined)
    return verdict("allowed", "is a host of the model's provider", formatHostRule(ofModel), origin);
  if (isIP(name) !== 0)
    return verdict("denied", "is an address, and the gate takes names", undefined, origin);
  const rules = network.kind === "hosts" ? network.allow : [];
  const rule = rules.find((one) => ruleAllows(one, name, port));
  if (rule !== undefined) {
    const text = formatHostRule(rule);
    return verdict("allowed", "is one of the named hosts", text, origins[lineName("network", text)]);
  }
  const otherPort = rules.find((one) => ruleAllows(one, name, one.port ?? 443));
  if (otherPort !== undefined) {
    const text = formatHostRule(otherPort);
    return verdict(
      "denied",
      `is allowed on other ports than ${port} alone`,
      text,
      origins[`network ${text}`],
    );
  }
  if (modelHosts !== undefined)
    return verdict(
      "denied",
      "is neither a host of the model's provider nor a named one",
      network.kind,
      origin,
    );
  return verdict("model", "is reached only if it is a host of the model's provider", undefined, origin);
}

function verdict(
  answer: Verdict["answer"],
  reason: string,
  rule?: string | undefined,
  origin?: Origin | undefined,
): Verdict {
  return {
    answer,
    reason,
    ...(rule === undefined ? {} : { rule }),
    ...(origin === undefined ? {} : { origin }),
  };
}
