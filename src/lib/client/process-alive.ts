import { readFileSync } from "node:fs";
import { systemErrorCode } from "../core/errors.ts";

/** Whether a process is there and does anything: one that has ended and waits to be reaped is as good as gone. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process with this number isn't the one that was meant.
    const code = systemErrorCode(error);
    if (code === "ESRCH" || code === "EPERM") return false;
    throw error;
  }
  return !isZombie(pid);
}

/** In a container whose first process reaps nobody, an ended daemon stays a zombie for ever. */
function isZombie(pid: number): boolean {
  try {
    // The name, in parentheses, may hold anything; the state is the first field after it.
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // No /proc here, or gone in between: the next look tells.
    return false;
  }
}
