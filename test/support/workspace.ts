import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "../../src/lib/client/client.ts";
import { stopDaemon } from "../../src/lib/client/stop-daemon.ts";
import { resolvePaths } from "../../src/lib/core/paths.ts";
import type { RequestName, RequestParams, RequestResults } from "../../src/lib/protocol/requests.ts";
import type { Turn } from "../../src/lib/protocol/session.ts";
import { scaled } from "./speed.ts";

export const BIN = fileURLToPath(new URL("../../bin/run.js", import.meta.url));
export const SCENARIOS = fileURLToPath(new URL("../fixtures/scenarios/", import.meta.url));
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/pictl/", import.meta.url));
/** What V8 has compiled of pi for sandboxed agents, and of pictl. */
const COMPILED_PI = join(CACHE, "compiled-pi");
export const COMPILED = join(CACHE, "compiled");
/** Bounds each command of a test: a hang must show as a failure with its transcript. */
const COMMAND_TIMEOUT_MS = scaled(60_000);

/** What a process may take to end by itself when a test is over. */
const ENDING_MS = scaled(2_000);

export interface Result {
  stdout: string;
  stderr: string;
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunOptions {
  input?: string | Buffer;
  /** Leave stdin open, with nothing coming. */
  openInput?: boolean;
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** What a shell does before the command, such as `umask 027`. */
  shell?: string;
}

/** A command that is still running, with what it has printed so far. */
export class Running {
  readonly child: ChildProcess;
  readonly done: Promise<Result>;
  stdout = "";
  stderr = "";
  #changed: (() => void)[] = [];

  constructor(child: ChildProcess, label: string) {
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => this.#add("stdout", chunk));
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => this.#add("stderr", chunk));
    this.done = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`${label} did not end within ${COMMAND_TIMEOUT_MS} ms\n${this.transcript()}`));
      }, COMMAND_TIMEOUT_MS);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        resolve({ stdout: this.stdout, stderr: this.stderr, code, signal });
        this.#wake();
      });
    });
  }

  /** Resolves when what was printed matches; rejects when the command ends without. */
  async until(stream: "stdout" | "stderr", pattern: string | RegExp): Promise<void> {
    const matches = () =>
      typeof pattern === "string" ? this[stream].includes(pattern) : pattern.test(this[stream]);
    let ended = false;
    void this.done.then(() => {
      ended = true;
    });
    while (!matches()) {
      if (ended) throw new Error(`ended without ${String(pattern)} on ${stream}\n${this.transcript()}`);
      await Promise.race([new Promise<void>((resolve) => this.#changed.push(resolve)), this.done]);
    }
  }

  transcript(): string {
    return `--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`;
  }

  #add(stream: "stdout" | "stderr", chunk: string): void {
    this[stream] += chunk;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/**
 * A place of its own for one test: `PICTL_HOME`, pi's directory and a working directory. `dispose` ends what
 * is left of it and throws when a process or a socket was left behind.
 */
export class Workspace {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-test-")));
  readonly home = join(this.root, "h");
  readonly agentDir = join(this.root, "pi");
  readonly cwd = join(this.root, "work");
  readonly env: Record<string, string | undefined>;

  readonly #user: { uid: number; gid: number } | undefined;

  /** @param user as whom commands run, and whose everything in it is; only root can say so */
  constructor(env: Record<string, string | undefined> = {}, user?: { uid: number; gid: number }) {
    this.#user = user;
    for (const dir of [this.home, this.agentDir, this.cwd]) mkdirSync(dir, { recursive: true });
    // The first command of each place would have V8 compile all of pictl again.
    for (const dir of [COMPILED, join(this.root, ".cache", "pictl")]) mkdirSync(dir, { recursive: true });
    symlinkSync(COMPILED, join(this.root, ".cache", "pictl", "compiled"));
    const pi = process.env.PICTL_TEST_PI;
    this.env = {
      PATH: process.env.PATH,
      HOME: this.root,
      LANG: "C.UTF-8",
      PICTL_HOME: this.home,
      PI_CODING_AGENT_DIR: this.agentDir,
      PI_OFFLINE: "1",
      ...(pi ? { PICTL_PI: pi } : {}),
      ...env,
    };
    this.giveToUser();
  }

  /**
   * Lets the sandboxed agents of this place use what V8 has compiled of pi for those of other places. Else each place's
   * daemon has it made anew, by a pi more.
   */
  shareCompileCache(): void {
    // It can't be read by others.
    if (this.#user !== undefined) return;
    mkdirSync(this.paths.stateDir, { recursive: true, mode: 0o700 });
    mkdirSync(COMPILED_PI, { recursive: true });
    symlinkSync(COMPILED_PI, join(this.paths.stateDir, "compile-cache"));
  }

  /** Starts a command and leaves it running. Stdin is closed unless `input` is given. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    const env = { ...this.env, ...options.env };
    const { shell } = options;
    this.giveToUser();
    const line = [process.execPath, BIN, ...args];
    const [program = "", ...words] =
      shell === undefined ? line : ["/bin/sh", "-c", `${shell}; exec "$@"`, "sh", ...line];
    const child = spawn(program, words, {
      cwd: options.cwd ?? this.cwd,
      env: Object.fromEntries(
        Object.entries(env).filter(([, value]) => value !== undefined),
      ) as NodeJS.ProcessEnv,
      stdio: [options.input === undefined && !options.openInput ? "ignore" : "pipe", "pipe", "pipe"],
      ...this.#user,
    });
    child.stdin?.on("error", () => undefined);
    if (!options.openInput) child.stdin?.end(options.input);
    return new Running(child, args.join(" "));
  }

  /** Runs a command to its end. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.start(args, options).done;
  }

  /** Runs a command that must succeed and gives its stdout without the last newline. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(args, options);
    if (result.code !== 0) {
      throw new Error(
        `pictl ${args.join(" ")} exited ${result.code}\n${result.stdout}\n${result.stderr}\n${this.log()}`,
      );
    }
    return result.stdout.replace(/\n$/, "");
  }

  /** Runs a command with --json and gives its document, whatever the exit code. */
  async json<T = Record<string, unknown>>(args: readonly string[], options: RunOptions = {}): Promise<T> {
    const result = await this.run([...args, "--json"], options);
    try {
      return JSON.parse(result.stdout) as T;
    } catch {
      throw new Error(
        `no JSON from pictl ${args.join(" ")} (exit ${result.code})\n${result.stdout}\n${result.stderr}`,
      );
    }
  }

  /** Talks to the daemon that runs, as another program would, from a shell with these variables too. */
  async client(env: Record<string, string> = {}): Promise<Client> {
    const client = await Client.connect(this.paths.socket);
    if (client === undefined) throw new Error("no daemon runs");
    client.introduce("0.0.0-test", { ...this.env, ...env });
    return client;
  }

  /** Asks the daemon that runs one thing, where no command is what the test is about. */
  async ask<N extends RequestName>(
    type: N,
    params: RequestParams<N>,
    env: Record<string, string> = {},
  ): Promise<RequestResults[N]> {
    const client = await this.client(env);
    try {
      return await client.request(type, params);
    } finally {
      client.close();
    }
  }

  /** Has the daemon that runs do a turn, where no command is what the test is about. Rejects when it fails. */
  async turn(
    params: RequestParams<"prompt">,
    env: Record<string, string> = {},
  ): Promise<{ sessionId: string; text: string }> {
    const client = await this.client(env);
    const turnId = randomUUID();
    try {
      const ended = new Promise<Turn>((resolve, reject) => {
        client.onClose(reject);
        client.onRecord((record) => {
          if (record.type === "turn" && record.turn.id === turnId && record.turn.state === "ended")
            resolve(record.turn);
        });
      });
      ended.catch(() => undefined);
      const { sessionId } = await client.request("prompt", { ...params, turnId, subscribe: true });
      const { outcome, text = "", error } = await ended;
      if (outcome !== "completed" && outcome !== "handled")
        throw new Error(`the turn has ${outcome}: ${error?.message}\n${this.log()}`);
      return { sessionId, text };
    } finally {
      client.close();
    }
  }

  scenario(name: string): string {
    return `scripted/${join(SCENARIOS, name)}`;
  }

  get paths() {
    return resolvePaths(this.env);
  }

  /** Pid of the daemon of this place, as its pid file says. */
  daemonPid(): number | undefined {
    return existsSync(this.paths.pid) ? Number(readFileSync(this.paths.pid, "utf8")) : undefined;
  }

  log(): string {
    return existsSync(this.paths.log) ? readFileSync(this.paths.log, "utf8") : "(no log)";
  }

  /** Every process that belongs to this place: its daemon and agents, by a marker in their environment. */
  processes(): { pid: number; command: string }[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const environment = readFileSync(`/proc/${name}/environ`, "utf8").split("\0");
          // An agent in a sandbox isn't told PICTL_HOME.
          const marks = [`PICTL_HOME=${this.home}`, `PICTL_AGENT_OF=${this.paths.runtimeDir}`];
          if (!marks.some((mark) => environment.includes(mark))) return [];
          return [
            {
              pid: Number(name),
              command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " "),
            },
          ];
        } catch {
          // Ended meanwhile, or somebody else's.
          return [];
        }
      });
  }

  /** Resolves when no process of this place is left. */
  async allProcessesGone(): Promise<void> {
    while (this.processes().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Makes everything in it the user's, also what the test itself has made meanwhile. Each command does so first. */
  giveToUser(): void {
    if (this.#user === undefined) return;
    execFileSync("chown", ["-hR", `${this.#user.uid}:${this.#user.gid}`, this.root]);
  }

  /** As `pictl daemon stop` does, without a process of its own where that isn't another user's. */
  async stopDaemon({ now = false } = {}): Promise<void> {
    if (this.#user === undefined) await stopDaemon({ now }, this.env);
    // Its socket is refused to others.
    else if (existsSync(this.paths.socket)) await this.ok(["daemon", "stop", ...(now ? ["--now"] : [])]);
  }

  /** Stops the daemon, removes everything and fails if something outlived it. */
  async dispose(): Promise<void> {
    const refused = await this.stopDaemon({ now: true }).then(() => undefined, String);
    // One that was refused its start may just be ending.
    const patience = Date.now() + ENDING_MS;
    while (this.processes().length > 0 && Date.now() < patience)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const left = this.processes();
    for (const { pid } of left) process.kill(pid, "SIGKILL");
    const socketLeft = existsSync(this.paths.socket);
    const log = this.log();
    rmSync(this.root, { recursive: true, force: true });
    if (left.length > 0 || socketLeft || refused !== undefined) {
      const what = left.map(({ pid, command }) => `${pid} ${command}`).join("\n");
      throw new Error(`left behind: socket ${socketLeft}, stop ${refused ?? "succeeded"}\n${what}\n${log}`);
    }
  }
}
