import { existsSync } from "node:fs";
import type { Environment } from "../core/paths.ts";

/** Moving one file; a `trash` that takes longer is asking somebody something. */
const TRASH_TIMEOUT_MS = 10_000;

/**
 * Moves a file to the trash with the `trash` command, as pi's own session selector does.
 *
 * @returns false when there is no such command, or it failed
 */
export async function moveToTrash(file: string, env: Environment): Promise<boolean> {
  // Rarely needed, and large: a daemon starts without it.
  const { execa } = await import("execa");
  const { exitCode } = await execa("trash", [file], {
    env: { PATH: env.PATH ?? "", HOME: env.HOME ?? "" },
    extendEnv: false,
    stdio: "ignore",
    timeout: TRASH_TIMEOUT_MS,
    reject: false,
  });
  return exitCode === 0 || !existsSync(file);
}
