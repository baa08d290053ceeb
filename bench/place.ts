import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bundledPiCli } from "../src/lib/agent/pi/bundled-pi.ts";
import { resolvePaths } from "../src/lib/core/paths.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

export const EXTENSION = join(root, "dist/scripted-model.js");
export const PI = bundledPiCli();
/** Called as the shell calls it: the hand-over to the right Node is part of what a command costs. */
export const PICTL = join(root, "bin/run.js");
export const FLOOD = join(root, "test/fixtures/scenarios/flood.json");

/** A place of its own for a measurement: `PICTL_HOME`, pi's directory and a working directory. */
export class Place {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-bench-")));
  readonly cwd = join(this.root, "work");
  readonly env: Record<string, string>;

  constructor() {
    mkdirSync(this.cwd);
    this.env = {
      PATH: process.env.PATH ?? "",
      HOME: this.root,
      PICTL_HOME: join(this.root, "home"),
      PI_CODING_AGENT_DIR: join(this.root, "pi"),
      PI_OFFLINE: "1",
    };
  }

  get socket(): string {
    return resolvePaths(this.env).socket;
  }

  /** Runs a program to its end and gives its stdout; throws when it fails. Stdin is closed at once. */
  async run(program: string, args: readonly string[]): Promise<string> {
    const running = run(program, args, { cwd: this.cwd, env: this.env, maxBuffer: 64 * 1024 * 1024 });
    running.child.stdin?.end();
    return (await running).stdout;
  }

  pictl(...args: string[]): Promise<string> {
    return this.run(PICTL, args);
  }

  /** pi's own one-shot mode with the same model. */
  piPrint(prompt: string): Promise<string> {
    return this.run(process.execPath, [PI, "-p", "-e", EXTENSION, "--model", "scripted/echo", prompt]);
  }

  /** pi's RPC mode as a child with raw pipes: what pictl is compared with. */
  piRpc(model: string, session: readonly string[] = ["--no-session"]) {
    const args = [PI, "--mode", "rpc", ...session, "--no-approve", "-e", EXTENSION, "--model", model];
    return spawn(process.execPath, args, { cwd: this.cwd, env: this.env, stdio: ["pipe", "pipe", "ignore"] });
  }

  async dispose(): Promise<void> {
    await this.pictl("daemon", "stop", "--now");
    rmSync(this.root, { recursive: true, force: true });
  }
}
