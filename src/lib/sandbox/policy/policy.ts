import type { SandboxProfile } from "../../core/choices.ts";

/** A policy in full: what holds for one agent. All paths absolute, `~` expanded; symlinks are resolved by whoever enforces it. */
export interface SandboxPolicy {
  enabled: boolean;
  profile: SandboxProfile;
  /** Roots that can be read. ["/"] for minimal and development; system directories only for strict. */
  read: string[];
  /** "read": the home as far as `read` and `denyRead` go; "empty": an empty home of its own. */
  home: "read" | "empty";
  denyRead: string[];
  /** Roots that can be written beside the workspace. "/tmp" means the sandbox's own /tmp. */
  allowWrite: string[];
  network: NetworkPolicy;
  isolatePid: boolean;
  /** Never 0: there is always a bound. */
  maxProcesses: number;
  /** Of each process; what the starter itself may have open where that is less. */
  maxOpenFiles: number;
  /** Bytes per process tree where a cgroup can be made, else per process. */
  maxMemory: number;
  /** Bytes of /tmp and the empty home. */
  tmpSize: number;
  /** Names of variables that pass beside the agent's own needs. */
  env: string[];
  /** Providers that the gate can't serve, whose credentials are let in. */
  exposeCredentials: string[];
  /** Whether `--no-sandbox` is allowed although `enabled`. Only the user's file may set it. */
  allowNoSandbox: boolean;
}

/** "model" is the hosts of the session's provider; "hosts" is those and the named ones. */
export type NetworkPolicy =
  | { kind: "none" }
  | { kind: "model" }
  | { kind: "hosts"; allow: HostRule[] }
  | { kind: "open" };

export interface HostRule {
  /** Exact, or "*.suffix". */
  host: string;
  /** Without it, 443 and 80. */
  port?: number;
}
