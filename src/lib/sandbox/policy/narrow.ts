import { sandboxProfiles } from "../../core/choices.ts";
import { contains } from "../../core/contains.ts";
import { narrowerNetwork } from "./hosts.ts";
import type { SandboxPolicy } from "./policy.ts";
import { cutPlaces, intersectRoots } from "./roots.ts";

/**
 * A policy that allows what it did and another one, or the part of one that a workspace's file says, allows as
 * well: denials together, allowances that both have, isolation if either has it, the narrower network, the lower
 * limits. Whether `--no-sandbox` may be said is not the other's to decide.
 */
export function narrow(policy: SandboxPolicy, by: Partial<SandboxPolicy>, home: string): SandboxPolicy {
  const cut = cutPlaces(home, policy.home);
  const otherCut = cutPlaces(home, by.home);
  const roots = (mine: string[], other: string[] | undefined) =>
    other === undefined ? mine : intersectRoots({ roots: mine, cut }, { roots: other, cut: otherCut });
  const lower = (mine: number, other: number | undefined) => Math.min(mine, other ?? mine);
  return withoutDenied({
    enabled: policy.enabled || by.enabled === true,
    profile: isStricter(by.profile, policy.profile) ? by.profile : policy.profile,
    read: roots(policy.read, by.read),
    home: by.home === "empty" ? "empty" : policy.home,
    denyRead: [...new Set([...policy.denyRead, ...(by.denyRead ?? [])])],
    allowWrite: roots(policy.allowWrite, by.allowWrite),
    network: by.network === undefined ? policy.network : narrowerNetwork(policy.network, by.network),
    isolatePid: policy.isolatePid || by.isolatePid === true,
    maxProcesses: lower(policy.maxProcesses, by.maxProcesses),
    maxOpenFiles: lower(policy.maxOpenFiles, by.maxOpenFiles),
    maxMemory: lower(policy.maxMemory, by.maxMemory),
    tmpSize: lower(policy.tmpSize, by.tmpSize),
    env: by.env === undefined ? policy.env : policy.env.filter((name) => by.env?.includes(name)),
    exposeCredentials:
      by.exposeCredentials === undefined
        ? policy.exposeCredentials
        : policy.exposeCredentials.filter((id) => by.exposeCredentials?.includes(id)),
    allowNoSandbox: policy.allowNoSandbox,
  });
}

/** The same policy without the roots that lie in something denied: denials go before allowances. */
export function withoutDenied(policy: SandboxPolicy): SandboxPolicy {
  const isOpen = (root: string) => !policy.denyRead.some((denied) => contains(denied, root));
  return { ...policy, read: policy.read.filter(isOpen), allowWrite: policy.allowWrite.filter(isOpen) };
}

/** Whether one profile is stricter than another. */
export function isStricter<Name extends SandboxPolicy["profile"]>(
  one: Name | undefined,
  other: SandboxPolicy["profile"],
): one is Name {
  return one !== undefined && sandboxProfiles.indexOf(one) > sandboxProfiles.indexOf(other);
}
