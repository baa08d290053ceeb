import type { BubblewrapPart } from "../bubblewrap/arguments.ts";
import type { MountPart } from "../bubblewrap/mounts.ts";
import type { SeccompRule } from "../bubblewrap/seccomp.ts";
import type { SandboxPolicy } from "../policy/policy.ts";

/** What one attempt came to, as the probe sees it. */
export interface Attempt {
  /** Whether it got what it wanted. Where a row looks from outside, that decides. */
  through: boolean;
  /** One line for people: an errno, what was read, how far it got. */
  seen: string;
  /** Its time ran out, so that nobody knows whether it would have come through. */
  late?: true | undefined;
  /** What was read, for those who compare it outside. */
  data?: string | undefined;
}

/** What an attempt has to know of the stand-ins: plain JSON, the same paths inside and outside. */
export interface Inside {
  /** Of the row that is tried. */
  id: string;
  workspace: string;
  home: string;
  agentDir: string;
  /** Session files of another project, and of two other sessions of this one. */
  otherSessions: { ofOtherProject: string; unsandboxed: string; sandboxed: string };
  /** Writable by the user, beside the workspace. */
  outside: string;
  /** /etc, or a stand-in where it may be written. */
  etc: string;
  /** pictl's own directories: `config`, `run`. */
  pictl: string;
  policyFiles: readonly string[];
  /** Text that stands for every secret, new for each stand-in. */
  secret: string;
  hostProcess: { pid: number; marker: string };
  setuidProgram: string | undefined;
  ports: { tcp: number; tcp6: number | undefined; tcpAddress: string | undefined; udp: number };
  sockets: { docker: string; bus: string; daemon: string; abstract: string };
  /** A Unix socket for datagrams, in the workspace. */
  datagrams: string;
  limits: { maxProcesses: number; maxOpenFiles: number; maxMemory: number; tmpSize: number };
  node: string;
  /** What the shell before the probe saw open, from /proc. */
  descriptors: string;
  /** Credentials of the user's own that exist; only for rows of the own home. */
  ownCredentials: readonly string[];
}

/** What was seen from outside, after the probe has ended. */
export interface Outside {
  inside: Inside;
  /** Which rows' messages a listening stand-in has got. */
  received: ReadonlySet<string>;
  isHostProcessAlive(): boolean;
  /** Where the sandbox can write, as pictl notes it before a start; none where nobody has noted it. */
  agentPlaces: readonly string[];
  /** Files that `pictl sandbox review` shows; none where nobody has looked before. */
  reviewed: ReadonlySet<string>;
}

/** What decides whether something is promised. */
export interface Facts {
  policy: SandboxPolicy;
  inside: Inside;
  root: boolean;
  hasControlGroup: boolean;
  hasFilter: boolean;
}

/**
 * The sandboxes that rows are tried in: the policy's own; the same without its seccomp filter, to see what is behind
 * that; one with small limits, so that reaching them harms nobody; one with the user's real home.
 */
export type Setting = "policy" | "no-filter" | "small" | "own-home";

/** Parts whose removal lets an attempt through. */
export interface Guard {
  bubblewrap?: readonly BubblewrapPart[];
  seccomp?: readonly SeccompRule[];
  mounts?: readonly MountPart[];
  environment?: true;
  /** What pictl itself inherited is closed to the sandbox. */
  descriptors?: true;
  /** The gate's rules. */
  gate?: true;
  /** Everything but the workspace is mounted read-only, or not at all. */
  readOnly?: true;
  /** What pictl looks at outside when the sandbox has ended. */
  afterwards?: true;
  /** What can't be taken away. */
  always?: string;
}

export interface Row {
  id: string;
  /** Files, environment, sockets, … */
  concern: string;
  /** Completes "tried: …". */
  tried: string;
  setting?: Setting;
  guard: Guard;
  /** Whether the policy promises that it fails, or why it doesn't. */
  promised(facts: Facts): true | string;
  attempt(inside: Inside): Attempt | Promise<Attempt>;
  /** What shows outside that it went through; without it the probe's word counts. */
  cameThrough?(outside: Outside, attempt: Attempt): boolean;
  /**
   * The same attempt where it is allowed: in a sandbox without walls (`shared` has the host's network, `own` one of its
   * own), outside of any, or on a target within reach.
   */
  control: "shared" | "own" | "outside" | ((inside: Inside) => Attempt | Promise<Attempt>);
  /** The machine's own setting that may refuse it to everybody, so that nothing is left to show. */
  machineMayRefuse?: string;
}

/** Runs something that throws Node's system errors when it is refused. */
export async function attempt(run: () => string | undefined | Promise<string | undefined>): Promise<Attempt> {
  try {
    const data = await run();
    return { through: true, seen: "succeeded", data };
  } catch (error) {
    return { through: false, seen: reasonOf(error) };
  }
}

/** The errno of a system error, else its first line. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";
}

/** What came of an attempt that got no answer in its time. */
export const NO_ANSWER: Attempt = { through: false, seen: "no answer in time", late: true };

/** Whether what was read is what stands there outside. */
export function readSecret({ inside }: Outside, { data }: Attempt): boolean {
  return data?.includes(inside.secret) === true;
}
