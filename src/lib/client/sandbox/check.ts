import type { SandboxProfile } from "../../core/choices.ts";
import { PictlError } from "../../core/errors.ts";
import { agentPlaces } from "../../core/outside/agent-places.ts";
import { type Environment, resolvePaths } from "../../core/paths.ts";
import { realPath } from "../../core/real-path.ts";
import { homeOf } from "../../core/user.ts";
import { type CheckReport, checkSandbox } from "../../sandbox/check/check.ts";
import { thisMachine, tryFlags } from "../../sandbox/check/diagnose.ts";
import { describeGuard } from "../../sandbox/check/judge.ts";
import { ROWS } from "../../sandbox/check/rows.ts";
import { workspaceOf, writablePlaces } from "../../sandbox/plan.ts";
import { OWN_TMP } from "../../sandbox/policy/roots.ts";
import { currentPolicy } from "./current-policy.ts";

export type { CheckReport };

/** A row as `--list` shows it. */
export interface ListedRow {
  id: string;
  concern: string;
  tried: string;
  guard: string;
}

export function listRows(): ListedRow[] {
  return ROWS.map(({ id, concern, tried, guard }) => ({ id, concern, tried, guard: describeGuard(guard) }));
}

/**
 * Tries to get out of the sandbox that the policy of a directory makes.
 *
 * @param only ids of rows; none for all
 * @throws PictlError USAGE for an unknown row, SANDBOX_UNAVAILABLE, INVALID_CONFIG
 */
export async function checkHere(
  cwd: string,
  env: Environment,
  { profile, only }: { profile?: SandboxProfile | undefined; only?: readonly string[] | undefined },
): Promise<CheckReport> {
  const unknown = only?.filter((id) => !ROWS.some((row) => row.id === id)) ?? [];
  if (unknown.length > 0) {
    throw new PictlError("USAGE", `There is no row ${unknown.map((id) => `"${id}"`).join(", ")}.`, {
      hint: "`pictl sandbox check --list` names them all.",
      details: { unknown },
    });
  }
  const [home, paths] = [homeOf(env), resolvePaths(env)];
  const places = [...agentPlaces(paths.agentPlaces), ...(await placesHere(cwd, env, profile))];
  tryFlags(thisMachine(env, places));
  return checkSandbox({
    cwd,
    home,
    env,
    paths,
    agentPlaces: places,
    ...(profile === undefined ? {} : { profile }),
    ...(only === undefined ? {} : { only }),
  });
}

/** Where an agent that works in this directory could write, although none has been started yet. */
async function placesHere(
  cwd: string,
  env: Environment,
  profile: SandboxProfile | undefined,
): Promise<string[]> {
  const { policy, home } = await currentPolicy(cwd, env, profile);
  const parts = { policy, git: undefined, sessionDir: undefined };
  try {
    return writablePlaces({ ...parts, workspace: workspaceOf(cwd, home) });
  } catch (error) {
    // The home is nobody's workspace, and the check works there, too.
    if (!(error instanceof PictlError)) throw error;
    return policy.allowWrite.filter((path) => path !== OWN_TMP).map(realPath);
  }
}

/** What is told of a check that didn't pass, or undefined. */
export function checkFailure({ ok, rows, profile }: CheckReport): PictlError | undefined {
  if (ok) return undefined;
  const of = (status: string) => rows.filter((row) => row.status === status).map(({ id }) => id);
  const [failed, inconclusive] = [of("failed"), of("inconclusive")];
  const parts = [
    ...(failed.length > 0 ? [`${failed.length} failed (${failed.join(", ")})`] : []),
    ...(inconclusive.length > 0
      ? [`${inconclusive.length} showed nothing (${inconclusive.join(", ")})`]
      : []),
  ];
  return new PictlError(
    "SANDBOX_CHECK_FAILED",
    `The sandbox of profile ${profile} doesn't hold all that it promises here: ${parts.join("; ")}.`,
    {
      hint: "docs/sandbox.md says what each row guards. Don't run what you don't trust in this sandbox.",
      details: { failed, inconclusive },
    },
  );
}
