import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packagePlace } from "../core/package-place.ts";

interface DaemonEntry {
  runDaemon(foreground: boolean): Promise<number>;
}

/**
 * What the first process of a container has to do beside its own work: collect processes whose parents have ended, and
 * pass signals on. A shell does both; Node collects only children that it has started. A terminal sends its own
 * signals to the whole process group, so those aren't passed on: a second SIGINT would abort the running turns.
 */
const FIRST_PROCESS = `"$@" & child=$!
signals='TERM HUP USR1 USR2'; [ -t 0 ] || signals="$signals INT QUIT"
for signal in $signals; do trap "kill -$signal $child" "$signal"; done
[ -t 0 ] && trap : INT QUIT
while :; do
  wait "$child"; code=$?
  [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null || exit "$code"
done`;

/**
 * Runs the daemon in this process until it is stopped. Loaded by URL, so that no client carries the daemon. As the
 * first process of a container (process id 1) it makes way for a shell, whose child the daemon then is.
 *
 * @returns the exit code
 * @throws PictlError DAEMON_BUSY when another one serves this place, or what its start throws
 */
export async function runDaemonInForeground(): Promise<number> {
  if (process.pid === 1) becomeFirstProcess();
  const { root, fromSource } = packagePlace();
  const file = join(root, fromSource ? "src/lib/daemon/entry.ts" : "dist/lib/daemon/entry.js");
  const entry = (await import(pathToFileURL(file).href)) as DaemonEntry;
  return await entry.runDaemon(true);
}

/** Doesn't return: this process becomes the shell. */
function becomeFirstProcess(): void {
  const line = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.("/bin/sh", ["sh", "-c", FIRST_PROCESS, "pictl", ...line], process.env);
}
