import { existsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { AGENT_EXIT_MS } from "../core/agent-exit-time.ts";
import { type PictlError, toPictlError } from "../core/errors.ts";
import { refuseForeignPlaces } from "../core/foreign-places.ts";
import {
  checkRuntimeDir,
  ensurePrivateDir,
  type Paths,
  removeEmptyDirs,
  resolvePaths,
} from "../core/paths.ts";
import { activatedSocket } from "./activation.ts";
import { InstanceLock } from "./lock.ts";

/** What the daemon says once to whoever started it, as one line of JSON on descriptor 3 when that is open. */
export type StartReport =
  | { state: "ready" }
  | { state: "already-running" }
  | { state: "failed"; error: ReturnType<PictlError["toBody"]> };

/** Written by the process that starts the daemon, which passes the write end of a pipe at this number. */
const REPORT_FD = 3;
/**
 * Threads of Node's pool. Half of them do lookups: two for the gate of each of eight agents (sandbox/gate/lookups.ts), so
 * that names which nobody answers for keep no other agent's from being resolved. The other half reads and writes files.
 */
const POOL_THREADS = 36;
/** The daemon looks for its socket every 15 s, and then gives its turns 30 s by default, before its agents exit. */
const PREDECESSOR_TIMEOUT_MS = 60_000 + AGENT_EXIT_MS;
const PREDECESSOR_LOOK_MS = 100;

/**
 * Runs the daemon until it is stopped. The lock comes before everything else: of many that are started at
 * once, all but one must end early and cheaply.
 *
 * @param foreground log to stderr as well, and report nothing
 * @returns the exit code
 */
export async function runDaemon(foreground: boolean): Promise<number> {
  const report = (message: StartReport) => {
    if (!foreground) reportToStarter(message);
  };
  // Read by Node at the pool's first use.
  process.env.UV_THREADPOOL_SIZE ??= String(POOL_THREADS);
  // Nothing of the daemon's own is for others. Agents and exports get the umask of who asks for them.
  const umask = process.umask(0o077);
  try {
    const paths = resolvePaths(process.env);
    ensurePrivateDir(paths.stateDir);
    // Also what was made by somebody else since the command looked.
    refuseForeignPlaces(process.env);
    const lock = acquireLock(paths) ?? (await predecessorsLock(paths));
    if (lock === undefined) {
      report({ state: "already-running" });
      if (!foreground) return 0;
      const { PictlError } = await import("../core/errors.ts");
      throw new PictlError("DAEMON_BUSY", `Another daemon already serves ${paths.socket}.`, {
        hint: "See `pictl daemon status`, or end it with `pictl daemon stop`.",
      });
    }
    try {
      const { startDaemon } = await import("./start.ts");
      await startDaemon(paths, { foreground, umask, onListening: () => report({ state: "ready" }) });
      return 0;
    } finally {
      removeEmptyDirs(paths.runtimeDir);
      lock.release();
    }
  } catch (error) {
    const failure = toPictlError(error);
    report({ state: "failed", error: failure.toBody() });
    if (foreground) throw failure;
    process.stderr.write(
      `${JSON.stringify({ level: "error", message: "start failed", error: failure.toBody() })}\n`,
    );
    return failure.exitCode;
  }
}

/** How often the directories are made that a command or an ending daemon removes when they are empty. */
const MAX_ATTEMPTS = 10;

/** @returns undefined when another daemon holds the lock */
function acquireLock(paths: Paths): InstanceLock | undefined {
  for (let attempt = 1; ; attempt++) {
    ensurePrivateDir(paths.runtimeDir);
    checkRuntimeDir(paths.runtimeDir);
    ensurePrivateDir(dirname(paths.lock));
    try {
      return InstanceLock.acquire(paths);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || existsSync(paths.runtimeDir)) throw error;
    }
  }
}

/**
 * A daemon that systemd has started waits for the one before it: that has lost its socket to systemd and leaves
 * when its turns have ended. To fail meanwhile would make systemd start this one over and over.
 */
async function predecessorsLock(paths: Paths): Promise<InstanceLock | undefined> {
  if (activatedSocket(process.env) === undefined) return undefined;
  process.stderr.write(
    `${JSON.stringify({ level: "info", message: "waiting for the daemon before this one" })}\n`,
  );
  const deadline = Date.now() + PREDECESSOR_TIMEOUT_MS;
  let lock: InstanceLock | undefined;
  while (lock === undefined && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, PREDECESSOR_LOOK_MS));
    lock = acquireLock(paths);
  }
  return lock;
}

function reportToStarter(message: StartReport): void {
  try {
    writeSync(REPORT_FD, `${JSON.stringify(message)}\n`);
  } catch {
    // Nobody waits for it: the starter has given up or been killed, and the daemon serves whoever comes next.
  }
}
