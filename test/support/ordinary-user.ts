import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Result } from "./workspace.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Where a user may own a directory that isn't in /tmp, of which a sandbox sees nothing. */
const HOMES = "/var/lib";

/**
 * An ordinary user of this machine: made, when root runs the tests, else whoever does. What they run is a copy of
 * the built package, and of Node, in their home: a checkout may lie where only root may go.
 */
export class OrdinaryUser {
  readonly home: string;
  readonly #name: string | undefined;
  readonly #ids: { uid?: number; gid?: number };

  constructor() {
    this.home = mkdtempSync(
      join(process.getuid?.() === 0 ? HOMES : (process.env.HOME ?? "/var/tmp"), "pictl-user-"),
    );
    if (process.getuid?.() === 0) {
      this.#name = `pictl-${process.pid}-${Date.now() % 100_000}`;
      execFileSync("useradd", [
        "--no-create-home",
        "--home-dir",
        this.home,
        "--shell",
        "/bin/sh",
        this.#name,
      ]);
      const id = (flag: string) => Number(execFileSync("id", [flag, this.#name ?? ""], { encoding: "utf8" }));
      this.#ids = { uid: id("-u"), gid: id("-g") };
    } else {
      this.#ids = {};
    }
    const package_ = join(this.home, "package");
    mkdirSync(package_);
    for (const name of ["bin", "dist", "package.json", "oclif.manifest.json"])
      cpSync(join(ROOT, name), join(package_, name), { recursive: true });
    cpSync(realpathSync(process.execPath), join(this.home, "node"));
    chmodSync(this.home, 0o755);
    mkdirSync(join(this.home, "project"));
    this.own(this.home, join(this.home, "project"));
  }

  /** Runs pictl in a project of theirs. */
  pictl(...args: string[]): Promise<Result> {
    const { uid, gid } = this.#ids;
    const child = spawn(join(this.home, "node"), [join(this.home, "package/bin/run.js"), ...args], {
      cwd: join(this.home, "project"),
      env: { PATH: process.env.PATH, HOME: this.home, PICTL_HOME: join(this.home, "pictl") },
      stdio: ["ignore", "pipe", "pipe"],
      ...(uid === undefined || gid === undefined ? {} : { uid, gid }),
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ stdout, stderr, code, signal }));
    });
  }

  /** Runs a program of Node's in their name, with a channel to it. Its working directory is their project. */
  fork(file: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const { uid, gid } = this.#ids;
    return spawn(join(this.home, "node"), [file, ...args], {
      cwd: join(this.home, "project"),
      env: { PATH: process.env.PATH, HOME: this.home, ...env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      ...(uid === undefined || gid === undefined ? {} : { uid, gid }),
    });
  }

  /** Gives them what root has made for them. */
  own(...paths: readonly string[]): void {
    const { uid, gid } = this.#ids;
    if (uid === undefined || gid === undefined) return;
    for (const path of paths) chownSync(path, uid, gid);
  }

  remove(): void {
    if (this.#name !== undefined) execFileSync("userdel", [this.#name], { stdio: "ignore" });
    rmSync(this.home, { recursive: true, force: true });
  }
}
