import type { BuildInfo } from "../../core/build-info.ts";
import type { ErrorBody } from "../../core/errors.ts";
import type { Environment, Paths } from "../../core/paths.ts";
import type { ResourceLimits } from "../../core/resource-limits.ts";

/** The pi that a session started from this shell would get, or why there is none. */
export type PiFacts =
  | { path: string; version: string; source: string; reason: string }
  | { error: ErrorBody };

/** The daemon, as far as it could be asked. `get_diagnostics` answers what `running` holds. */
export type DaemonFacts =
  | { state: "absent" }
  | { state: "failed"; error: ErrorBody }
  | {
      state: "running";
      pid: number;
      version: string;
      build: string;
      pi: PiFacts;
      /** Absent where the system doesn't tell. */
      orphans?: { pid: number; daemonPid: number }[] | undefined;
    };

/** What decides which resource limits an agent gets; limits are absent where the system doesn't show them. */
export interface LimitFacts {
  shell?: ResourceLimits | undefined;
  daemon?: ResourceLimits | undefined;
  /** The program that sets them. */
  prlimit?: string | undefined;
}

/** Everything the checks need; they look at nothing else but the files that these name. */
export interface DoctorFacts {
  /** Of the shell that asks. */
  env: Environment;
  cwd: string;
  paths: Paths;
  /** The Node that runs pictl, as `process.versions.node` and `process.execPath`. */
  node: { version: string; path: string };
  /** This pictl. */
  own: BuildInfo;
  /** Directory of its package. */
  package: string;
  /** In which sandboxed agents can write, as real paths. */
  agentPlaces: readonly string[];
  daemon: DaemonFacts;
  limits: LimitFacts;
}
