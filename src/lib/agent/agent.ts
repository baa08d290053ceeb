import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { AGENT_EXIT_MS } from "../core/agent-exit-time.ts";
import type { SandboxProfile } from "../core/choices.ts";
import { cutText } from "../core/cut-text.ts";
import { formatDuration } from "../core/duration.ts";
import { isOutOfDescriptors, PictlError, systemErrorCode, toPictlError } from "../core/errors.ts";
import { type ChildSetting, withUmask } from "../core/inherited.ts";
import { keepHeadAndTail } from "../core/last-words.ts";
import { startProgram } from "../core/outside/start-program.ts";
import type { Environment } from "../core/paths.ts";
import { createRedactor } from "../core/redact.ts";
import { type AgentExit, exitError } from "./agent-exit.ts";
import { type AgentState, type AnswerTo, checkedAnswer } from "./answers.ts";
import { FloodGuard, isBrokenRecord } from "./flood-guard.ts";
import { killGroup, signalProcess } from "./kill-group.ts";
import { endLeftovers, hasLeftovers } from "./leftovers.ts";
import { AGENT_ID, AGENT_OF } from "./marked-processes.ts";
import { withoutChatter } from "./pi/chatter.ts";
import { parseTools, type SessionTools, TOOLS_STATUS } from "./pi/session-tools.ts";
import { isTransientError } from "./pi/transient-error.ts";
import { refuseNul } from "./refuse-nul.ts";
import { type AgentRecord, type AgentResponse, RpcChannel } from "./rpc-channel.ts";
import type { AgentSandbox } from "./sandbox/agent-sandbox.ts";
import { exitInside, processInside } from "./sandbox/inside-process.ts";
import { startWarnings } from "./start-warnings.ts";
import { Watchdog } from "./watchdog.ts";

export type { AgentExit } from "./agent-exit.ts";
export type { AgentState } from "./answers.ts";

/** pi loads extensions, which may reach the network, before it answers: slow is possible, for ever is not. */
const START_TIMEOUT_MS = 60_000;
/**
 * When an agent that ignores the end of its stdin gets its one signal: later than pi's own bound on refreshing a login,
 * because a signal ends a pi before 1.5.1 at once.
 */
const SIGNAL_AFTER_MS = 20_000;
/** How long an agent that is ended at once may take to answer: one that is shutting down still does. */
const HUNG_AFTER_MS = 3_000;
/** How long an agent that is unwanted before it is ready may take to become ready, and then to exit in order. */
const UNWANTED_START_MS = 5_000;
/** A broken pipe is noticed before the end of the process that broke it: its stderr and exit code say why. */
const LAST_WORDS_MS = 500;
/** What it has started may hold its stdout and stderr open for as long as it lives; nobody waits for that. */
const OPEN_STREAMS_MS = 1_000;
/** Lines that aren't RPC: a wrapper may print a banner, but something that goes on isn't pi. */
const MAX_GARBAGE_LINES = 20;
/** As much of such a line as an error shows. */
const GARBAGE_CHARACTERS = 200;

/** What an agent reports to. */
export interface AgentHandlers {
  /** Each record that isn't the answer to a request, with its bytes as pi wrote it. */
  onRecord: (record: AgentRecord, raw: Buffer) => void;
  /** The process has ended; never called for one that didn't become ready. */
  onExit: (exit: AgentExit) => void;
}

export interface AgentStart extends AgentHandlers {
  /** Program and leading arguments, from `resolvePi`. */
  command: readonly string[];
  args: readonly string[];
  cwd: string;
  /** The whole environment, with the agent's marks in it; nothing of the daemon's own passes. */
  env: Environment;
  /** Bounds of what a ready agent may do; absent: none. */
  limits?: { silenceMs: number; bytesPerMinute: number };
  /** Starts it in a sandbox instead, which ends with it. */
  sandbox?: AgentSandbox | undefined;
  /** Its umask and its limits; absent: as this process has them. */
  setting?: ChildSetting | undefined;
  /** Ends it when that fires before it is ready; the start then fails with the signal's reason. */
  signal?: AbortSignal;
}

/** One running `pi --mode rpc` with its own process group. */
export class Agent {
  /** Of its process group: pi's own, or that of the bubblewrap which it runs in. */
  readonly #groupPid: number;
  readonly #sandbox: AgentSandbox | undefined;
  #pid: number | undefined;
  readonly #env: Environment;
  readonly #child: ChildProcess;
  readonly #channel: RpcChannel;
  readonly #exited: Promise<AgentExit>;
  readonly #watchdog: Watchdog;
  #wasSignalled = false;
  #stopping: Promise<AgentExit> | undefined;
  #ended: AgentExit | undefined;
  /** What its requests fail with once it has ended. */
  #lost: PictlError | undefined;
  /** A run has begun and not settled. */
  #working = false;
  #sweeping: Promise<unknown> | undefined;
  #handlers: AgentHandlers;
  /** What pi has warned of before it was ready. */
  startWarnings: readonly string[] = [];
  /** Of the session that it holds, as the extension `report-tools` has reported them last. */
  tools: SessionTools | undefined;

  private constructor(
    { env, limits, sandbox, onRecord, onExit }: AgentStart,
    parts: {
      child: ChildProcess;
      pid: number;
      channel: RpcChannel;
      exited: Promise<[AgentExit, PictlError]>;
    },
    onStuck: (fault: string) => void,
  ) {
    const { child, pid, channel, exited } = parts;
    this.#groupPid = pid;
    this.#sandbox = sandbox;
    this.#handlers = { onRecord, onExit };
    this.#env = env;
    this.#child = child;
    this.#channel = channel;
    this.#exited = exited.then(([exit, lost]) => {
      this.#ended = exit;
      this.#lost = lost;
      return exit;
    });
    this.#watchdog = new Watchdog({
      silenceMs: limits?.silenceMs ?? 0,
      isExpected: () => this.#working || channel.isWaiting,
      probe: () => void channel.request({ type: "get_state" }).catch(() => undefined),
      onStuck: (silentMs) => onStuck(`stopped answering (not a byte for ${formatDuration(silentMs)})`),
    });
    child.once("exit", () => {
      this.#watchdog.end();
      void this.#sweep();
    });
  }

  /**
   * Starts pi and waits until it answers its first command.
   *
   * @throws PictlError DIRECTORY_NOT_FOUND, PI_NOT_FOUND, AGENT_START_FAILED with the end of its stderr
   */
  static async start(options: AgentStart): Promise<{ agent: Agent; state: AgentState }> {
    const [program, ...leading] = options.command;
    if (program === undefined) throw new PictlError("PI_NOT_FOUND", "The command that starts pi is empty.");
    refuseNul(options.args, options.env);
    // Not by execa: a process group, three raw pipes and a stop sequence of our own are all
    // that is wanted here, and execa adds 19 ms before the first agent (docs/decisions/0003).
    const { sandbox, setting } = options;
    const [first = program, ...words] = [...(setting?.prefix ?? []), program, ...leading, ...options.args];
    const child = spawned(
      sandbox,
      () =>
        sandbox?.spawn([...options.command, ...options.args], options.cwd, setting) ??
        withUmask(setting?.umask, () =>
          startProgram(first, words, {
            cwd: options.cwd,
            env: options.env,
            stdio: ["pipe", "pipe", "pipe"],
            detached: true,
          }),
        ),
    );
    const { pid, stdin, stdout, stderr } = child;
    if (pid === undefined || stdin === null || stdout === null || stderr === null) {
      const failure = await spawnFailure(child, program, options.cwd);
      await sandbox?.close();
      throw failure;
    }
    const redact = createRedactor(options.env);
    const kept = keepHeadAndTail(stderr);
    const said = () => redact(withoutChatter(kept()));
    const garbage: string[] = [];
    const flood = new FloodGuard(options.limits?.bytesPerMinute ?? 0);
    let agent: Agent | undefined;
    let ready = false;
    let died = false;
    let fault: string | undefined;
    let kill: NodeJS.Timeout | undefined;

    /** Ends it for what it has done: nothing that it says from now on counts. */
    const condemn = (what: string | undefined) => {
      if (what === undefined || fault !== undefined || agent?.hasEnded) return;
      fault = what;
      stdout.removeAllListeners("data").resume();
      killGroup(pid, "SIGKILL");
    };
    stdout.on("data", (chunk: Buffer) => {
      agent?.heard();
      condemn(flood.bytes(chunk.length));
    });
    const channel = new RpcChannel(stdin as Writable, stdout as Readable, {
      onRecord: (record, raw) => {
        agent?.receive(record, raw);
      },
      onGarbage: (line) => {
        if (garbage.length < MAX_GARBAGE_LINES) garbage.push(cutText(line, GARBAGE_CHARACTERS));
        else if (!ready) killGroup(pid, "SIGKILL");
        if (!ready) return;
        if (isBrokenRecord(line)) condemn(`sent a broken record (${redact(cutText(line, 80))})`);
        else condemn(flood.garbage());
      },
      onFailure: (_error, broken) => {
        if (broken === undefined) kill = setTimeout(() => killGroup(pid, "SIGKILL"), LAST_WORDS_MS);
        else condemn(broken);
      },
    });
    child.once("exit", () => {
      // Whatever the agent left in its group goes with it. What it started elsewhere may still hold its pipes.
      killGroup(pid, "SIGKILL");
      kill = setTimeout(() => {
        for (const stream of [stdin, stdout, stderr]) stream.destroy();
      }, OPEN_STREAMS_MS);
    });
    const exited = new Promise<[AgentExit, PictlError]>((resolve) => {
      child.once("close", (ownCode, ownSignal) => {
        clearTimeout(kill);
        const { code, signal } =
          sandbox === undefined ? { code: ownCode, signal: ownSignal } : exitInside(ownCode, ownSignal);
        const exit = {
          code,
          signal,
          stderr: said(),
          expected: agent?.isStopping ?? false,
          ...(fault === undefined ? {} : { fault }),
        };
        const lost = exitError(ready ? "AGENT_DIED" : "AGENT_START_FAILED", exit, garbage.map(redact));
        died = true;
        channel.close(lost);
        void sandbox?.close();
        resolve([exit, lost]);
        if (ready) agent?.handlers.onExit(exit);
      });
    });
    agent = new Agent(options, { child, pid, channel, exited }, condemn);
    const { signal } = options;
    let unwanted: NodeJS.Timeout | undefined;
    const giveUp = () => {
      unwanted = setTimeout(() => killGroup(pid, "SIGKILL"), UNWANTED_START_MS);
      void agent.stop();
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    if (signal?.aborted) giveUp();
    try {
      const response = await channel.request({ type: "get_state" }, { timeoutMs: START_TIMEOUT_MS });
      if (!response.success) {
        throw new PictlError(
          "AGENT_START_FAILED",
          `pi refused get_state: ${response.error ?? "no reason given"}`,
        );
      }
      clearTimeout(unwanted);
      if (signal?.aborted) await exited;
      signal?.throwIfAborted();
      // What pi said before it answered is in its pipe by now, and read in this round or the next.
      await new Promise((resolve) => setImmediate(resolve));
      agent.startWarnings = startWarnings(said());
      ready = true;
      sandbox?.started(agent.pid);
      return { agent, state: checkedAnswer("get_state", response.data, "AGENT_START_FAILED") };
    } catch (error) {
      // Also a broken pipe, which is noticed before the end of the process.
      const isLost = died || (error instanceof PictlError && error.code === "AGENT_DIED");
      if (!isLost) killGroup(pid, "SIGKILL");
      const [exit, lost] = await exited;
      signal?.throwIfAborted();
      if (isLost) throw sandbox?.startFailure(exit.stderr) ?? lost;
      if (error instanceof PictlError && error.code === "AGENT_TIMEOUT") {
        throw new PictlError(
          "AGENT_START_FAILED",
          `pi did not answer within ${START_TIMEOUT_MS / 1000} s of its start.`,
          {
            hint: "Run `pictl doctor`; an extension of pi may be waiting for something.",
            details: { stderr: said() },
            retryable: true,
          },
        );
      }
      throw error;
    } finally {
      clearTimeout(unwanted);
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Of pi itself. */
  get pid(): number {
    if (this.#sandbox === undefined) return this.#groupPid;
    // Once it answers; before, bubblewrap is still making its sandbox.
    this.#pid ??= processInside(this.#groupPid);
    return this.#pid;
  }

  /** Profile of the sandbox that it runs in. */
  get sandboxProfile(): SandboxProfile | undefined {
    return this.#sandbox?.profile;
  }

  /** The sandbox that it runs in. */
  get sandbox(): Pick<AgentSandbox, "sessionDir" | "warnings" | "places"> | undefined {
    return this.#sandbox;
  }

  /** Whether its sandbox has a hole that was made from outside; only a new one has none. */
  get isExposed(): boolean {
    return this.#sandbox?.isExposed(this.pid) === true;
  }

  /** Tells which session it holds from now on. */
  serves(sessionId: string): void {
    if (this.#sandbox !== undefined) this.#sandbox.session = sessionId;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Resolves when its process has ended. */
  get exited(): Promise<AgentExit> {
    return this.#exited;
  }

  /** Whether a command that it has run goes on in the background, and would end with the agent. */
  hasLeftovers(): boolean {
    const { [AGENT_OF]: place, [AGENT_ID]: id } = this.#env;
    return place !== undefined && id !== undefined && hasLeftovers(place, id, this.pid);
  }

  /** Ends what it has left running in the background, and not the agent: it goes on with another session. */
  async endLeftovers(): Promise<void> {
    const { [AGENT_OF]: place, [AGENT_ID]: id } = this.#env;
    if (place !== undefined && id !== undefined) await endLeftovers(place, id, this.pid);
  }

  /** Sends a command; see {@link RpcChannel.request}. An agent that answers nothing at all is ended. */
  async request(
    command: { type: string; [field: string]: unknown },
    options: Parameters<RpcChannel["request"]>[1] = {},
  ): Promise<AgentResponse> {
    try {
      const response = this.#channel.request(command, {
        ...options,
        onResponse: (answer) => {
          if (command.type === "prompt" && wasStarted(answer)) this.#working = true;
          options.onResponse?.(answer);
        },
      });
      this.#watchdog.watch();
      return await response;
    } catch (error) {
      if (!(error instanceof PictlError)) throw error;
      if (error.code === "AGENT_TIMEOUT") this.#watchdog.suspect();
      // A broken pipe is noticed first; how the process ended says more.
      if (error.code === "AGENT_DIED" && this.#lost === undefined) await this.#exited;
      throw error.code === "AGENT_DIED" ? (this.#lost ?? error) : error;
    }
  }

  /**
   * Sends a command and gives its `data`, which is checked where pictl uses it itself.
   *
   * @param onResponse see {@link RpcChannel.request}
   * @throws PictlError AGENT_COMMAND_FAILED with pi's own words, or what is wrong with its answer
   */
  async call<Type extends string>(
    command: { type: Type; [field: string]: unknown },
    timeoutMs?: number,
    onResponse?: () => void,
  ): Promise<AnswerTo<Type>> {
    const response = await this.request(command, {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(onResponse === undefined ? {} : { onResponse }),
    });
    if (!response.success) {
      throw new PictlError(
        "AGENT_COMMAND_FAILED",
        `pi refused ${command.type}: ${response.error ?? "no reason given"}`,
        {
          details: { command: command.type },
          retryable: isTransientError(response.error),
        },
      );
    }
    return checkedAnswer(command.type, response.data);
  }

  notify(record: { type: string; [field: string]: unknown }): void {
    this.#channel.notify(record);
  }

  /** A byte of it has come. */
  heard(): void {
    this.#watchdog.heard();
  }

  /** A record of it has come that answers no request. */
  receive(record: AgentRecord, raw: Buffer): void {
    if (record.type === "extension_ui_request" && record.statusKey === TOOLS_STATUS) {
      this.tools = parseTools(record.statusText);
      return;
    }
    if (record.type === "agent_start") {
      this.#working = true;
      this.#watchdog.watch();
    } else if (record.type === "agent_settled") this.#working = false;
    this.#handlers.onRecord(record, raw);
  }

  get handlers(): AgentHandlers {
    return this.#handlers;
  }

  /** Reports to somebody else from here on: it goes from one session to another. */
  reportTo(handlers: AgentHandlers): void {
    this.#handlers = handlers;
  }

  /**
   * Ends the agent by closing its stdin, and ends what it has left running elsewhere. An agent that doesn't exit gets
   * one signal, and is killed with its group in the end. A second call waits for the first.
   *
   * @param options.immediately send the signal now, so that pi ends the commands of its tools at once, and kill an agent
   * that hangs after some seconds
   */
  stop({ immediately = false }: { immediately?: boolean } = {}): Promise<AgentExit> {
    if (immediately) this.#signal();
    const wasStopping = this.#stopping !== undefined;
    this.#stopping ??= this.#stop();
    if (immediately && !wasStopping) void this.#killIfHung();
    return this.#stopping;
  }

  async #stop(): Promise<AgentExit> {
    const signal = setTimeout(() => this.#signal(), SIGNAL_AFTER_MS);
    const kill = setTimeout(() => killGroup(this.#groupPid, "SIGKILL"), AGENT_EXIT_MS);
    this.#watchdog.end();
    // After a signal, a pi before 1.5.1 takes the end of its stdin for a second one and exits without cleaning up.
    if (!this.#wasSignalled) this.#child.stdin?.end();
    try {
      const exit = await this.#exited;
      await this.#sweep();
      await this.#sandbox?.close();
      return exit;
    } finally {
      clearTimeout(signal);
      clearTimeout(kill);
    }
  }

  async #killIfHung(): Promise<void> {
    try {
      await this.#channel.request({ type: "get_state" }, { timeoutMs: HUNG_AFTER_MS });
    } catch (error) {
      const isHung = error instanceof PictlError && error.code === "AGENT_TIMEOUT";
      if (isHung && !this.hasEnded) killGroup(this.#groupPid, "SIGKILL");
    }
  }

  /** Asks pi to shut down by a signal, once: at the second one it exits without cleaning up (its rpc.md, "Shutdown"). */
  #signal(): void {
    if (this.#wasSignalled || this.hasEnded) return;
    this.#wasSignalled = true;
    // A signal would end bubblewrap at once, which takes its sandbox with it.
    if (this.#sandbox === undefined) killGroup(this.#groupPid, "SIGTERM");
    else signalProcess(this.pid, "SIGTERM");
  }

  /** Ends all that carries the mark of this agent, which has ended itself. */
  #sweep(): Promise<unknown> {
    const { [AGENT_OF]: place, [AGENT_ID]: id } = this.#env;
    this.#sweeping ??= place === undefined || id === undefined ? Promise.resolve() : endLeftovers(place, id);
    return this.#sweeping;
  }
}

/** pi 1.x tells that a run follows; where it doesn't, whoever asks finds out (turns.ts). */
function wasStarted({ success, data }: AgentResponse): boolean {
  return success && (data as { disposition?: string } | undefined)?.disposition === "started";
}

/**
 * Throws INVALID_INPUT for what a program can't be given, and why its sandbox can't be made: that spawn throws, all else
 * it tells by an event. Nothing runs in the sandbox then, which ends.
 */
function spawned(sandbox: AgentSandbox | undefined, spawn: () => ChildProcess): ChildProcess {
  try {
    return spawn();
  } catch (error) {
    void sandbox?.close();
    if (systemErrorCode(error) !== "E2BIG") throw error;
    const message =
      "pi can't be started: its arguments and its environment are longer than the system allows.";
    const hint = "Shorten the longest: a model, a system prompt, a variable.";
    throw new PictlError("INVALID_INPUT", message, { hint, cause: error });
  }
}

async function spawnFailure(child: ChildProcess, program: string, cwd: string): Promise<PictlError> {
  const error = await new Promise<Error>((resolve) => child.once("error", resolve));
  if (isOutOfDescriptors(error)) return toPictlError(error);
  const { statSync } = await import("node:fs");
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
    return new PictlError("DIRECTORY_NOT_FOUND", `The session's directory ${cwd} does not exist any more.`, {
      hint: "Create it again, or start a session elsewhere with `pictl prompt --new`.",
      details: { cwd },
    });
  }
  return new PictlError(
    "PI_NOT_FOUND",
    `Cannot start ${program}: ${systemErrorCode(error) ?? error.message}.`,
    {
      hint: "Check PICTL_PI and agent.command, or run `pictl doctor`.",
      details: { program },
      cause: error,
    },
  );
}
