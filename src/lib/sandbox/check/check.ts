import { accessSync, constants, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { SandboxProfile } from "../../core/choices.ts";
import { contains } from "../../core/contains.ts";
import { loadPolicy } from "../policy/load.ts";
import type { SandboxPolicy } from "../policy/policy.ts";
import { judge, type RowResult } from "./judge.ts";
import { lookAfterwards } from "./look-afterwards.ts";
import { makePlace, type Place, type PolicySource } from "./place.ts";
import type { Attempt, Facts, Row } from "./row.ts";
import { ROWS } from "./rows.ts";
import type { ProbeRun } from "./run-probe.ts";
import { type CheckRun, runSandbox, type SandboxName, sandboxesOf } from "./run-sandboxes.ts";
import type { CheckGaps } from "./settings.ts";

export interface CheckRequest extends PolicySource {
  /** Ids of rows; all without it. */
  only?: readonly string[];
  /** In which sandboxed agents can write, as real paths: bubblewrap isn't taken from there. */
  agentPlaces: readonly string[];
  /** Parts to take away, given where the stand-ins are; for tests that show that rows notice. */
  without?: (root: string) => CheckGaps;
}

export interface CheckReport {
  /** Whether all that the policy promises was shown to hold. */
  ok: boolean;
  profile: SandboxProfile;
  /** "root", or "user 1000". */
  user: string;
  /** What is weaker here than elsewhere. */
  notes: string[];
  rows: RowResult[];
}

/**
 * Tries on this machine to get out of the sandbox that a policy makes, and looks from outside what came of it.
 * Takes some seconds; all that it makes is below the state directory, and gone afterwards.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE, INVALID_CONFIG
 */
export async function checkSandbox(request: CheckRequest): Promise<CheckReport> {
  const { cwd: workspace, ...rest } = request;
  // Before anything is made: a file with a mistake is named as it is, and not as its copy.
  const { policy } = await loadPolicy({ workspace, ...rest });
  mkdirSync(request.paths.stateDir, { recursive: true, mode: 0o700 });
  const root = mkdtempSync(join(realpathSync(request.paths.stateDir), "check-"));
  const places: Place[] = [];
  const make = async (name: string, gaps: CheckGaps | undefined) => {
    const place = await makePlace(request, join(root, name), gaps === undefined || gaps.open !== undefined);
    places.push(place);
    return place;
  };
  try {
    const gaps = request.without?.(join(root, "sandbox")) ?? {};
    const here = await make("sandbox", gaps);
    const there = await make("control", undefined);
    return await checkBetween(request, policy, { here, there, gaps });
  } finally {
    await Promise.all(places.map(({ standIns }) => standIns.close()));
    rmSync(root, { recursive: true, force: true });
  }
}

async function checkBetween(
  request: CheckRequest,
  ownPolicy: SandboxPolicy,
  { here, there, gaps }: { here: Place; there: Place; gaps: CheckGaps },
): Promise<CheckReport> {
  const wanted = ROWS.filter(({ id }) => request.only === undefined || request.only.includes(id));
  const run = prepare(request, ownPolicy, { here, there, gaps });
  const hoped = factsOf(run, true);
  // What isn't promised isn't tried: under an open network an attempt would go out.
  const rows = wanted.filter((row) => row.promised(hoped) === true);
  const names = sandboxesOf(rows);
  const looksLater = rows.some(({ guard }) => guard.afterwards) && !gaps.afterwards;
  const look = looksLater ? await lookAfterwards(here) : undefined;
  // All of them have ended before anything is taken away, also when one has failed.
  const settled = await Promise.allSettled(names.map((name) => runSandbox(run, name, rows)));
  const runs = new Map(
    settled.map((result, index) => {
      if (result.status === "rejected") throw result.reason;
      return [names[index], result.value];
    }),
  );
  const hasControlGroup = [...runs.values()].some((one) => one.hasControlGroup);
  const facts = factsOf(run, hasControlGroup || runs.size === 0);
  const looked = await look?.();
  const results: RowResult[] = [];
  for (const row of wanted) {
    const mine = runs.get(row.setting ?? "policy");
    results.push(
      judge(row, facts, {
        attempt: mine?.attempts.get(row.id),
        outside: here.standIns.outside(row.id, looked),
        control: await controlOf(row, runs, there),
        controlOutside: there.standIns.outside(row.id),
        problem: mine?.problem,
      }),
    );
  }
  return {
    ok: results.every(({ status }) => status === "held" || status === "not promised"),
    profile: here.policy.profile,
    user: facts.root ? "root" : `user ${process.getuid?.()}`,
    notes: notesOf(facts),
    rows: results,
  };
}

function prepare(
  { home, env, agentPlaces }: CheckRequest,
  ownPolicy: SandboxPolicy,
  between: { here: Place; there: Place; gaps: CheckGaps },
): CheckRun {
  const { root } = between.here.standIns.places;
  const ownCredentials = ownPolicy.denyRead.filter((path) => isReadable(path) && !contains(path, root));
  return { env, home, ownPolicy, ownCredentials, agentPlaces, ...between };
}

function factsOf({ here, ownCredentials }: CheckRun, hasControlGroup: boolean): Facts {
  return {
    policy: here.policy,
    inside: { ...here.standIns.inside, ownCredentials },
    root: process.getuid?.() === 0,
    hasControlGroup,
    hasFilter: process.arch === "x64" || process.arch === "arm64",
  };
}

async function controlOf(
  row: Row,
  runs: ReadonlyMap<SandboxName | undefined, ProbeRun>,
  there: Place,
): Promise<Attempt | undefined> {
  if (typeof row.control === "function") return runs.get(row.setting ?? "policy")?.controls.get(row.id);
  if (row.control === "outside") return row.attempt(there.standIns.outside(row.id).inside);
  return runs.get(row.control)?.attempts.get(row.id);
}

function notesOf({ root, hasControlGroup, hasFilter }: Facts): string[] {
  return [
    ...(root
      ? [
          "You are root: what is root's on this machine is the sandbox's own user's, too, so that only mounts and the lack of every capability stand between them. An ordinary user has one wall more.",
        ]
      : []),
    ...(hasControlGroup
      ? []
      : [
          `No control group can be made here: memory is limited for each process and not for all together${root ? ", and the number of processes isn't limited, for the kernel exempts root" : ""}.`,
        ]),
    ...(hasFilter ? [] : [`There is no seccomp filter for ${process.arch} yet.`]),
  ];
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
