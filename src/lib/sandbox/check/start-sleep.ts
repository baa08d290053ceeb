import type { ChildProcess, SpawnOptions } from "node:child_process";
import { findSystemProgram } from "../../core/outside/find-program.ts";
import { startProgram } from "../../core/outside/start-program.ts";
import type { Environment } from "../../core/paths.ts";

/**
 * Starts a process that does nothing. It is the system's own program: one that an agent has put on PATH would run outside,
 * or in a sandbox without walls.
 */
export function startSleep(
  seconds: number,
  options: Pick<SpawnOptions, "argv0"> & { env?: Environment } = {},
): ChildProcess {
  const program = findSystemProgram("sleep") ?? "/bin/sleep";
  return startProgram(program, [String(seconds)], { stdio: "ignore", env: {}, ...options });
}
