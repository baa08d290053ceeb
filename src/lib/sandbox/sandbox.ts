import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:net";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { contains } from "../core/contains.ts";
import { PictlError, toPictlError } from "../core/errors.ts";
import { type ChildSetting, withUmask } from "../core/inherited.ts";
import { startProgram } from "../core/outside/start-program.ts";
import { packagePlace } from "../core/package-place.ts";
import { type Environment, ensurePrivateDir } from "../core/paths.ts";
import { realPath } from "../core/real-path.ts";
import {
  type BubblewrapPart,
  PERMIT_FD,
  QUOTA_FD,
  STATUS_FD,
  sandboxCommand,
} from "./bubblewrap/arguments.ts";
import { findExchangedMount, sourcesOf } from "./bubblewrap/exchanged-mounts.ts";
import { bubblewrapFailure, findBubblewrap } from "./bubblewrap/find-bubblewrap.ts";
import { rootOnlyKernelFiles } from "./bubblewrap/kernel-files.ts";
import { mountsOf } from "./bubblewrap/mount-points.ts";
import { type MountPart, mountArguments, type View } from "./bubblewrap/mounts.ts";
import { type ControlGroup, createControlGroup } from "./bubblewrap/process-limits.ts";
import { type SeccompRule, seccompFilter } from "./bubblewrap/seccomp.ts";
import { type UserQuota, userQuotas } from "./bubblewrap/user-quotas.ts";
import { sandboxEnvironment } from "./environment.ts";
import { gitPaths, keepGitFiles, outsideGitPaths, refuseLinkedGit } from "./git-directory.ts";
import { pipesOfPrograms } from "./named-pipes.ts";
import { type OutsideGit, writableGit } from "./outside-git.ts";
import { ownCaches } from "./own-caches.ts";
import { controlGroupName } from "./own-places.ts";
import { exchangedPlace, refusePlantedLinks } from "./planted-links.ts";
import type { SandboxPolicy } from "./policy/policy.ts";

/** A killed sandbox's processes are gone from its control group a moment after its first one. */
const GROUP_EMPTY_MS = 2_000;
const GROUP_POLL_MS = 20;

/** Making one takes some 10 ms. A file system that doesn't answer would hold it for ever. */
const MAKING_MS = 30_000;

/**
 * Variables that the dynamic linker and the C library obey. bubblewrap itself runs outside, and would load from
 * directories that an agent can write what a policy lets in for the agent alone.
 */
const LINKER_VARIABLES = /^(LD_\w*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH)$/;

/** What takes over the port that a sandbox's way out begins with. */
export interface WayOut {
  /** A listening socket of the sandbox's network, whose connections are accepted outside. */
  serve(server: Server): void;
  close(): Promise<void>;
}

export interface SandboxSetup {
  policy: SandboxPolicy;
  /** The one place that can be written, whatever the policy says. */
  workspace: string;
  /** The git directory of a workspace that is a linked worktree or a submodule. */
  git?: OutsideGit | undefined;
  home: string;
  /** The caller's; what of it passes is the policy's to say. */
  environment: Environment;
  /** Set inside whatever the policy lets pass. */
  ownVariables?: Environment;
  /** In which sandboxed agents can write, this one among them: bubblewrap isn't taken from there. */
  agentPlaces: readonly string[];
  /**
   * Private directory of its own, from `sandboxDirectory`. It ends with the sandbox, and isn't seen inside. Without it
   * nothing can be started, and the command line is only to be shown.
   */
  dir: string | undefined;
  /** Files and directories that are read-only inside: those of the policy itself, from `policyPlaces`. */
  protect: readonly string[];
  /** Programs and packages that must be readable: Node, pi, pictl. */
  programs: readonly string[];
  /** The gate; undefined where the policy allows no network at all. */
  wayOut: WayOut | undefined;
  /** Whether programs start while the gate's port is being opened: those that take longer than that before they connect. */
  startsMeanwhile?: boolean;
  agentDir?: View["agentDir"];
  sessionDir?: string | undefined;
  elsewhere?: View["elsewhere"];
  /** Lower ones than usual of what {@link userQuotas} bounds. */
  quotas?: Readonly<Record<string, number>>;
  /** Parts to leave out; for tests that show what each is for. */
  without?: SandboxGaps | undefined;
}

/** What a sandbox is made without, to show that something notices. */
export interface SandboxGaps {
  bubblewrap?: readonly BubblewrapPart[];
  /** "filter": none at all. */
  seccomp?: readonly (SeccompRule | "filter")[];
  mounts?: readonly MountPart[];
  /** The caller's environment passes whole. */
  environment?: boolean;
  /** What this process was given by whoever started it is given on. */
  descriptors?: boolean;
  /** Can be written whatever the policy says, in place of everything else that is mounted there. */
  open?: readonly string[];
}

/** One place in which programs run under a policy: an agent's, or a command's. */
export class Sandbox {
  readonly #setup: SandboxSetup;
  readonly #bubblewrap: string;
  readonly #filter: Buffer | undefined;
  readonly #quotas: readonly UserQuota[];
  #group: ControlGroup | undefined;
  /** What bubblewrap tells of the program that was started last. */
  #status: Readable | undefined;
  /** Whether that was run, and has ended. */
  #ran = false;
  /** What it was to have mounted. */
  #mounted: readonly string[] = [];
  /** Why it was not permitted to run. */
  #refusal: PictlError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Prepares a sandbox; nothing runs in it yet.
   *
   * @throws PictlError SANDBOX_UNAVAILABLE
   */
  constructor(setup: SandboxSetup) {
    this.#setup = setup;
    // Where processes of the machine are seen, /proc is the machine's own and read-only.
    const hasQuotas =
      setup.policy.isolatePid &&
      !setup.without?.bubblewrap?.some((part) => part === "quotas" || part === "pid");
    this.#quotas = hasQuotas ? userQuotas(setup.quotas) : [];
    this.#bubblewrap = findBubblewrap(setup.environment, setup.agentPlaces);
    refuseLinkedGit(setup.workspace);
    const without = setup.without?.seccomp ?? [];
    if (without.includes("filter")) return;
    this.#filter = seccompFilter(
      process.arch,
      without.filter((rule) => rule !== "filter"),
    );
    if (this.#filter !== undefined) return;
    throw new PictlError(
      "SANDBOX_UNAVAILABLE",
      `There is no filter of system calls for ${process.arch} yet.`,
      {
        hint: "Sandboxes work on x64 and arm64.",
        details: { architecture: process.arch },
      },
    );
  }

  /** Why the program was ended before it ran: what was mounted isn't what was checked. */
  get refusal(): PictlError | undefined {
    return this.#refusal;
  }

  /**
   * Why there is no sandbox, or undefined when there was one: what a program inside says of itself may be the same.
   *
   * @param stderr what was printed until the child's streams have closed
   */
  failure(stderr: string): PictlError | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    const failure = this.#ran ? undefined : bubblewrapFailure(stderr);
    return failure && (plantedIn(this.#mounted, this.#setup.agentPlaces) ?? failure);
  }

  /** Resolves when bubblewrap has told all it has to tell: before that nobody knows whether a program was run. */
  async statusTold(): Promise<void> {
    if (this.#status !== undefined) await finished(this.#status);
  }

  /**
   * bubblewrap writes first which process it has made, then how a program has ended, and not that where it couldn't
   * start it. Source: bwrap(1).
   *
   * @returns the process inside; never resolves where there is none
   */
  #watchStatus(status: Readable): Promise<number> {
    this.#status = status;
    this.#ran = false;
    this.#refusal = undefined;
    return new Promise((resolve) => {
      status.on("data", (chunk: Buffer) => {
        const pid = /"child-pid": *(\d+)/.exec(chunk.toString("latin1"))?.[1];
        if (pid !== undefined) resolve(Number(pid));
        this.#ran ||= chunk.includes("exit-code");
      });
    });
  }

  /** Permits the program to run once what was mounted is what was asked for, and else ends it. */
  #permit(child: ChildProcess, channel: Duplex, inside: Promise<number>, mounts: readonly string[]): void {
    const { agentPlaces } = this.#setup;
    const refuse = (error: PictlError) => {
      this.#refusal ??= error;
      child.kill("SIGKILL");
    };
    const limit = setTimeout(() => refuse(tooLate()), MAKING_MS);
    child.once("error", () => clearTimeout(limit));
    child.once("exit", () => {
      clearTimeout(limit);
      // Where bubblewrap was ended while it made its copy inside, that one isn't tied to it yet: it waits here, and hears now
      // that nobody will permit it.
      channel.destroy();
    });
    // It ended, which its own end tells.
    channel.on("error", () => undefined);
    channel.once("data", async () => {
      const pid = await inside;
      clearTimeout(limit);
      try {
        refuseExchangedMounts(mounts, pid, agentPlaces);
        channel.end("\n");
      } catch (error) {
        refuse(toPictlError(error));
      }
    });
  }

  /** Whether all its processes are counted together, or each by itself. */
  get hasControlGroup(): boolean {
    return this.#group !== undefined;
  }

  /**
   * The command line that {@link spawn} runs, as far as it can be told beforehand.
   *
   * @throws PictlError SANDBOX_CHANGED
   */
  arguments(
    command: readonly string[],
    cwd: string,
    setting?: ChildSetting,
    mounts: readonly string[] = this.#mounts(),
  ): string[] {
    const { policy, wayOut, startsMeanwhile, without } = this.#setup;
    return sandboxCommand({
      bubblewrap: this.#bubblewrap,
      policy,
      mounts,
      cwd: realPath(cwd),
      command,
      setting,
      listener:
        wayOut === undefined || policy.network.kind === "open"
          ? undefined
          : {
              node: process.execPath,
              file: join(
                ownPrograms(),
                packagePlace().fromSource ? "lib/sandbox/inside/listen.ts" : "sandbox-listen.js",
              ),
              when: startsMeanwhile ? "meanwhile" : "before",
            },
      hasFilter: this.#filter !== undefined,
      joins: this.#group?.joins ?? [],
      quotas: this.#quotas.map(({ file }) => file),
      covered: rootOnlyKernelFiles(),
      variables: pick(this.environment, (name) => LINKER_VARIABLES.test(name)),
      without: without?.bubblewrap,
    });
  }

  #mounts(): string[] {
    return [
      ...mountArguments(this.#view()),
      ...(this.#setup.without?.open ?? []).flatMap((path) => ["--bind", path, path]),
    ];
  }

  /** The environment of what runs inside. */
  get environment(): Record<string, string> {
    const { environment, ownVariables, policy, wayOut, without } = this.#setup;
    const proxied = wayOut !== undefined && policy.network.kind !== "open";
    return {
      ...sandboxEnvironment(environment, without?.environment ? Object.keys(environment) : policy.env, {
        proxied,
      }),
      ...(Object.fromEntries(
        Object.entries(ownVariables ?? {}).filter(([, value]) => value !== undefined),
      ) as Record<string, string>),
    };
  }

  /**
   * Starts a program inside, in a process group of its own. The child is bubblewrap: when it ends, all that runs
   * inside has ended.
   *
   * @param stdio of the program: stdin, stdout and stderr. A descriptor must be no file or directory of the host, which
   *   could be opened again inside with other rights; the caller closes it
   * @param options `setting`: umask and limits other than those of this process
   * @throws PictlError SANDBOX_CHANGED; what is found later is told by {@link failure}
   */
  spawn(
    command: readonly string[],
    cwd: string,
    stdio: readonly ["pipe" | "inherit" | number, "pipe" | "inherit" | number, "pipe"],
    { detached = true, setting }: { detached?: boolean; setting?: ChildSetting | undefined } = {},
  ): ChildProcess {
    const { policy, wayOut, dir } = this.#setup;
    if (dir === undefined) throw new Error("a sandbox without a directory of its own can't run anything");
    this.#makePlaces();
    this.#group ??= createControlGroup(controlGroupName(dir), policy);
    const mounts = this.#mounts();
    this.#mounted = mounts;
    const [program = "", ...args] = this.arguments(command, cwd, setting, mounts);
    const listens = wayOut !== undefined && policy.network.kind !== "open";
    const outside = pick(this.environment, (name) => !LINKER_VARIABLES.test(name));
    const filter = this.#openFilter(dir);
    const quotas = this.#quotas.map(({ text }, index) => openText(join(dir, `quota-${index}`), text));
    const nothing = openSync("/dev/null", "r");
    // In the order of the descriptors, and without a hole: Node would close the ranks.
    const channels = [
      ...stdio,
      filter ?? "ignore",
      listens ? "ipc" : "ignore",
      "pipe",
      "pipe",
      ...quotas,
    ] satisfies StdioOptions;
    for (const inherited of this.#setup.without?.descriptors ? [] : inheritedDescriptors()) {
      while (channels.length < inherited) channels.push("ignore");
      if (inherited >= QUOTA_FD + quotas.length) channels[inherited] = nothing;
    }
    try {
      const child = withUmask(setting?.umask, () =>
        startProgram(program, args, { env: outside, stdio: channels, detached }),
      );
      // Its "error" follows.
      if (child.pid === undefined) return child;
      const streams = child.stdio as readonly unknown[];
      const inside = this.#watchStatus(streams[STATUS_FD] as Readable);
      this.#permit(child, streams[PERMIT_FD] as Duplex, inside, mounts);
      if (listens) {
        // Once: the listener inside sends nothing else, and its end is that of the channel. Not disconnect(), after which
        // Node never tells that the child's streams have closed.
        child.once("message", (_message, handle) => {
          if (handle !== undefined) wayOut.serve(handle as Server);
        });
      }
      return child;
    } finally {
      for (const fd of [nothing, ...quotas, ...(filter === undefined ? [] : [filter])]) closeSync(fd);
    }
  }

  /** What a mount needs to be there, and stays: not for a command line that is only shown. */
  #makePlaces(): void {
    const { workspace, git, agentDir, sessionDir } = this.#setup;
    keepGitFiles(workspace, git);
    // pi would make them when it needs them.
    for (const directory of [agentDir?.path, sessionDir])
      if (directory !== undefined) ensurePrivateDir(directory);
  }

  /** Closes the gate and takes away what was made for it. Call it once the child has ended. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#setup.wayOut?.close();
    for (let waited = 0; this.#group?.remove() === false && waited < GROUP_EMPTY_MS; waited += GROUP_POLL_MS)
      await delay(GROUP_POLL_MS);
    if (this.#setup.dir !== undefined) rmSync(this.#setup.dir, { recursive: true, force: true });
  }

  #view(): View {
    const { policy, workspace, git, home, protect, programs, agentDir, sessionDir, elsewhere } = this.#setup;
    const own = gitPaths(workspace);
    const outside = git && outsideGitPaths(git);
    const write = [...policy.allowWrite, ...writableGit(git)];
    const isWritable = (path: string) =>
      [workspace, ...write].some((place) => contains(realPath(place), path));
    // A home that is seen. Pipes where the agent may write are its own to use.
    const pipes = policy.home === "read" ? pipesOfPrograms(realPath(home)) : [];
    return {
      read: policy.read,
      home,
      emptyHome: policy.home === "empty",
      denyRead: [...policy.denyRead, ...pipes.filter((path) => !isWritable(path))],
      write,
      empty: ownCaches(policy, home),
      workspace,
      protect: [...own.held, ...(outside?.held ?? []), ...protect],
      reopen: [...own.reopened, ...(outside?.reopened ?? [])],
      programs: [process.execPath, ownPrograms(), ...packageFiles(), ...programs],
      agentPlaces: this.#setup.agentPlaces,
      ...(agentDir === undefined ? {} : { agentDir }),
      ...(elsewhere === undefined ? {} : { elsewhere }),
      sessionDir,
      memorySize: policy.tmpSize,
      without: this.#setup.without?.mounts,
    };
  }

  #openFilter(dir: string): number | undefined {
    if (this.#filter === undefined) return undefined;
    return openText(join(dir, "filter.bpf"), this.#filter);
  }
}

/** Opens a new private file that holds a text. */
function openText(path: string, text: string | Buffer): number {
  writeFileSync(path, text, { mode: 0o600 });
  return openSync(path, "r");
}

/**
 * Descriptors that this process was given by whoever started it, and that every child would have too: Node marks its
 * own as to be closed, and has no way to mark others. Source: proc(5), /proc/PID/fdinfo.
 */
function inheritedDescriptors(): number[] {
  const O_CLOEXEC = 0o2000000;
  return readdirSync("/proc/self/fdinfo").flatMap((name) => {
    try {
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "utf8"))?.[1];
      return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0 ? [Number(name)] : [];
    } catch {
      // The descriptor by which the directory itself was read.
      return [];
    }
  });
}

/** @throws PictlError SANDBOX_CHANGED */
function refuseExchangedMounts(mounts: readonly string[], pid: number, agentPlaces: readonly string[]): void {
  const exchanged = findExchangedMount(mounts, mountsOf(pid), mountsOf("self"), agentPlaces);
  if (exchanged !== undefined) throw exchangedPlace(exchanged.place, exchanged.found);
}

/** The link because of which bubblewrap could mount something no longer. */
function plantedIn(mounts: readonly string[], agentPlaces: readonly string[]): PictlError | undefined {
  try {
    refusePlantedLinks(sourcesOf(mounts), agentPlaces);
    return undefined;
  } catch (error) {
    return toPictlError(error);
  }
}

function tooLate(): PictlError {
  return new PictlError("SANDBOX_UNAVAILABLE", `The sandbox wasn't made within ${MAKING_MS / 1000} s.`, {
    hint: "Try again when the machine is less busy; a directory of the policy may be on a server that doesn't answer.",
    retryable: true,
  });
}

function pick(variables: Record<string, string>, isWanted: (name: string) => boolean) {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => isWanted(name)));
}

/** Where what pictl runs inside stands. */
function ownPrograms(): string {
  const { root, fromSource } = packagePlace();
  return join(root, fromSource ? "src" : "dist");
}

/** What says how the files beside it are to be read, and what starts pictl outside: not to be written in a workspace. */
function packageFiles(): string[] {
  return ["package.json", "bin"].map((name) => join(packagePlace().root, name));
}
