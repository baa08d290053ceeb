import {
  type ChildProcess,
  type ExecFileException,
  type ExecFileOptions,
  execFile,
  type SpawnOptions,
  type SpawnSyncOptions,
  type SpawnSyncReturns,
  spawn,
  spawnSync,
} from "node:child_process";
import { isAbsolute } from "node:path";
import type { Environment } from "../paths.ts";

/**
 * The only way by which pictl starts a program: by an absolute path, which `searchProgram` or `findSystemProgram` gives,
 * with an environment that is said, and not in a directory that an agent may have prepared unless that is said.
 */
type Setting<Options> = Omit<Options, "env" | "shell"> & { env: Environment };

/** As `spawn` of Node. Throws what that throws, E2BIG among it. */
export function startProgram(
  program: string,
  args: readonly string[],
  options: Setting<SpawnOptions>,
): ChildProcess {
  return spawn(requireAbsolute(program), args, whole(options));
}

/** As `execFile` of Node: gathers what the program prints. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: Setting<ExecFileOptions>,
  callback: (error: ExecFileException | null, stdout: string, stderr: string) => void,
): void {
  execFile(requireAbsolute(program), args, { ...whole(options), encoding: "utf8" }, callback);
}

/** As `spawnSync` of Node. */
export function runProgramSync(
  program: string,
  args: readonly string[],
  options: Setting<SpawnSyncOptions>,
): SpawnSyncReturns<string> {
  return spawnSync(requireAbsolute(program), args, { ...whole(options), encoding: "utf8" });
}

function whole<Options extends { env: Environment }>(options: Options) {
  return { cwd: "/", ...options, env: options.env as NodeJS.ProcessEnv, shell: false };
}

function requireAbsolute(program: string): string {
  if (isAbsolute(program)) return program;
  throw new Error(`${program} is no absolute path, and would be looked for on PATH`);
}
