import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outsideEnvironment } from "../core/outside/environment.ts";
import type { Environment } from "../core/paths.ts";
import { SANDBOXED_SESSIONS } from "../core/session-files/locate.ts";
import { Gate } from "./gate/gate.ts";
import { readCredentials, readModels } from "./gate/providers/pi-files.ts";
import { planProviders, requireServed } from "./gate/providers/plan.ts";
import { runCommand } from "./gate/providers/run-command.ts";
import { secretVariables } from "./gate/providers/secret-variables.ts";
import type { GateRecord } from "./gate/record.ts";
import { GATE_PORT } from "./gate-port.ts";
import { sandboxDirectory } from "./own-places.ts";
import { type SandboxPlan, writablePlaces } from "./plan.ts";
import { Sandbox, type SandboxSetup } from "./sandbox.ts";

export interface OpenOptions {
  /** The caller's. */
  environment: Environment;
  /** In which other agents can write, as real paths: nothing from there runs outside. */
  agentPlaces: readonly string[];
  /** Set inside whatever the policy lets pass. */
  ownVariables?: Environment;
  /** Private directory, in which the sandbox gets one of its own. Undefined: nothing is to run in it, nor is anything written. */
  runtimeDir: string | undefined;
  elsewhere?: SandboxSetup["elsewhere"];
  /** What pi inside is going to need of a provider; undefined: nothing, and no provider's host can be reached. */
  model?:
    | { id: string | undefined; piVersion: string; runPi: (args: string[]) => Promise<string> }
    | undefined;
  /** From inside at once; without it as many as a gate has by itself. */
  maxConnections?: number;
  onLog: (record: GateRecord) => void;
}

/** Of pi's directory: what holds credentials, the sessions, and what pictl keeps of these. */
const HIDDEN = ["auth.json", "models.json", "sessions", SANDBOXED_SESSIONS, "pictl"];

/**
 * Makes a sandbox with its way out: the gate, and pi's directory as it is seen inside, where what leads to a provider
 * leads to the gate, and no credential is.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE, SANDBOX_PROVIDER
 */
export async function openSandbox(plan: SandboxPlan, options: OpenOptions): Promise<Sandbox> {
  const { policy, workspace, home, agentDir, policyFiles, programs } = plan;
  const { environment, runtimeDir, model } = options;
  const agentPlaces = [...options.agentPlaces, ...writablePlaces(plan)];
  const providers =
    model === undefined
      ? undefined
      : planProviders({
          agentDir,
          env: environment,
          model: model.id,
          expose: policy.exposeCredentials,
          wantedEnv: policy.env,
          piVersion: model.piVersion,
          runPi: model.runPi,
          runCommand: async (command, env) => await runCommand(command, outsideEnvironment(env, agentPlaces)),
        });
  if (providers !== undefined && policy.network.kind !== "none") requireServed(providers);
  const gate =
    policy.network.kind === "none"
      ? undefined
      : new Gate({
          network: policy.network,
          providers: providers?.gateProviders ?? [],
          hosts: providers?.hosts ?? [],
          onLog: options.onLog,
          ...(options.maxConnections === undefined
            ? {}
            : { limits: { maxConnections: options.maxConnections } }),
        });
  const dir = runtimeDir === undefined ? undefined : sandboxDirectory(runtimeDir);
  try {
    const port = policy.network.kind === "open" && gate !== undefined ? await gate.listen() : GATE_PORT;
    const replace: Record<string, string> = {};
    if (providers !== undefined && dir !== undefined) {
      replace["models.json"] = join(dir, "models.json");
      const text = providers.modelsJson({ port, token: gate?.token ?? "" });
      writeFileSync(replace["models.json"], text, { mode: 0o600 });
    }
    const secrets = new Set(providers?.secretEnv ?? ownSecrets(plan, environment));
    const harmless = Object.entries(environment).filter(([name]) => !secrets.has(name));
    return new Sandbox({
      policy: {
        ...policy,
        denyRead: [...policy.denyRead, ...plan.otherSessions],
        env: [...policy.env, ...(providers?.exposedEnv ?? [])],
      },
      workspace,
      git: plan.git,
      home,
      environment: Object.fromEntries(harmless),
      // A link that leads there may not be inside.
      ownVariables: { HOME: home, ...providers?.env, ...options.ownVariables },
      agentPlaces,
      dir,
      protect: policyFiles,
      programs,
      wayOut: gate,
      // pi: its port is open long before it asks a model for anything.
      startsMeanwhile: model !== undefined,
      agentDir: { path: agentDir, hide: HIDDEN, replace },
      sessionDir: plan.sessionDir,
      ...(options.elsewhere === undefined ? {} : { elsewhere: options.elsewhere }),
    });
  } catch (error) {
    await gate?.close();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** What doesn't pass to a program without a model either. */
function ownSecrets({ agentDir, policy }: SandboxPlan, environment: Environment): string[] {
  const files = { models: readModels(agentDir), stored: readCredentials(agentDir) };
  return secretVariables(environment, files, policy.env);
}
