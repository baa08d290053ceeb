import { endLeftoversOfDaemon, endLeftoversOfDeadDaemons } from "../agent/leftovers.ts";
import type { Logger } from "../core/logger.ts";

/** Ends the agents of a daemon of this place that was killed, and what they have left; see agent/leftovers.ts. */
export async function endOldLeftovers(runtimeDir: string, log: Logger): Promise<void> {
  const found = await endLeftoversOfDeadDaemons(runtimeDir, process.pid);
  if (found === undefined) {
    log.info(
      "can't look for what dead agents have left: this system doesn't show the environment of a process",
    );
    return;
  }
  const { ended, left } = found;
  if (ended.length > 0) log.warn("ended what a daemon that died has left", { processes: ended });
  if (left.length > 0) log.error("could not end what a daemon that died has left", { processes: left });
}

/** Ends what agents of this daemon have left that died before it: every session has closed its own. */
export async function endOwnLeftovers(runtimeDir: string, log: Logger): Promise<void> {
  const { ended, left } = await endLeftoversOfDaemon(runtimeDir, process.pid);
  if (ended.length > 0) log.info("ended what agents have left", { processes: ended });
  if (left.length > 0) log.error("could not end what agents have left", { processes: left });
}
