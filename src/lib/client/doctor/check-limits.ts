import { limitsBeyond, limitsToSet } from "../../core/resource-limits.ts";
import type { LimitFacts } from "./facts.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Whether an agent can get the resource limits (`ulimit`) of the shell that asks. */
export function checkLimits({ shell, daemon, prlimit }: LimitFacts): Finding {
  const check = "limits";
  if (shell === undefined || daemon === undefined)
    return ok(check, "Not checked: no daemon answers, or this system doesn't show the limits of a process.");
  const beyond = limitsBeyond(shell, daemon);
  if (beyond.length > 0) {
    const values = beyond.map(
      (name) => `${name} ${daemon[name]?.[1] ?? "unlimited"}, not ${shell[name]?.[1] ?? "unlimited"}`,
    );
    return warning(
      check,
      `The daemon's hard limits are lower than this shell's, and no agent gets more (${values.join("; ")}).`,
      "Run `pictl daemon restart` in a shell with the limits that agents should have.",
    );
  }
  if (prlimit === undefined && Object.keys(limitsToSet(shell, daemon)).length > 0)
    return warning(
      check,
      "Agents have the daemon's resource limits and not this shell's: prlimit isn't installed.",
      "Install util-linux.",
    );
  return ok(check, "An agent gets this shell's resource limits.");
}
