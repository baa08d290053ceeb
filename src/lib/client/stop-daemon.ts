import { readFileSync } from "node:fs";
import { AGENT_EXIT_MS } from "../core/agent-exit-time.ts";
import { buildInfo } from "../core/build-info.ts";
import { formatDuration } from "../core/duration.ts";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { checkRuntimeDir, type Environment, type Paths, resolvePaths } from "../core/paths.ts";
import { majorOf, PROTOCOL_VERSION } from "../protocol/version.ts";
import { Client } from "./client.ts";
import { isAlive } from "./process-alive.ts";

/** What the daemon takes to end its agents and itself, beyond the time that it gives to running turns. */
const STOP_TIMEOUT_MS = AGENT_EXIT_MS + 30_000;
/** Its time for running turns, where it can't be asked: the configuration's default. */
const DRAIN_TIMEOUT_MS = 30_000;
/** How long a daemon that is to end at once may take to answer before it is killed. */
const FORCE_ANSWER_MS = 5_000;
/** How long it may then take to end its agents and itself before it is killed. */
const FORCE_TIMEOUT_MS = AGENT_EXIT_MS + 5_000;
/** Between two looks whether the process is gone; nothing tells when another process's child ends. */
const LOOK_MS = 20;
/** A second signal makes the daemon hurry; two at once would arrive as one. */
const SECOND_SIGNAL_MS = 100;

/** No agent is started for who ends the daemon: nothing of the shell is needed there, however large it is. */
const NO_ENVIRONMENT = {};

export interface StopOptions {
  /** Abort what runs instead of waiting for it. */
  now?: boolean;
  /** End the agents at once; a daemon that doesn't answer is killed, and its agents end when they see it gone. */
  force?: boolean;
  /** Wait until nothing runs, for at most so many milliseconds. */
  whenIdleMs?: number;
  /** Called with what is waited for, when something runs. */
  onWaiting?: (running: { sessionId: string; state: string }[], limitMs: number) => void;
}

/**
 * Ends the daemon and waits until its process is gone. Works with a daemon of any protocol version, and with
 * one that is stopping already.
 *
 * @returns the process that has ended, or undefined when none ran
 * @throws PictlError TIMEOUT, UNSAFE_DIRECTORY, DAEMON_UNREACHABLE
 */
export async function stopDaemon(
  { now = false, force = false, whenIdleMs, onWaiting = () => undefined }: StopOptions = {},
  env: Environment = process.env,
): Promise<number | undefined> {
  const paths = resolvePaths(env);
  if (!checkRuntimeDir(paths.runtimeDir)) return undefined;
  const client = await connectOrForce(paths, force);
  const pid = client?.server.pid ?? (force ? recordedPid(paths) : undefined);
  try {
    if (pid === undefined) return undefined;
    if (whenIdleMs !== undefined && client !== undefined) await untilIdle(client, whenIdleMs, onWaiting);
    else if (force) await endAtOnce(client, pid);
    else if (client !== undefined) await gone(pid, (await ask(client, now, onWaiting)) + STOP_TIMEOUT_MS);
    await gone(pid, STOP_TIMEOUT_MS);
    return pid;
  } finally {
    client?.close();
  }
}

/** Has the daemon end as soon as nothing runs. Throws TIMEOUT, and takes the request back with the connection. */
async function untilIdle(
  client: Client,
  timeoutMs: number,
  onWaiting: NonNullable<StopOptions["onWaiting"]>,
): Promise<void> {
  const { protocolVersion, pid } = client.server;
  if (majorOf(protocolVersion) !== majorOf(PROTOCOL_VERSION)) {
    throw new PictlError(
      "PROTOCOL_MISMATCH",
      `The daemon (process ${pid}) speaks protocol ${protocolVersion} and this pictl ${PROTOCOL_VERSION}: it can't be asked to wait.`,
      {
        hint: "Run `pictl daemon restart` without --when-idle once its turns have ended.",
        details: { daemon: protocolVersion, client: PROTOCOL_VERSION },
      },
    );
  }
  client.introduce(buildInfo().version, NO_ENVIRONMENT);
  const running = await runningSessions(client);
  if (running.length > 0) onWaiting(running, timeoutMs);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `The daemon (process ${pid}) was busy all the time (${formatDuration(timeoutMs)}) and goes on.`;
      const hint = "See what runs with `pictl daemon status`; raise --timeout, or leave out --when-idle.";
      reject(new PictlError("TIMEOUT", message, { hint, details: { pid, timeoutMs }, retryable: true }));
    }, timeoutMs);
  });
  try {
    await Promise.race([client.request("stop_daemon", { whenIdle: true }), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks first: a daemon that answers leaves nothing behind. */
async function endAtOnce(client: Client | undefined, pid: number): Promise<void> {
  if (client !== undefined && majorOf(client.server.protocolVersion) === majorOf(PROTOCOL_VERSION)) {
    client.introduce(buildInfo().version, NO_ENVIRONMENT);
    const answered = client.request("stop_daemon", { force: true }).then(
      () => true,
      () => false,
    );
    const late = new Promise<false>((resolve) => {
      setTimeout(() => resolve(false), FORCE_ANSWER_MS).unref();
    });
    if ((await Promise.race([answered, late])) && (await isGone(pid, FORCE_TIMEOUT_MS))) return;
  }
  signal(pid, "SIGKILL");
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

/** @returns how long it gives to what runs */
async function ask(
  client: Client,
  now: boolean,
  onWaiting: NonNullable<StopOptions["onWaiting"]>,
): Promise<number> {
  const { pid, protocolVersion } = client.server;
  if (majorOf(protocolVersion) === majorOf(PROTOCOL_VERSION)) {
    client.introduce(buildInfo().version, NO_ENVIRONMENT);
    try {
      const running = now ? [] : await runningSessions(client);
      const { drainTimeoutMs } = await client.request("stop_daemon", { now });
      if (running.length > 0) onWaiting(running, drainTimeoutMs);
      return now ? 0 : drainTimeoutMs;
    } catch (error) {
      if (!(error instanceof PictlError)) throw error;
      // It was gone before it could answer, which is what was asked for.
      if (error.code === "DAEMON_UNREACHABLE") return 0;
      // It takes no more clients, but signals.
      if (error.code !== "LIMIT_EXCEEDED") throw error;
    }
  }
  // Signals are understood across every version of the protocol.
  signal(pid, "SIGTERM");
  if (now) await hurry(pid);
  return now ? 0 : DRAIN_TIMEOUT_MS;
}

async function runningSessions(client: Client): Promise<{ sessionId: string; state: string }[]> {
  const { agents } = await client.request("get_daemon_status", {});
  return agents.filter(({ state }) => state !== "idle");
}

async function hurry(pid: number): Promise<void> {
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

async function gone(pid: number, timeoutMs: number): Promise<void> {
  if (await isGone(pid, timeoutMs)) return;
  throw new PictlError("TIMEOUT", `The daemon (process ${pid}) has not ended in time.`, {
    hint: "Run `pictl daemon stop --force` to kill it; sessions go on where pi saved them.",
    details: { pid },
    retryable: true,
  });
}

/** Whether the process ends within this time. */
async function isGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await pause(LOOK_MS);
  }
  return true;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
