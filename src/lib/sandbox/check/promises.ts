import { contains } from "../../core/contains.ts";
import { covers, cutPlaces } from "../policy/roots.ts";
import type { Facts } from "./row.ts";

/** Reasons why a policy doesn't promise that an attempt fails; `true` where it does. */
export type Promised = true | string;

export const always = (): Promised => true;

/** A policy that lets a path be read promises nothing about it. */
export function unreadable(path: (facts: Facts) => string): (facts: Facts) => Promised {
  return (facts) => {
    const { policy, inside } = facts;
    const wanted = path(facts);
    const cut = cutPlaces(inside.home, policy.home);
    const opened = policy.read.find((root) => covers(root, wanted, cut));
    const denied = policy.denyRead.some((place) => contains(place, wanted));
    return opened === undefined || denied ? true : `the policy lets "${opened}" be read`;
  };
}

/** A policy that lets a path be written promises nothing about it. */
export function unwritable(path: (facts: Facts) => string): (facts: Facts) => Promised {
  return (facts) => {
    const wanted = path(facts);
    const opened = facts.policy.allowWrite.find((root) => root !== "/tmp" && contains(root, wanted));
    return opened === undefined ? true : `the policy lets "${opened}" be written`;
  };
}

export function closedNetwork({ policy }: Facts): Promised {
  return policy.network.kind === "open" ? "the policy's network is open" : true;
}

export function ownProcesses({ policy }: Facts): Promised {
  return policy.isolatePid ? true : "the policy has isolate_pid = false";
}

export function filtered({ hasFilter }: Facts): Promised {
  return hasFilter ? true : `there is no seccomp filter for ${process.arch} yet`;
}

/** The first reason against, if any. */
export function all(...promises: readonly ((facts: Facts) => Promised)[]): (facts: Facts) => Promised {
  return (facts) => promises.map((promised) => promised(facts)).find((answer) => answer !== true) ?? true;
}
