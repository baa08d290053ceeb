import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type { SandboxProfile } from "../../core/choices.ts";
import { directoriesToRepositoryRoot, type Environment, type Paths } from "../../core/paths.ts";
import { loadPolicy, userPolicyFile, workspacePolicyFiles } from "../policy/load.ts";
import type { SandboxPolicy } from "../policy/policy.ts";
import { contains } from "../policy/roots.ts";
import type { SandboxGaps } from "../sandbox.ts";
import { type Evidence, judge, type RowResult } from "./judge.ts";
import type { Attempt, Facts, Inside, Row, Setting } from "./row.ts";
import { ROWS } from "./rows.ts";
import { type ProbeRun, runProbe } from "./run-probe.ts";
import type { RunnerJob } from "./runner.ts";
import { mergeGaps, noWalls, settingGaps, settingPolicy } from "./settings.ts";
import { placesBelow, StandIns } from "./stand-ins.ts";

export interface CheckRequest {
  cwd: string;
  home: string;
  env: Environment;
  paths: Paths;
  profile?: SandboxProfile;
  /** Ids of rows; all without it. */
  only?: readonly string[];
  /** Parts to take away, given where the stand-ins are; for tests that show that rows notice. */
  without?: (root: string) => SandboxGaps;
}

export interface CheckReport {
  /** Whether all that the policy promises was shown to hold. */
  ok: boolean;
  profile: SandboxProfile;
  user: string;
  rows: RowResult[];
}

/** A secret's name as programs have it: no policy lets it pass. */
const SECRET_VARIABLES = ["ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"] as const;

/**
 * Tries on this machine to get out of the sandbox that a policy makes, and looks from outside what came of it.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE, INVALID_CONFIG
 */
export async function checkSandbox(request: CheckRequest): Promise<CheckReport> {
  mkdirSync(request.paths.stateDir, { recursive: true, mode: 0o700 });
  const root = mkdtempSync(join(request.paths.stateDir, "check-"));
  const standIns: StandIns[] = [];
  try {
    const [here, there] = await Promise.all(
      ["sandbox", "control"].map(async (name) => {
        const place = join(root, name);
        const isOpen = name === "control" || request.without?.(place).open !== undefined;
        const made = await makeStandIns(request, place, isOpen);
        standIns.push(made.standIns);
        return made;
      }),
    );
    if (here === undefined || there === undefined) throw new Error("no stand-ins");
    return await checkWith(request, here, there);
  } finally {
    await Promise.all(standIns.map((each) => each.close()));
    rmSync(root, { recursive: true, force: true });
  }
}

interface Place {
  standIns: StandIns;
  policy: SandboxPolicy;
  runtimeDir: string;
}

/** The user's policy, as it is for the stand-ins: `~` is their home, and the files of the policy are copies. */
async function makeStandIns(
  { cwd, env, paths, profile }: CheckRequest,
  root: string,
  isOpen: boolean,
): Promise<Place> {
  const places = placesBelow(root);
  const ownPaths = { ...paths, ...pathsBelow(places.pictl) };
  const copies = copyPolicyFiles(cwd, paths, ownPaths, places.workspace);
  const standIns = await StandIns.make(root, isOpen ? join(root, "etc") : "/etc", copies.files);
  const { policy } = await loadPolicy({
    workspace: copies.cwd,
    home: places.home,
    env: { PATH: env.PATH },
    paths: ownPaths,
    ...(profile === undefined ? {} : { profile }),
  });
  return { standIns, policy, runtimeDir: join(root, "runtime") };
}

function pathsBelow(pictl: string) {
  return {
    runtimeDir: join(pictl, "run"),
    stateDir: join(pictl, "state"),
    dataDir: join(pictl, "data"),
    configDir: join(pictl, "config"),
  };
}

/** Where there is no file of a policy, an empty one stands for it. */
function copyPolicyFiles(cwd: string, paths: Paths, ownPaths: Paths, workspace: string) {
  const [repository = cwd] = directoriesToRepositoryRoot(cwd, (dir) => existsSync(join(dir, ".git"))).slice(
    -1,
  );
  const originals = [
    [userPolicyFile(paths), userPolicyFile(ownPaths)],
    ...workspacePolicyFiles(cwd).map((path) => [path, join(workspace, relative(repository, path))]),
  ];
  const files: string[] = [];
  for (const [original = "", copy = ""] of originals) {
    const isFirst = files.length < 2;
    if (!existsSync(original) && !isFirst) continue;
    mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
    if (existsSync(original)) copyFileSync(original, copy);
    else writeFileSync(copy, "# a stand-in\n");
    files.push(copy);
  }
  return { files, cwd: join(workspace, relative(repository, cwd)) };
}

async function checkWith(request: CheckRequest, here: Place, there: Place): Promise<CheckReport> {
  const rows = ROWS.filter(({ id }) => request.only === undefined || request.only.includes(id));
  const real = await loadPolicy({
    workspace: request.cwd,
    home: request.home,
    env: request.env,
    paths: request.paths,
    ...(request.profile === undefined ? {} : { profile: request.profile }),
  });
  const ownCredentials = rows.some(({ setting }) => setting === "own-home")
    ? real.policy.denyRead.filter((path) => isReadable(path) && !contains(path, here.standIns.places.root))
    : [];
  const inside: Inside = { ...here.standIns.inside, ownCredentials };
  const settings = [...new Set(rows.map(({ setting = "policy" }) => setting))];
  const walls = [
    ...new Set(rows.flatMap(({ control }) => (control === "shared" || control === "own" ? [control] : []))),
  ];
  // All of them have ended before anything is taken away, also when one has failed.
  const [runs, controls] = await Promise.all([
    settled(
      settings.map(
        async (setting) =>
          [setting, await runSetting(request, here, setting, rows, inside, real.policy)] as const,
      ),
    ),
    settled(
      walls.map(async (network) => [network, await runControl(request, there, network, rows)] as const),
    ),
  ]);
  const bySetting = new Map(runs);
  const byWalls = new Map(controls);
  const hasControlGroup = runs.some(([, run]) => run.hasControlGroup);
  const facts: Facts = {
    policy: here.policy,
    inside,
    root: process.getuid?.() === 0,
    hasControlGroup,
    hasFilter: process.arch === "x64" || process.arch === "arm64",
  };
  const results: RowResult[] = [];
  for (const row of rows) {
    const run = bySetting.get(row.setting ?? "policy");
    const evidence: Evidence = {
      attempt: run?.attempts.get(row.id),
      outside: here.standIns.outside(row.id),
      control: await controlOf(row, run, byWalls, there),
      controlOutside: there.standIns.outside(row.id),
      problem: run?.problem,
    };
    results.push(judge(row, facts, evidence));
  }
  return {
    ok: results.every(({ status }) => status === "held" || status === "not promised"),
    profile: here.policy.profile,
    user: facts.root ? "root" : `user ${process.getuid?.()}`,
    rows: results,
  };
}

async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

async function controlOf(
  row: Row,
  run: ProbeRun | undefined,
  byWalls: ReadonlyMap<"shared" | "own", ProbeRun>,
  there: Place,
): Promise<Attempt | undefined> {
  if (typeof row.control === "function") return run?.controls.get(row.id);
  if (row.control === "outside") return row.attempt(there.standIns.outside(row.id).inside);
  return byWalls.get(row.control)?.attempts.get(row.id);
}

function runSetting(
  request: CheckRequest,
  place: Place,
  setting: Setting,
  rows: readonly Row[],
  inside: Inside,
  real: SandboxPolicy,
): Promise<ProbeRun> {
  const mine = rows.filter((row) => (row.setting ?? "policy") === setting);
  const policy = settingPolicy(setting, setting === "own-home" ? real : place.policy);
  const { places } = place.standIns;
  const extra = request.without?.(places.root);
  const jobs = mine.flatMap(({ id, control }) => [
    { id, as: "attempt" as const },
    ...(typeof control === "function" ? [{ id, as: "control" as const }] : []),
  ]);
  return run(request, place, {
    setup: setting === "own-home" ? ownHome(request, setupOf(place, policy)) : setupOf(place, policy),
    without: mergeGaps(settingGaps(setting), extra ?? {}),
    inside,
    jobs,
  });
}

function runControl(
  request: CheckRequest,
  place: Place,
  network: "shared" | "own",
  rows: readonly Row[],
): Promise<ProbeRun> {
  const { places, inside } = place.standIns;
  const mine = rows.filter(({ control }) => control === network);
  return run(request, place, {
    setup: setupOf(place, {
      ...place.policy,
      isolatePid: true,
      read: ["/"],
      network: { kind: network === "shared" ? "open" : "none" },
    }),
    without: noWalls(network, places.root),
    inside,
    jobs: mine.map(({ id }) => ({ id, as: "attempt" as const })),
  });
}

/** The user's home instead of the stand-in, which alone can be written. */
function ownHome({ home }: CheckRequest, setup: RunnerJob["setup"]): RunnerJob["setup"] {
  const { agentDir: _, sessionDir: __, ...rest } = setup;
  return { ...rest, home };
}

function setupOf({ standIns, runtimeDir }: Place, policy: SandboxPolicy): RunnerJob["setup"] {
  const { places, inside } = standIns;
  return {
    policy,
    workspace: places.workspace,
    home: places.home,
    runtimeDir,
    protect: inside.policyFiles,
    programs: [],
    agentDir: { path: places.agentDir, hide: ["auth.json", "sessions"], replace: {} },
    sessionDir: places.sessionDir,
  };
}

function run(
  { env }: CheckRequest,
  { standIns }: Place,
  {
    setup,
    without,
    inside,
    jobs,
  }: {
    setup: RunnerJob["setup"];
    without: SandboxGaps;
    inside: Inside;
    jobs: readonly { id: string; as: "attempt" | "control" }[];
  },
): Promise<ProbeRun> {
  const secrets = Object.fromEntries(SECRET_VARIABLES.map((name) => [name, inside.secret]));
  const shared = [
    ...(setup.policy.isolatePid && !without.bubblewrap?.includes("pid") ? [] : ["pid"]),
    ...(without.bubblewrap?.includes("ipc") ? ["ipc"] : []),
  ];
  return runProbe(
    { setup, without, job: { inside, rows: jobs } },
    {
      environment: { ...env, ...secrets, DBUS_SESSION_BUS_ADDRESS: `unix:path=${inside.sockets.bus}` },
      leftOpen: join(standIns.places.root, "notes"),
      shared,
    },
  );
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
