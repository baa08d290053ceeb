import { findSystemProgram } from "./outside/find-program.ts";
import { limitsOf, limitsToSet, type ResourceLimits } from "./resource-limits.ts";

/** What a process hands down to its children beside its environment, as far as pictl passes it on. */
export interface Inherited {
  umask?: number | undefined;
  limits?: ResourceLimits | undefined;
}

/** That of this process. Costs some 0.1 ms. */
export function ownInherited(): Inherited {
  return { umask: process.umask(), limits: limitsOf("self") };
}

/** The program that sets limits, of util-linux; undefined where it isn't installed. */
export function findPrlimit(): string | undefined {
  return findSystemProgram("prlimit");
}

/** How a child gets what its caller has. */
export interface ChildSetting {
  umask: number | undefined;
  /** The limits that have to be set for it. */
  limits: ResourceLimits;
  /** Words to put before its command line. */
  prefix: string[];
}

/**
 * Works out how a child is started with the umask and the limits of a caller.
 *
 * A shell isn't used for it: dash drops variables whose names aren't words, such as exported functions of bash.
 */
export function childSetting(inherited: Inherited): ChildSetting {
  const limits = limitsToSet(inherited.limits ?? {}, limitsOf("self") ?? {});
  const options = Object.entries(limits).map(
    ([name, [soft, hard]]) => `--${name}=${soft ?? "unlimited"}:${hard ?? "unlimited"}`,
  );
  const prlimit = options.length === 0 ? undefined : findPrlimit();
  return {
    umask: inherited.umask,
    limits: prlimit === undefined ? {} : limits,
    prefix: prlimit === undefined ? [] : [prlimit, ...options, "--"],
  };
}

/**
 * Runs `spawn` under an umask, which the child inherits: Node has no option for it. Spawning is synchronous, so no other
 * code of this thread runs under it.
 */
export function withUmask<T>(umask: number | undefined, spawn: () => T): T {
  if (umask === undefined) return spawn();
  const own = process.umask(umask);
  try {
    return spawn();
  } finally {
    process.umask(own);
  }
}
