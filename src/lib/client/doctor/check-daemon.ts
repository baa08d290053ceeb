import type { BuildInfo } from "../../core/build-info.ts";
import type { DaemonFacts } from "./facts.ts";
import { type Finding, failure, ok, warning } from "./finding.ts";

/** Whether the daemon answers, and whether it is of the same build as the pictl that asks. */
export function checkDaemon(daemon: DaemonFacts, own: BuildInfo): Finding {
  if (daemon.state === "absent")
    return ok("daemon", "Not running; the first command that needs it starts it.");
  if (daemon.state === "failed") {
    return failure("daemon", daemon.error.message, daemon.error.hint ?? "Run `pictl daemon logs`.");
  }
  const who = `Process ${daemon.pid}, pictl ${daemon.version}`;
  if (daemon.version === own.version && daemon.build === own.build) return ok("daemon", `${who}.`);
  const skew =
    daemon.version === own.version
      ? `another build of it (${daemon.build}, this is ${own.build})`
      : `this is ${own.version}`;
  return warning("daemon", `${who}: ${skew}.`, "Run `pictl daemon restart` once its turns have ended.");
}
