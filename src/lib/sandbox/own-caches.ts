import { join } from "node:path";
import { contains } from "../core/contains.ts";
import type { SandboxPolicy } from "./policy/policy.ts";
import { OWN_TMP } from "./policy/roots.ts";
import { TOOL_CACHES } from "./runs-later/catalogue.ts";

/**
 * Caches of which a sandbox has an empty one for itself, in memory: their files are hard-linked into the projects of the
 * user, so that whoever writes there writes in all of them. Their tools need one that can be written. A policy that
 * names such a cache, or what it lies in, among what can be written gets the user's.
 *
 * @param home where it is in the policy's paths
 */
export function ownCaches(
  { profile, home: kind, allowWrite }: Pick<SandboxPolicy, "profile" | "home" | "allowWrite">,
  home: string,
): string[] {
  if (profile !== "development" || kind !== "read") return [];
  return TOOL_CACHES.filter(({ holds }) => holds === "links")
    .map(({ path }) => join(home, path.slice("~/".length)))
    .filter((path) => !allowWrite.some((root) => root !== OWN_TMP && contains(root, path)));
}
