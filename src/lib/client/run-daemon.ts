import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packagePlace } from "../core/package-place.ts";

interface DaemonEntry {
  runDaemon(foreground: boolean): Promise<number>;
}

/**
 * Runs the daemon in this process until it is stopped. Loaded by URL, so that no client carries the daemon.
 *
 * @returns the exit code
 * @throws PictlError DAEMON_BUSY when another one serves this place, or what its start throws
 */
export async function runDaemonInForeground(): Promise<number> {
  const { root, fromSource } = packagePlace();
  const file = join(root, fromSource ? "src/lib/daemon/entry.ts" : "dist/lib/daemon/entry.js");
  const entry = (await import(pathToFileURL(file).href)) as DaemonEntry;
  return await entry.runDaemon(true);
}
