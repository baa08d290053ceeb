import { systemErrorCode } from "../core/errors.ts";

/**
 * Sends a signal to a whole process group. A group that is already gone is the wanted outcome.
 *
 * @param leader pid of the process that was started with `detached: true`
 */
export function killGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    const code = systemErrorCode(error);
    // EPERM: macOS says so for a group of zombies only.
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
