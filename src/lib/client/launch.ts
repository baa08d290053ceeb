import { closeSync, existsSync, fstatSync, readFileSync, statSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { AGENT_EXIT_MS } from "../core/agent-exit-time.ts";
import { type ErrorBody, isOutOfDescriptors, PictlError, systemErrorCode } from "../core/errors.ts";
import { lastWordsOf } from "../core/last-words.ts";
import { openLog } from "../core/open-log.ts";
import { startProgram } from "../core/outside/start-program.ts";
import { packagePlace } from "../core/package-place.ts";
import { checkRuntimeDir, type Environment, ensurePrivateDir, type Paths } from "../core/paths.ts";
import { Client } from "./client.ts";
import { DAEMON_NODE_OPTIONS } from "./daemon-node-options.ts";

/**
 * The daemon starts in well under a second; a machine under load may need many times that. One that follows a daemon
 * which was killed first waits until its agents have exited.
 */
const START_TIMEOUT_MS = 30_000 + AGENT_EXIT_MS;
/** Between two looks for the socket of a daemon that somebody else is starting. */
const RETRY_MS = 10;
/** How long another daemon's start is waited for before it is taken for one that is ending. */
const OTHER_START_MS = 1_000;
/** As much of the log's end as may tell why a start failed. */
const LOG_TAIL_BYTES = 16 * 1024;

/**
 * What the daemon itself may know of the shell that starts it: where its files are. Keys and everything else
 * reach an agent from the client that asks for it, never from whoever happened to start the daemon.
 */
const DAEMON_ENVIRONMENT =
  /^(HOME|USER|LOGNAME|PATH|TMPDIR|LANG|LC_\w+|TZ|XDG_\w+|PICTL_HOME|PICTL_LOG_LEVEL|DEBUG)$/;

/** What the daemon reports (see daemon/entry.ts), or why it didn't: it ended before, or its time is over. */
type StartReport =
  | { state: "ready" | "already-running" | "late" }
  | { state: "silent"; why: string }
  | { state: "failed"; error: ErrorBody };

/**
 * Starts the daemon, detached from this terminal, and connects to it. Of many that do this at once one starts
 * it and all connect.
 *
 * @throws PictlError DAEMON_START_FAILED with the reason, or the daemon's own error
 */
export async function launchDaemon(paths: Paths, env: Environment): Promise<Client> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  ensurePrivateDir(paths.runtimeDir);
  checkRuntimeDir(paths.runtimeDir);
  ensurePrivateDir(paths.stateDir);
  while (Date.now() < deadline) {
    const report = await spawnDaemon(paths, env, deadline);
    if (report.state === "failed") throw reportedFailure(report.error, paths);
    if (report.state === "silent") throw startFailure(report.why, paths);
    if (report.state === "late") break;
    // A daemon that has reported itself ready listens. Another one is either starting, which is soon over, or
    // ending, and then the next round starts its successor.
    const patience = Math.min(deadline, Date.now() + OTHER_START_MS);
    do {
      const client = await Client.connect(paths.socket);
      if (client !== undefined) return client;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    } while (Date.now() < patience);
  }
  throw new PictlError(
    "DAEMON_START_FAILED",
    `The daemon did not start within ${START_TIMEOUT_MS / 1000} s.`,
    {
      hint: `The machine may be busy: try again, or run \`pictl daemon run\` to see why. ${logTail(paths.log)}`,
      details: { log: paths.log, socket: paths.socket, timeoutMs: START_TIMEOUT_MS },
      retryable: true,
    },
  );
}

async function spawnDaemon(paths: Paths, env: Environment, deadline: number): Promise<StartReport> {
  const { root, fromSource } = packagePlace();
  const entry = fromSource ? "src/lib/daemon/main.ts" : "dist/lib/daemon/main.js";
  const log = openLog(paths.log);
  const { size: logStart } = fstatSync(log);
  const child = startProgram(process.execPath, [...DAEMON_NODE_OPTIONS, join(root, entry)], {
    detached: true,
    stdio: ["ignore", log, log, "pipe"],
    env: daemonEnvironment(env),
  });
  closeSync(log);
  child.unref();
  const { promise, resolve, reject } = Promise.withResolvers<StartReport>();
  child.on("error", (error) => {
    if (isOutOfDescriptors(error)) reject(error);
    else resolve({ state: "silent", why: `${systemErrorCode(error) ?? error.message}.` });
  });
  // Without a free descriptor there is no pipe either.
  const pipe = child.stdio?.[3] as Readable | undefined;
  let text = "";
  pipe?.setEncoding("utf8");
  pipe?.on("data", (chunk: string) => {
    text += chunk;
    if (text.includes("\n")) resolve(JSON.parse(text) as StartReport);
  });
  const ended = new Promise<string>((tell) => {
    child.on("exit", (code, signal) => tell(signal === null ? `with exit code ${code}` : `by ${signal}`));
  });
  // The pipe's end comes after all that was reported.
  pipe?.on("close", () => {
    const words = () => lastLines(paths.log, logStart);
    void ended.then((how) => resolve({ state: "silent", why: `it ended ${how}${words() || "."}` }));
  });
  const timer = setTimeout(() => resolve({ state: "late" }), deadline - Date.now());
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    pipe?.destroy();
  }
}

function daemonEnvironment(env: Environment): NodeJS.ProcessEnv {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => DAEMON_ENVIRONMENT.test(name)));
  // V8's compiled code is kept where bin/run.js keeps it: in a directory that is the user's own.
  const cache = getCompileCacheDir();
  return cache === undefined ? own : { ...own, NODE_COMPILE_CACHE: dirname(cache) };
}

/** An error that says what to do is passed on; any other one is a start that failed. */
function reportedFailure(body: ErrorBody, paths: Paths): PictlError {
  const error = PictlError.fromBody(body);
  return error.code === "INTERNAL" ? startFailure(`${error.message}.`, paths, error) : error;
}

function startFailure(why: string, paths: Paths, cause?: PictlError): PictlError {
  return new PictlError("DAEMON_START_FAILED", `The daemon could not start: ${why}`, {
    hint: "Run `pictl daemon run` to see it happen, and `pictl doctor`.",
    details: { log: paths.log },
    cause,
  });
}

function logTail(path: string): string {
  const words = lastLines(
    path,
    Math.max(0, (statSync(path, { throwIfNoEntry: false })?.size ?? 0) - LOG_TAIL_BYTES),
  );
  return words === "" ? `${path} is empty.` : `The end of ${path}${words}`;
}

/** What the log says from there on, as far as it fits an error. Node writes the reason of a crash there. */
function lastLines(path: string, start: number): string {
  const bytes = existsSync(path) ? readFileSync(path).subarray(start).subarray(0, LOG_TAIL_BYTES) : "";
  const words = lastWordsOf(bytes.toString().trim());
  return words === "" ? "" : `:\n${words}`;
}
