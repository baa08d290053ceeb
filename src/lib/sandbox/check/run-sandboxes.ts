import { join } from "node:path";
import type { Environment } from "../../core/paths.ts";
import { realPath } from "../../core/real-path.ts";
import { SANDBOXED_SESSIONS } from "../../core/session-files/locate.ts";
import type { SandboxPolicy } from "../policy/policy.ts";
import { policyPlaces } from "../policy-places.ts";
import type { Place } from "./place.ts";
import type { Inside, Row, Setting } from "./row.ts";
import { GATE_HOSTS, METADATA_ADDRESS } from "./rows/gate.ts";
import { type ProbeRun, runProbe } from "./run-probe.ts";
import type { RunnerJob } from "./runner.ts";
import { type CheckGaps, mergeGaps, noWalls, SMALL_QUOTAS, settingGaps, settingPolicy } from "./settings.ts";

/** Names of secrets as programs have them: no policy lets them pass. */
const SECRET_VARIABLES = ["ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"] as const;

/** What all sandboxes of one check have in common. */
export interface CheckRun {
  env: Environment;
  /** The user's own. */
  home: string;
  /** The policy as it is for the user's own home. */
  ownPolicy: SandboxPolicy;
  ownCredentials: readonly string[];
  here: Place;
  there: Place;
  gaps: CheckGaps;
  /** In which sandboxed agents can write, as real paths. */
  agentPlaces: readonly string[];
}

export type SandboxName = Setting | "shared" | "own";

/** Runs the rows that belong in one of the sandboxes: the settings of a policy, and the two without walls. */
export function runSandbox(run: CheckRun, name: SandboxName, rows: readonly Row[]): Promise<ProbeRun> {
  return name === "shared" || name === "own" ? runControls(run, name, rows) : runSetting(run, name, rows);
}

/** The sandboxes that rows need. */
export function sandboxesOf(rows: readonly Row[]): SandboxName[] {
  const names = rows.flatMap(({ setting = "policy", control }) =>
    control === "shared" || control === "own" ? [setting, control] : [setting],
  );
  return [...new Set(names)];
}

function runSetting(run: CheckRun, setting: Setting, rows: readonly Row[]): Promise<ProbeRun> {
  const { here, ownPolicy, ownCredentials, home, gaps } = run;
  const mine = rows.filter((row) => (row.setting ?? "policy") === setting);
  const jobs = mine.flatMap(({ id, control }) => [
    { id, as: "attempt" as const },
    ...(typeof control === "function" ? [{ id, as: "control" as const }] : []),
  ]);
  const isOwnHome = setting === "own-home";
  const setup = {
    ...setupOf(run, here, settingPolicy(setting, isOwnHome ? ownPolicy : here.policy)),
    ...(setting === "small" ? { quotas: SMALL_QUOTAS } : {}),
  };
  const { agentDir: _, sessionDir: __, ...withoutAgent } = setup;
  const inside = { ...here.standIns.inside, ownCredentials };
  return start(run, here, inside, {
    setup: isOwnHome ? { ...withoutAgent, home } : setup,
    without: mergeGaps(settingGaps(setting), gaps),
    rows: jobs,
  });
}

function runControls(run: CheckRun, network: "shared" | "own", rows: readonly Row[]): Promise<ProbeRun> {
  const { there } = run;
  const policy: SandboxPolicy = {
    ...there.policy,
    isolatePid: true,
    read: ["/"],
    network: { kind: network === "shared" ? "open" : "none" },
  };
  return start(run, there, there.standIns.inside, {
    setup: setupOf(run, there, policy),
    without: noWalls(network, there.standIns.places.root),
    rows: rows.filter(({ control }) => control === network).map(({ id }) => ({ id, as: "attempt" })),
  });
}

function setupOf(
  { agentPlaces }: CheckRun,
  { standIns, cwd }: Place,
  policy: SandboxPolicy,
): RunnerJob["setup"] {
  const { places, inside } = standIns;
  return {
    policy,
    workspace: places.workspace,
    home: places.home,
    protect: policyPlaces(inside.policyFiles, {
      cwd,
      workspace: places.workspace,
      writable: policy.allowWrite,
    }),
    programs: [],
    agentPlaces: [...agentPlaces, realPath(places.workspace), realPath(places.sessionDir)],
    agentDir: { path: places.agentDir, hide: ["auth.json", "sessions", SANDBOXED_SESSIONS], replace: {} },
    sessionDir: places.sessionDir,
  };
}

function start(
  { env }: CheckRun,
  { standIns, runtimeDir }: Place,
  inside: Inside,
  job: { setup: RunnerJob["setup"]; without: CheckGaps; rows: RunnerJob["job"]["rows"] },
): Promise<ProbeRun> {
  const { setup, without, rows } = job;
  const { isolatePid, network } = setup.policy;
  const secrets = Object.fromEntries(SECRET_VARIABLES.map((name) => [name, inside.secret]));
  const hasGate = network.kind === "model" || network.kind === "hosts";
  return runProbe(
    {
      setup,
      runtimeDir,
      without,
      gate: hasGate ? gateOf(inside, without.gate === true) : undefined,
      job: { inside, rows },
    },
    {
      environment: { ...env, ...secrets, DBUS_SESSION_BUS_ADDRESS: `unix:path=${inside.sockets.bus}` },
      leftOpen: join(standIns.places.root, "notes"),
      shared: [
        ...(isolatePid && !without.bubblewrap?.includes("pid") ? [] : ["pid"]),
        ...(without.bubblewrap?.includes("ipc") ? ["ipc"] : []),
      ],
    },
  );
}

/** What the check's gate allows: one name, that leads to the stand-in's server, as a provider may on this machine. */
function gateOf({ ports }: Inside, isOpen: boolean): RunnerJob["gate"] {
  const { provider, forbidden, rebound, metadata } = GATE_HOSTS;
  const hosts = [
    { host: provider, port: ports.tcp, named: true },
    { host: rebound, port: ports.tcp, named: isOpen },
    { host: metadata, port: 80, named: isOpen },
    ...(isOpen ? [forbidden, "127.0.0.1"].map((host) => ({ host, port: ports.tcp, named: true })) : []),
  ];
  const local = [provider, forbidden, rebound].map((host) => [host, "127.0.0.1"]);
  return { hosts, addresses: Object.fromEntries([...local, [metadata, METADATA_ADDRESS]]) };
}
