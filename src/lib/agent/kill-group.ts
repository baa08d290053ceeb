import { systemErrorCode } from "../core/errors.ts";

/**
 * Sends a signal to a whole process group. A group that is already gone is the wanted outcome.
 *
 * @param leader pid of the process that was started with `detached: true`
 */
export function killGroup(leader: number, signal: NodeJS.Signals): void {
  signalProcess(-leader, signal);
}

/** Sends a signal to a process. One that has ended is the wanted outcome. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const code = systemErrorCode(error);
    // EPERM: it is another user's now (a setuid program). macOS also says so for a group of zombies only.
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
