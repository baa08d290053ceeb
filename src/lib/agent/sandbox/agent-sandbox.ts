import type { ChildProcess } from "node:child_process";
import type { SandboxProfile } from "../../core/choices.ts";
import type { PictlError } from "../../core/errors.ts";
import type { ChildSetting } from "../../core/inherited.ts";
import { mountPointsBelow } from "../../sandbox/bubblewrap/mount-points.ts";
import { gitPaths, isUnheld, outsideGitPaths } from "../../sandbox/git-directory.ts";
import { type SandboxPlan, workspacePlaces } from "../../sandbox/plan.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";

/** The sandbox of one agent. */
export class AgentSandbox {
  readonly profile: SandboxProfile;
  /** Where its agent keeps its session's file. */
  readonly sessionDir: string | undefined;
  /** What the user may want to know of its policy. */
  readonly warnings: readonly string[];
  /** The session that its agent holds, for the records of the gate. */
  session: string | undefined;
  readonly #sandbox: Sandbox;
  /** The workspace, and its git directory where that is elsewhere. */
  readonly places: readonly string[];
  readonly #workspace: string;
  readonly #git: SandboxPlan["git"];
  /** What is mounted in the workspace since the agent's start. */
  #held: ReadonlySet<string> = new Set();

  constructor(
    plan: Pick<SandboxPlan, "policy" | "sessionDir" | "warnings" | "workspace" | "git">,
    sandbox: Sandbox,
  ) {
    this.warnings = plan.warnings;
    this.profile = plan.policy.profile;
    this.sessionDir = plan.sessionDir;
    this.#sandbox = sandbox;
    this.places = workspacePlaces(plan);
    this.#workspace = plan.workspace;
    this.#git = plan.git;
  }

  /** @param setting umask and limits that bubblewrap, and so the agent, gets */
  spawn(command: readonly string[], cwd: string, setting: ChildSetting | undefined): ChildProcess {
    return this.#sandbox.spawn(command, cwd, ["pipe", "pipe", "pipe"], { setting });
  }

  /** What bubblewrap said, when it is the reason why the agent didn't start. */
  startFailure(stderr: string): PictlError | undefined {
    return this.#sandbox.failure(stderr);
  }

  /** @param pid of the agent, which has just become ready */
  started(pid: number): void {
    this.#held = mountPointsBelow(pid, this.places);
  }

  /**
   * Whether something in the workspace isn't held read-only, or covered, any more: the kernel takes a mount away when
   * what it is on is replaced outside, as `git config` does with `.git/config`. Or something isn't held yet, since the
   * repository, or a submodule, was made meanwhile.
   */
  isExposed(pid: number): boolean {
    const held = mountPointsBelow(pid, this.places);
    if ([...this.#held].some((path) => !held.has(path))) return true;
    const outside = this.#git === undefined ? [] : [outsideGitPaths(this.#git)];
    return [gitPaths(this.#workspace), ...outside].some((git) => isUnheld(git, held));
  }

  async close(): Promise<void> {
    await this.#sandbox.close();
  }
}
