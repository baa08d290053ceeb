import type { DaemonFacts } from "./facts.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** pi processes that a daemon left behind when it was killed. */
export function checkOrphans(daemon: DaemonFacts): Finding {
  if (daemon.state !== "running")
    return ok("orphans", "Not checked: the daemon looks for them, and none answers.");
  const { orphans } = daemon;
  if (orphans === undefined)
    return ok("orphans", "Not checked on this system: it doesn't show the environment of a process.");
  if (orphans.length === 0) return ok("orphans", "No agent is left of a daemon that is gone.");
  const pids = orphans.map(({ pid }) => pid);
  const daemons = [...new Set(orphans.map(({ daemonPid }) => daemonPid))];
  return warning(
    "orphans",
    `${pids.length === 1 ? "An agent is" : `${pids.length} agents are`} left of a daemon that is gone (${daemons.join(", ")}): ` +
      `process ${pids.join(", ")}.`,
    `End ${pids.length === 1 ? "it" : "them"} with: kill ${pids.join(" ")}`,
  );
}
