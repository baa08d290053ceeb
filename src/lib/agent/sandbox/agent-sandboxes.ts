import { join } from "node:path";
import { PictlError } from "../../core/errors.ts";
import { agentPlaces } from "../../core/outside/agent-places.ts";
import { outsideEnvironment } from "../../core/outside/environment.ts";
import type { Environment, Paths } from "../../core/paths.ts";
import { limitsOf } from "../../core/resource-limits.ts";
import type { SessionOptions } from "../../protocol/session.ts";
import { AccessLog } from "../../sandbox/gate/access-log.ts";
import { type PromisedPolicy, planSandbox, type SandboxPlan, writablePlaces } from "../../sandbox/plan.ts";
import type { PiCommand } from "../pi/pi-command.ts";
import { runBriefly } from "../pi/run-briefly.ts";
import { AgentSandbox } from "./agent-sandbox.ts";
import { CompileCaches } from "./compile-cache.ts";

export {
  type PromisedPolicy,
  type SandboxPlan,
  withProgram,
  workspacePlaces,
  writablePlaces,
} from "../../sandbox/plan.ts";

/** `pi auth` may have to refresh a login over the network. */
const PI_TIMEOUT_MS = 60_000;

export interface AgentPlaces {
  cwd: string;
  agentDir: string;
  /** Where it is to keep its session's file; undefined where it keeps none. */
  sessionDir: string | undefined;
  /** Whether it has one in any case. */
  always?: boolean | undefined;
  /** What its session was promised. */
  promised: PromisedPolicy | undefined;
}

/** Makes the sandboxes of a daemon's agents. */
export class AgentSandboxes {
  readonly #paths: Paths;
  readonly #maxAgents: number;
  readonly #accessLog: AccessLog;
  readonly #compileCaches: CompileCaches;

  /**
   * @param extensionFile of the scripted model
   * @param maxAgents that may live at once
   */
  constructor(paths: Paths, extensionFile: string, maxAgents: number) {
    this.#paths = paths;
    this.#maxAgents = maxAgents;
    this.#accessLog = new AccessLog(paths.sandboxLog);
    this.#compileCaches = new CompileCaches(join(paths.stateDir, "compile-cache"), extensionFile);
  }

  /**
   * The sandbox that a session's agent has to run in.
   *
   * @returns undefined where none was asked for
   * @throws PictlError INVALID_CONFIG, SANDBOX_REQUIRED, SANDBOX_UNAVAILABLE
   */
  async plan(
    options: SessionOptions,
    places: AgentPlaces,
    environment: Environment,
  ): Promise<SandboxPlan | undefined> {
    return await planSandbox({
      profile: options.sandbox,
      refused: options.noSandbox,
      ofSession: true,
      ...places,
      environment,
      paths: this.#paths,
    });
  }

  /**
   * @param marks of the agent, by which what it starts is found again
   * @param model of the session, as far as it is known
   * @throws PictlError SANDBOX_UNAVAILABLE, SANDBOX_PROVIDER
   */
  async open(
    plan: SandboxPlan,
    pi: PiCommand,
    {
      environment,
      marks,
      model,
    }: { environment: Environment; marks: Environment; model: string | undefined },
  ): Promise<AgentSandbox> {
    const places = agentPlaces(this.#paths.agentPlaces);
    const outside = outsideEnvironment(environment, [...places, ...writablePlaces(plan)]);
    const compiled = this.#compileCaches.of(pi, outside);
    // The gate and all it needs: a daemon without a sandbox starts without them.
    const [{ openSandbox }, { connectionsPerGate }] = await Promise.all([
      import("../../sandbox/open-sandbox.ts"),
      import("../../sandbox/gate/limits.ts"),
    ]);
    const sandbox = await openSandbox(plan, {
      environment,
      agentPlaces: places,
      ownVariables: { ...marks, ...compiled?.variables },
      runtimeDir: this.#paths.runtimeDir,
      ...(compiled && { elsewhere: compiled.mounts }),
      model: {
        id: model,
        piVersion: pi.version,
        runPi: async (args) => await this.#runPi(pi, args, outside),
      },
      maxConnections: connectionsPerGate(limitsOf("self")?.nofile?.[0] ?? null, this.#maxAgents),
      onLog: (record) => {
        const { session } = opened;
        this.#accessLog.write(session === undefined ? record : { ...record, session });
      },
    });
    const opened = new AgentSandbox(plan, sandbox);
    return opened;
  }

  async #runPi({ argv }: PiCommand, args: readonly string[], environment: Environment): Promise<string> {
    const run = await runBriefly([...argv, ...args], environment, PI_TIMEOUT_MS);
    const { stdout, stderr, ended, timedOut } = run;
    if (timedOut) {
      const message = `pi ${args.slice(0, 2).join(" ")} did not end within ${PI_TIMEOUT_MS / 1000} s`;
      throw new PictlError("TIMEOUT", message, { retryable: true });
    }
    if (ended === "with exit code 0") return stdout;
    throw new Error(`pi ${args.slice(0, 2).join(" ")} ended ${ended}: ${stderr.trim()}`);
  }

  /** Resolves when nothing is done for sandboxes to come any more. Bounded. */
  async settled(): Promise<void> {
    await this.#compileCaches.settled();
    this.#accessLog.flush();
  }
}
