import { readFileSync } from "node:fs";
import { buildInfo } from "../core/build-info.ts";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { checkRuntimeDir, type Environment, type Paths, resolvePaths } from "../core/paths.ts";
import { majorOf, PROTOCOL_VERSION } from "../protocol/version.ts";
import { Client } from "./client.ts";
import { isAlive } from "./process-alive.ts";

/** The daemon gives running turns 30 s and their agents a few more. */
const STOP_TIMEOUT_MS = 45_000;
/** Between two looks whether the process is gone; nothing tells when another process's child ends. */
const LOOK_MS = 20;
/** A second signal makes the daemon hurry; two at once would arrive as one. */
const SECOND_SIGNAL_MS = 100;

export interface StopOptions {
  /** Abort what runs instead of waiting for it. */
  now?: boolean;
  /** Kill the process: for a daemon that doesn't answer. Its agents end when they see it gone. */
  force?: boolean;
  timeoutMs?: number;
}

/**
 * Ends the daemon and waits until its process is gone. Works with a daemon of any protocol version, and with
 * one that is stopping already.
 *
 * @returns the process that has ended, or undefined when none ran
 * @throws PictlError TIMEOUT, UNSAFE_DIRECTORY, DAEMON_UNREACHABLE
 */
export async function stopDaemon(
  { now = false, force = false, timeoutMs = STOP_TIMEOUT_MS }: StopOptions = {},
  env: Environment = process.env,
): Promise<number | undefined> {
  const paths = resolvePaths(env);
  if (!checkRuntimeDir(paths.runtimeDir)) return undefined;
  const deadline = Date.now() + timeoutMs;
  const client = await connectOrForce(paths, force);
  const pid = client?.server.pid ?? (force ? recordedPid(paths) : undefined);
  try {
    if (pid === undefined) return undefined;
    if (force) signal(pid, "SIGKILL");
    else if (client !== undefined) await ask(client, now, env);
    await gone(pid, deadline);
    return pid;
  } finally {
    client?.close();
  }
}

/** A daemon that hangs can't be connected to, and is what `force` is for. */
async function connectOrForce(paths: Paths, force: boolean): Promise<Client | undefined> {
  try {
    return await Client.connect(paths.socket);
  } catch (error) {
    if (force) return undefined;
    throw error;
  }
}

/** The process of a daemon that can't be asked who it is. The file may be older, so the process must fit too. */
function recordedPid(paths: Paths): number | undefined {
  try {
    const pid = Number(readFileSync(paths.pid, "utf8"));
    const isDaemon = /daemon\/main\.[jt]s|\0daemon\0run\0/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    return isDaemon && isAlive(pid) ? pid : undefined;
  } catch {
    // No such file, or no /proc to ask: nothing that could be killed is known.
    return undefined;
  }
}

async function ask(client: Client, now: boolean, env: Environment): Promise<void> {
  const { pid, protocolVersion } = client.server;
  if (majorOf(protocolVersion) !== majorOf(PROTOCOL_VERSION)) {
    // Signals are understood across every version of the protocol.
    signal(pid, "SIGTERM");
    if (now) await hurry(pid);
    return;
  }
  client.introduce(buildInfo().version, env);
  try {
    await client.request("stop_daemon", { now });
  } catch (error) {
    // It was gone before it could answer, which is what was asked for.
    if (!(error instanceof PictlError) || error.code !== "DAEMON_UNREACHABLE") throw error;
  }
}

async function hurry(pid: number): Promise<void> {
  signal(pid, "SIGTERM");
  await pause(SECOND_SIGNAL_MS);
  signal(pid, "SIGTERM");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (systemErrorCode(error) !== "ESRCH") throw error;
  }
}

async function gone(pid: number, deadline: number): Promise<void> {
  while (isAlive(pid)) {
    if (Date.now() > deadline) {
      throw new PictlError("TIMEOUT", `The daemon (process ${pid}) has not ended in time.`, {
        hint: "Run `pictl daemon stop --force` to kill it; sessions go on where pi saved them.",
        details: { pid },
        retryable: true,
      });
    }
    await pause(LOOK_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
