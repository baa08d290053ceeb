import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { scaled } from "./speed.ts";
import { TmuxClient } from "./tmux-client.ts";
import type { Workspace } from "./workspace.ts";

const run = promisify(execFile);
const BIN = fileURLToPath(new URL("../../bin/run.js", import.meta.url));

/** Bounds each wait for something to be seen: a screen that never shows it must fail with what it shows. */
const SEEN_TIMEOUT_MS = scaled(20_000);
const POLL_MS = 25;

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
}

/** Why tests in a terminal can't run here, for `node:test`'s `skip`; false when they can. */
export function withoutTmux(): string | false {
  const { error } = spawnSync("tmux", ["-V"], { stdio: "ignore" });
  return error === undefined ? false : "tmux isn't installed";
}

/**
 * A real pseudo-terminal in which pictl runs: a tmux server of its own, with its socket in the workspace. Behind
 * the command its exit code is printed, and whether the terminal was left as it was found.
 */
export class Terminal {
  readonly #workspace: Workspace;
  readonly #socket: string;
  /** Process id of the terminal's first process, after which its session is named. */
  #leader = 0;
  #client: TmuxClient | undefined;

  private constructor(workspace: Workspace, socket: string) {
    this.#workspace = workspace;
    this.#socket = socket;
  }

  static async start(
    workspace: Workspace,
    args: readonly string[],
    { columns = 80, rows = 24, env = {} }: TerminalOptions = {},
  ): Promise<Terminal> {
    const terminal = new Terminal(
      workspace,
      join(workspace.root, `tmux-${Math.random().toString(36).slice(2)}`),
    );
    const variables = Object.entries({ TERM: "tmux-256color", ...workspace.env, ...env });
    const modes = `stty -a | tr ' ;' '\\n' | grep -x -e '-*icanon' -e '-*echo' | tr '\\n' ' '`;
    const script = `"$@"; code=$?; modes=$(${modes}); printf '[exit %s] %s\\n' "$code" "$modes"; exec cat`;
    await terminal.#tmux(
      ["-f", "/dev/null", "new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, "-c", workspace.cwd],
      ["env", "-i", ...variables.map(([name, value]) => `${name}=${value}`)],
      ["sh", "-c", script, "sh", process.execPath, BIN, ...args],
    );
    await terminal.#tmux(["set-option", "-g", "status", "off"]);
    // Else the client that looks on would change it.
    await terminal.#tmux(["set-option", "-g", "window-size", "manual"]);
    terminal.#client = await TmuxClient.attach(terminal.#socket);
    terminal.#leader = Number(await terminal.#tmux(["display-message", "-p", "#{pane_pid}"]));
    return terminal;
  }

  /** Presses keys, as tmux names them: `Enter`, `C-c`, `M-Enter`, `Up`. */
  async press(...keys: string[]): Promise<void> {
    await this.#control(["send-keys", ...keys].join(" "));
  }

  async type(text: string): Promise<void> {
    await this.#control(`send-keys -l -- '${text.replaceAll("'", "'\\''")}'`);
  }

  /** Types a line and ends it with Enter. */
  async enter(text: string): Promise<void> {
    await this.type(text);
    await this.press("Enter");
  }

  /** Pastes as a terminal does when the program has asked for bracketed paste. */
  async paste(text: string): Promise<void> {
    await this.#tmux(["set-buffer", "--", text]);
    await this.#tmux(["paste-buffer", "-p", "-d", "-r"]);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux(["resize-window", "-x", `${columns}`, "-y", `${rows}`]);
  }

  /** What is seen, with `escapes` for its colours, with `history` for what has scrolled away. */
  async screen({ escapes = false, history = false } = {}): Promise<string> {
    const options = [...(escapes ? ["-e"] : []), ...(history ? ["-S", "-"] : [])];
    return await this.#control(["capture-pane", "-p", ...options].join(" "));
  }

  /** The codes of all styles on the screen (`1`, `36`, …), each time that one is set. */
  async styles(): Promise<string[]> {
    const sequences = (await this.screen({ escapes: true })).split("\u001b[").slice(1);
    return sequences.flatMap((rest) => /^([0-9;]+)m/.exec(rest)?.[1]?.split(";") ?? []);
  }

  /** Resolves with the screen when that matches, and fails with it when it doesn't within a bounded time. */
  async shows(expected: string | RegExp | ((screen: string) => boolean), history = false): Promise<string> {
    const matches = (screen: string) => {
      if (typeof expected === "function") return expected(screen);
      return typeof expected === "string" ? screen.includes(expected) : expected.test(screen);
    };
    for (const end = Date.now() + SEEN_TIMEOUT_MS; ; ) {
      const changes = this.#client?.changes ?? 0;
      const screen = await this.screen({ history });
      if (matches(screen)) return screen;
      if (Date.now() > end) throw new Error(`never shown: ${String(expected)}\n${screen}`);
      await this.#client?.changedSince(changes, end - Date.now());
    }
  }

  /** The process ids of what runs in it. */
  processes(): number[] {
    const pids = this.#workspace.processes().map(({ pid }) => pid);
    return pids.filter((pid) => sessionOf(pid) === this.#leader);
  }

  /** Closes the terminal and waits for what ran in it. */
  async dispose(): Promise<void> {
    await this.#tmux(["kill-server"]).catch((error: unknown) => {
      // It ends by itself with the last that ran in it.
      if (!/no server running|error connecting/.test(String(error))) throw error;
    });
    this.#client?.end();
    for (const end = Date.now() + SEEN_TIMEOUT_MS; this.processes().length > 0; ) {
      if (Date.now() > end) throw new Error(`outlived its terminal: ${this.processes()}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Runs one command of tmux without a process of its own. */
  async #control(line: string): Promise<string> {
    if (this.#client === undefined) throw new Error("the terminal was never attached");
    return await this.#client.run(line);
  }

  async #tmux(...args: string[][]): Promise<string> {
    const env = { PATH: process.env.PATH, LANG: "C.UTF-8" };
    const { stdout } = await run("tmux", ["-u", "-S", this.#socket, ...args.flat()], { env });
    return stdout;
  }
}

/** The id of a process's session: that of the terminal's first process (proc(5)). */
function sessionOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name comes before and may hold anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]);
  } catch {
    // Ended meanwhile.
    return undefined;
  }
}
