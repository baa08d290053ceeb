import { join } from "node:path";
import type { Environment, Paths } from "../../core/paths.ts";
import type { SessionOptions } from "../../protocol/session.ts";
import { planSandbox, type SandboxPlan } from "../../sandbox/plan.ts";
import type { PiCommand } from "../pi/pi-command.ts";
import { AgentSandbox } from "./agent-sandbox.ts";
import { CompileCaches } from "./compile-cache.ts";

export type { SandboxPlan } from "../../sandbox/plan.ts";

export interface AgentPlaces {
  cwd: string;
  agentDir: string;
  sessionDir: string;
}

/** Makes the sandboxes of a daemon's agents. */
export class AgentSandboxes {
  readonly #paths: Paths;
  readonly #compileCaches: CompileCaches;

  /** @param extensionFile of the scripted model */
  constructor(paths: Paths, extensionFile: string) {
    this.#paths = paths;
    this.#compileCaches = new CompileCaches(join(paths.stateDir, "compile-cache"), extensionFile);
  }

  /**
   * The sandbox that a session's agent has to run in.
   *
   * @param args of pi
   * @returns undefined where none was asked for
   * @throws PictlError INVALID_CONFIG, SANDBOX_REQUIRED, SANDBOX_UNAVAILABLE
   */
  async plan(
    options: SessionOptions,
    places: AgentPlaces,
    environment: Environment,
    pi: PiCommand,
    args: readonly string[],
  ): Promise<SandboxPlan | undefined> {
    return await planSandbox({
      profile: options.sandbox,
      refused: options.noSandbox,
      ...places,
      environment,
      paths: this.#paths,
      command: pi.argv,
      words: args,
    });
  }

  /**
   * @param marks of the agent, by which what it starts is found again
   * @throws PictlError SANDBOX_UNAVAILABLE
   */
  open(plan: SandboxPlan, pi: PiCommand, environment: Environment, marks: Environment): AgentSandbox {
    const compileCache = this.#compileCaches.of(pi, environment);
    return new AgentSandbox(plan, environment, marks, { runtimeDir: this.#paths.runtimeDir, compileCache });
  }

  /** Resolves when nothing is done for sandboxes to come any more. Bounded. */
  async settled(): Promise<void> {
    await this.#compileCaches.settled();
  }
}
