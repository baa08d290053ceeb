import type { SandboxProfile } from "../../core/choices.ts";
import { type Environment, resolvePaths } from "../../core/paths.ts";
import { homeOf } from "../../core/user.ts";
import { type LoadedPolicy, loadPolicy } from "../../sandbox/policy/load.ts";
import { lineName, type Origin, policyLines } from "../../sandbox/policy/origins.ts";

export interface CurrentPolicy extends LoadedPolicy {
  /** The directory that it was asked for. */
  cwd: string;
  home: string;
}

/**
 * The policy of a session that would be created in a directory now, from the files as they are.
 *
 * @throws PictlError INVALID_CONFIG naming file, line and key
 */
export async function currentPolicy(
  cwd: string,
  env: Environment,
  profile?: SandboxProfile,
): Promise<CurrentPolicy> {
  const home = homeOf(env);
  const paths = resolvePaths(env);
  const loaded = await loadPolicy({
    workspace: cwd,
    home,
    env,
    paths,
    ...(profile === undefined ? {} : { profile }),
  });
  return { ...loaded, cwd, home };
}

/** One line of a policy as it is shown: a value or a list's entry, and who said it. */
export interface ShownLine {
  /** Named as in a file. */
  key: string;
  /** Null for a list without entries. */
  value: string | null;
  origin: Origin["from"];
  profile?: SandboxProfile;
  path?: string;
  line?: number;
}

/** A policy line by line. */
export function shownLines({ policy, origins }: Pick<LoadedPolicy, "policy" | "origins">): ShownLine[] {
  return policyLines(policy).map(({ key, name, value }) => {
    const { from, ...where } = origins[name] ?? origins[lineName(key)] ?? { from: "profile" };
    const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return { key: snake, value: value === "" ? null : value, origin: from, ...where };
  });
}
