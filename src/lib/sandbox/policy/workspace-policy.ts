import { isStricter, narrow } from "./narrow.ts";
import { type Origin, retrace, type TracedPolicy } from "./origins.ts";
import type { SandboxPolicy } from "./policy.ts";
import type { PolicyFile } from "./policy-file.ts";
import { type PolicyPlaces, profilePolicy } from "./profiles.ts";

/**
 * A policy narrowed by a workspace's file, which came with the repository: it adds restrictions and does nothing
 * else. A stricter profile there restricts as a whole; one that isn't stricter changes nothing.
 *
 * @param warnings gets what the file says in vain
 */
export function narrowByWorkspace(
  before: TracedPolicy,
  file: PolicyFile,
  places: PolicyPlaces,
  warnings: string[],
): TracedPolicy {
  const { profile, allowNoSandbox, ...restrictions } = file.settings;
  const origin = (key: keyof SandboxPolicy): Origin => {
    const line = file.lines[key];
    return { from: "workspace", path: file.path, ...(line === undefined ? {} : { line }) };
  };
  const warn = (key: keyof SandboxPolicy, text: string) =>
    warnings.push(
      `${file.path}${file.lines[key] === undefined ? "" : `:${file.lines[key]}`}: ${text}: a workspace may only add restrictions.`,
    );
  if (allowNoSandbox !== undefined) warn("allowNoSandbox", "allow_no_sandbox is ignored");
  if (restrictions.enabled === false && before.policy.enabled) warn("enabled", "enabled = false is ignored");
  const stricter = isStricter(profile, before.policy.profile)
    ? retrace(before, narrow(before.policy, profilePolicy(profile, places), places.home), (key) => ({
        ...origin("profile"),
        ...(key === "profile" ? {} : { profile }),
      }))
    : before;
  return retrace(stricter, narrow(stricter.policy, restrictions, places.home), origin);
}
