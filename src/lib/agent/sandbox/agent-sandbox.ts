import type { ChildProcess } from "node:child_process";
import type { SandboxProfile } from "../../core/choices.ts";
import type { PictlError } from "../../core/errors.ts";
import type { SandboxPlan } from "../../sandbox/plan.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";

/** The sandbox of one agent. */
export class AgentSandbox {
  readonly profile: SandboxProfile;
  /** Where the sessions of its agent are. */
  readonly sessionDir: string | undefined;
  /** The session that its agent holds, for the records of the gate. */
  session: string | undefined;
  readonly #sandbox: Sandbox;

  constructor({ policy, sessionDir }: Pick<SandboxPlan, "policy" | "sessionDir">, sandbox: Sandbox) {
    this.profile = policy.profile;
    this.sessionDir = sessionDir;
    this.#sandbox = sandbox;
  }

  spawn(command: readonly string[], cwd: string): ChildProcess {
    return this.#sandbox.spawn(command, cwd, ["pipe", "pipe", "pipe"]);
  }

  /** What bubblewrap said, when it is the reason why the agent didn't start. */
  startFailure(stderr: string): PictlError | undefined {
    return this.#sandbox.failure(stderr);
  }

  async close(): Promise<void> {
    await this.#sandbox.close();
  }
}
