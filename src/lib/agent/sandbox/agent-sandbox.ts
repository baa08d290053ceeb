import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { SandboxProfile } from "../../core/choices.ts";
import type { PictlError } from "../../core/errors.ts";
import type { Environment } from "../../core/paths.ts";
import { bubblewrapFailure } from "../../sandbox/bubblewrap/find-bubblewrap.ts";
import type { SandboxPlan } from "../../sandbox/plan.ts";
import { Sandbox } from "../../sandbox/sandbox.ts";
import type { CompileCache } from "./compile-cache.ts";

/** The sandbox of one agent. */
export class AgentSandbox {
  readonly profile: SandboxProfile;
  readonly #sandbox: Sandbox;

  /**
   * @param marks of the agent, by which what it starts is found again
   * @throws PictlError SANDBOX_UNAVAILABLE
   */
  constructor(
    plan: SandboxPlan,
    environment: Environment,
    marks: Environment,
    { runtimeDir, compileCache }: { runtimeDir: string; compileCache: CompileCache | undefined },
  ) {
    const { policy, workspace, home, agentDir, sessionDir, policyFiles, programs } = plan;
    this.profile = policy.profile;
    // pi makes them when it needs them; a mount needs them before.
    for (const directory of [agentDir, sessionDir]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#sandbox = new Sandbox({
      policy,
      workspace,
      home,
      environment,
      ownVariables: { ...marks, ...compileCache?.variables },
      ...(compileCache && { elsewhere: compileCache.mounts }),
      runtimeDir,
      protect: policyFiles,
      programs,
      wayOut: undefined,
      agentDir: { path: agentDir, hide: ["auth.json", "sessions"], replace: {} },
      sessionDir,
    });
  }

  spawn(command: readonly string[], cwd: string): ChildProcess {
    return this.#sandbox.spawn(command, cwd, ["pipe", "pipe", "pipe"]);
  }

  /** What bubblewrap said, when it is the reason why the agent didn't start. */
  startFailure(stderr: string): PictlError | undefined {
    return bubblewrapFailure(stderr);
  }

  async close(): Promise<void> {
    await this.#sandbox.close();
  }
}
