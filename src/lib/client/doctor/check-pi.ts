import type { DaemonFacts } from "./facts.ts";
import { type Finding, failure, ok } from "./finding.ts";

/** Which pi is used, which version it is and why it is this one. */
export function checkPi(daemon: DaemonFacts): Finding {
  if (daemon.state !== "running") return ok("pi", "Not checked: the daemon chooses it, and none answers.");
  const { pi } = daemon;
  if (!("error" in pi)) return ok("pi", `pi ${pi.version} (${pi.path}). ${pi.reason}`);
  return failure("pi", pi.error.message, pi.error.hint ?? "Name another pi with PICTL_PI.");
}
