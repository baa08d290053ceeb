import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { type ErrorCode, PictlError, systemErrorCode } from "../core/errors.ts";
import type { Environment } from "../core/paths.ts";
import { createRedactor } from "../core/redact.ts";
import { killGroup } from "./kill-group.ts";
import { type AgentRecord, type AgentResponse, RpcChannel } from "./rpc-channel.ts";

/** pi loads extensions, which may reach the network, before it answers: slow is possible, for ever is not. */
const START_TIMEOUT_MS = 60_000;
/** An orderly stop: pi saves and disposes its extensions. After it the group is terminated, then killed. */
const STOP_GRACE_MS = 3_000;
const TERM_GRACE_MS = 2_000;
/** A broken pipe is noticed before the end of the process that broke it: its stderr and exit code say why. */
const LAST_WORDS_MS = 500;
/** Enough of stderr to see why an agent ended. */
const STDERR_TAIL_BYTES = 8 * 1024;
/** Lines that aren't RPC: a wrapper may print a banner, but something that goes on isn't pi. */
const MAX_GARBAGE_LINES = 20;

/** How an agent ended, and with which last words (secrets redacted). */
export interface AgentExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
  /** True when `stop` was called before. */
  expected: boolean;
}

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
  /** The whole environment; nothing of the daemon's own passes. */
  env: Environment;
}

/** pi's `get_state`, as far as pictl reads it. */
export interface AgentState {
  model?: { provider: string; id: string };
  thinkingLevel?: string;
  isStreaming: boolean;
  isCompacting: boolean;
  sessionFile?: string;
  sessionId: string;
  sessionName?: string;
  messageCount: number;
}

/** One running `pi --mode rpc` with its own process group. */
export class Agent {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #channel: RpcChannel;
  readonly #exited: Promise<AgentExit>;
  #stopping: Promise<AgentExit> | undefined;
  #ended: AgentExit | undefined;

  private constructor(child: ChildProcess, pid: number, channel: RpcChannel, exited: Promise<AgentExit>) {
    this.pid = pid;
    this.#child = child;
    this.#channel = channel;
    this.#exited = exited;
    void exited.then((exit) => {
      this.#ended = exit;
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
    // child_process and not execa: a process group, three raw pipes and a stop sequence of our own are all
    // that is wanted here, and execa adds 19 ms before the first agent (docs/decisions/0003).
    const child = spawn(program, [...leading, ...options.args], {
      cwd: options.cwd,
      env: options.env as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    const { pid, stdin, stdout, stderr } = child;
    if (pid === undefined || stdin === null || stdout === null || stderr === null) {
      throw await spawnFailure(child, program, options.cwd);
    }
    const redact = createRedactor(options.env);
    const tail = keepTail(stderr, STDERR_TAIL_BYTES);
    const garbage: string[] = [];
    let agent: Agent | undefined;
    let ready = false;
    let kill: NodeJS.Timeout | undefined;

    const channel = new RpcChannel(stdin as Writable, stdout as Readable, {
      onRecord: options.onRecord,
      onGarbage: (line) => {
        if (garbage.length < MAX_GARBAGE_LINES) garbage.push(line.slice(0, 200));
        else if (!ready) killGroup(pid, "SIGKILL");
      },
      onFailure: () => {
        kill = setTimeout(() => killGroup(pid, "SIGKILL"), LAST_WORDS_MS);
      },
    });
    const exited = new Promise<AgentExit>((resolve) => {
      child.once("close", (code, signal) => {
        clearTimeout(kill);
        const exit = { code, signal, stderr: redact(tail()), expected: agent?.isStopping ?? false };
        channel.close(exitError(ready ? "AGENT_DIED" : "AGENT_START_FAILED", exit, garbage.map(redact)));
        // Whatever the agent left in its group goes with it.
        killGroup(pid, "SIGKILL");
        resolve(exit);
        if (ready) options.onExit(exit);
      });
    });
    agent = new Agent(child, pid, channel, exited);
    try {
      const response = await channel.request({ type: "get_state" }, { timeoutMs: START_TIMEOUT_MS });
      if (!response.success) {
        throw new PictlError(
          "AGENT_START_FAILED",
          `pi refused get_state: ${response.error ?? "no reason given"}`,
        );
      }
      ready = true;
      return { agent, state: response.data as AgentState };
    } catch (error) {
      const lost = error instanceof PictlError && error.code === "AGENT_DIED";
      if (!lost) killGroup(pid, "SIGKILL");
      const exit = await exited;
      if (lost) throw exitError("AGENT_START_FAILED", exit, garbage.map(redact));
      if (error instanceof PictlError && error.code === "AGENT_TIMEOUT") {
        throw new PictlError(
          "AGENT_START_FAILED",
          `pi did not answer within ${START_TIMEOUT_MS / 1000} s of its start.`,
          {
            hint: "Run `pictl doctor`; an extension of pi may be waiting for something.",
            details: { stderr: redact(tail()) },
          },
        );
      }
      throw error;
    }
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Sends a command; see {@link RpcChannel.request}. */
  request(...args: Parameters<RpcChannel["request"]>): Promise<AgentResponse> {
    return this.#channel.request(...args);
  }

  /**
   * Sends a command and gives its `data`.
   *
   * @throws PictlError AGENT_COMMAND_FAILED with pi's own words
   */
  async call<T = unknown>(
    command: { type: string; [field: string]: unknown },
    timeoutMs?: number,
  ): Promise<T> {
    const response = await this.request(command, timeoutMs === undefined ? {} : { timeoutMs });
    if (!response.success) {
      throw new PictlError(
        "AGENT_COMMAND_FAILED",
        `pi refused ${command.type}: ${response.error ?? "no reason given"}`,
        {
          details: { command: command.type },
        },
      );
    }
    return response.data as T;
  }

  notify(record: { type: string; [field: string]: unknown }): void {
    this.#channel.notify(record);
  }

  /**
   * Ends the agent: closes its stdin, then terminates, then kills its group. Bounded by the two graces.
   * A second call waits for the first.
   *
   * @param options.immediately terminate at once: pi then still ends the commands that its tools run, which are
   * in groups of their own that a kill of pi's would not reach
   */
  stop({ immediately = false }: { immediately?: boolean } = {}): Promise<AgentExit> {
    if (immediately) killGroup(this.pid, "SIGTERM");
    this.#stopping ??= this.#stop(immediately ? 0 : STOP_GRACE_MS);
    return this.#stopping;
  }

  async #stop(grace: number): Promise<AgentExit> {
    const terminate = grace > 0 ? setTimeout(() => killGroup(this.pid, "SIGTERM"), grace) : undefined;
    const kill = setTimeout(() => killGroup(this.pid, "SIGKILL"), grace + TERM_GRACE_MS);
    // At once with a signal, pi would take the end of its stdin for the second one (its rpc.md, "Shutdown").
    if (grace > 0) this.#child.stdin?.end();
    try {
      return await this.#exited;
    } finally {
      clearTimeout(terminate);
      clearTimeout(kill);
    }
  }
}

function keepTail(stream: Readable, maxBytes: number): () => string {
  let tail = Buffer.alloc(0);
  let wasCut = false;
  stream.on("data", (chunk: Buffer) => {
    const all = Buffer.concat([tail, chunk]);
    wasCut ||= all.length > maxBytes;
    tail = all.subarray(-maxBytes);
  });
  // The first line of a cut tail may be the rest of a secret, which would not be recognised as one.
  return () => (wasCut ? tail.subarray(tail.indexOf("\n") + 1) : tail).toString("utf8").trim();
}

function exitError(code: ErrorCode, exit: AgentExit, garbage: string[]): PictlError {
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
  const when = code === "AGENT_START_FAILED" ? "before it was ready" : "in the middle of its work";
  const words = exit.stderr.split("\n").slice(-5).join("\n") || garbage.join("\n");
  return new PictlError(code, `The pi process ${how} ${when}${words ? `:\n${words}` : "."}`, {
    hint:
      code === "AGENT_START_FAILED"
        ? "Run `pictl doctor` to see which pi is used, or try the same arguments with `pi` itself."
        : "Prompt again: the session goes on with all that pi had saved.",
    details: {
      exitCode: exit.code,
      signal: exit.signal,
      stderr: exit.stderr,
      ...(garbage.length > 0 ? { stdout: garbage } : {}),
    },
    retryable: code === "AGENT_DIED",
  });
}

async function spawnFailure(child: ChildProcess, program: string, cwd: string): Promise<PictlError> {
  const error = await new Promise<Error>((resolve) => child.once("error", resolve));
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
