import { once } from "node:events";
import { constants } from "node:os";
import type { SandboxProfile } from "../../core/choices.ts";
import { agentPlaces, noteAgentPlaces } from "../../core/outside/agent-places.ts";
import { type Environment, ensurePrivateDir, removeEmptyDirs, resolvePaths } from "../../core/paths.ts";
import { agentDirOf } from "../../core/session-files/locate.ts";
import { AccessLog } from "../../sandbox/gate/access-log.ts";
import { openSandbox } from "../../sandbox/open-sandbox.ts";
import { removeDeadRuns, runDirectory } from "../../sandbox/own-places.ts";
import { planSandbox, writablePlaces } from "../../sandbox/plan.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { type Output, PassedStreams } from "./passed-streams.ts";

/** Signals that a terminal or a supervisor ends a command with; bubblewrap gets them too, or is told. */
const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a command under the policy of a directory, with this process's stdin, stdout and stderr. No model can be reached
 * from it: that is for agents.
 *
 * @returns its exit code; 128 and the number of the signal that ended it
 * @throws PictlError SANDBOX_UNAVAILABLE, SANDBOX_CHANGED, INVALID_CONFIG, USAGE
 */
export async function runSandboxed(
  command: readonly string[],
  cwd: string,
  environment: Environment,
  profile: SandboxProfile | undefined,
  output: Output,
): Promise<number> {
  const paths = resolvePaths(environment);
  ensurePrivateDir(paths.stateDir);
  removeDeadRuns(paths.runtimeDir);
  const log = new AccessLog(paths.sandboxLog);
  const runtimeDir = runDirectory(paths.runtimeDir);
  const leave = () => removeEmptyDirs(runtimeDir, paths.runtimeDir);
  const sandbox = await open(cwd, environment, profile, { runtimeDir, log }).catch((error: unknown) => {
    leave();
    throw error;
  });
  // A second one is the kernel's to deliver: the first has ended bubblewrap, and with it all that ran.
  const ignore = () => undefined;
  for (const signal of ENDING) process.on(signal, ignore);
  let streams: PassedStreams | undefined;
  try {
    streams = new PassedStreams(runtimeDir, output);
    const child = sandbox.spawn(command, cwd, [streams.stdin, streams.stdout, "pipe"], { detached: false });
    streams.start();
    const forward = ENDING.map((name) => {
      const pass = () => void child.kill(name);
      process.on(name, pass);
      return () => process.off(name, pass);
    });
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      if (complaint.length < MAX_COMPLAINT) complaint += chunk.toString("utf8");
      process.stderr.write(chunk);
    });
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    for (const stop of forward) stop();
    const failure = sandbox.refusal ?? (code === 1 ? sandbox.failure(complaint) : undefined);
    if (failure !== undefined) throw failure;
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    await streams?.finish();
    for (const signal of ENDING) process.off(signal, ignore);
    await sandbox.close();
    leave();
    log.flush();
  }
}

/** As much of stderr as tells why bubblewrap itself failed. */
const MAX_COMPLAINT = 4096;

/**
 * The command line with which a command runs in the sandbox of a directory. Nothing is made for it: what it names and
 * isn't there yet (pi's directory, for one) is made when something runs.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE, INVALID_CONFIG
 */
export async function bubblewrapArguments(
  cwd: string,
  environment: Environment,
  profile: SandboxProfile | undefined,
): Promise<string[]> {
  const sandbox = await open(cwd, environment, profile, { runtimeDir: undefined, log: undefined });
  try {
    return sandbox.arguments(["true"], cwd);
  } finally {
    await sandbox.close();
  }
}

async function open(
  cwd: string,
  environment: Environment,
  profile: SandboxProfile | undefined,
  { runtimeDir, log }: { runtimeDir: string | undefined; log: AccessLog | undefined },
): Promise<Sandbox> {
  const paths = resolvePaths(environment);
  const agentDir = agentDirOf(environment, cwd);
  const plan = await planSandbox({
    profile,
    always: true,
    cwd,
    environment,
    paths,
    agentDir,
  });
  if (runtimeDir !== undefined) noteAgentPlaces(paths.agentPlaces, writablePlaces(plan));
  return await openSandbox(plan, {
    environment,
    agentPlaces: agentPlaces(paths.agentPlaces),
    runtimeDir,
    onLog: (record) => log?.write(record),
  });
}
