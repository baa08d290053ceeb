import { delimiter, isAbsolute } from "node:path";
import { agentPlaceAround } from "../../core/outside/agent-places.ts";
import type { DoctorFacts } from "./facts.ts";
import { type Finding, failure, ok } from "./finding.ts";

/** Whether a sandboxed agent could replace a program that runs outside of its sandbox. */
export function checkPrograms({ env, node, package: own, agentPlaces }: DoctorFacts): Finding {
  for (const [name, path] of [
    ["Node", node.path],
    ["pictl", own],
  ] as const) {
    const place = agentPlaceAround(path, agentPlaces);
    if (place === undefined) continue;
    return failure(
      "programs",
      `${name} is ${path}, and agents in sandboxes can write to ${place}: what they put there runs outside.`,
      `Install ${name} elsewhere, and use that one.`,
    );
  }
  const entries = env.PATH === undefined ? [] : [...new Set(env.PATH.split(delimiter))];
  const skipped = entries.filter(
    (entry) => !isAbsolute(entry) || agentPlaceAround(entry, agentPlaces) !== undefined,
  );
  if (skipped.length === 0) return ok("programs", "No sandboxed agent can write to a directory of PATH.");
  const names = skipped.map((entry) => (entry === "" ? "the empty entry" : entry)).join(", ");
  return ok("programs", `Programs that run outside of a sandbox aren't taken from PATH's ${names}.`);
}
