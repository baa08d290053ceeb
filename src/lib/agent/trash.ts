import { existsSync } from "node:fs";
import { PictlError } from "../core/errors.ts";
import { outsideEnvironment } from "../core/outside/environment.ts";
import { searchProgram } from "../core/outside/find-program.ts";
import type { Environment } from "../core/paths.ts";

/** Moving one file, also on a busy machine; a `trash` that takes longer is asking somebody something. */
const TRASH_TIMEOUT_MS = 30_000;

/**
 * Moves a file to the trash with the `trash` command, as pi's own session selector does.
 *
 * @param places in which sandboxed agents can write, as real paths; a command from there isn't run
 * @returns false when there is no such command, or it failed
 * @throws PictlError TIMEOUT when it doesn't end: the file is not to be removed for good instead
 */
export async function moveToTrash(
  file: string,
  env: Environment,
  places: readonly string[],
): Promise<boolean> {
  const { path } = searchProgram("trash", env, places);
  if (path === undefined) return false;
  const { PATH = "", HOME = "" } = outsideEnvironment(env, places);
  // Rarely needed, and large: a daemon starts without it.
  const { execa } = await import("execa");
  const { exitCode, timedOut } = await execa(path, [file], {
    cwd: "/",
    env: { PATH, HOME },
    extendEnv: false,
    stdio: "ignore",
    timeout: TRASH_TIMEOUT_MS,
    reject: false,
  });
  if (timedOut && existsSync(file)) {
    throw new PictlError(
      "TIMEOUT",
      `\`trash\` did not move ${file} within ${TRASH_TIMEOUT_MS / 1000} s, and the file is still there.`,
      {
        hint: "Try again, or remove the file yourself.",
        details: { file, timeoutMs: TRASH_TIMEOUT_MS },
        retryable: true,
      },
    );
  }
  return exitCode === 0 || !existsSync(file);
}
