import { dirname } from "node:path";
import { type SandboxProfile, sandboxProfiles } from "../core/choices.ts";
import { realPath } from "../core/real-path.ts";
import type { Registry } from "./registry.ts";

/**
 * Remembers where an agent in a sandbox can write. It could put a session file of its own making there, or take its own
 * away and bring it back under another name, and what is found there later must not run outside of a sandbox.
 */
export function noteSandboxed(registry: Registry, paths: readonly string[], profile: SandboxProfile): void {
  const known = registry.sandboxedPlaces();
  const changed = paths
    .map(realPath)
    .filter((path) => stricter(known.get(path), profile) !== known.get(path));
  if (changed.length > 0) registry.putSandboxedPlaces(changed, profile);
}

/** Gives the strictest profile of the agents that could write a session file, if any could. */
export function sandboxLookup(registry: Registry): (file: string) => SandboxProfile | undefined {
  const places = [...registry.sandboxedPlaces()];
  const byDirectory = new Map<string, SandboxProfile | undefined>();
  return (file) => {
    const directory = dirname(file);
    if (places.length > 0 && !byDirectory.has(directory)) {
      const real = `${realPath(directory)}/`;
      const around = places.filter(([path]) => real.startsWith(`${path}/`)).map(([, profile]) => profile);
      byDirectory.set(directory, around.length === 0 ? undefined : around.reduce(stricter));
    }
    return byDirectory.get(directory);
  };
}

/** The profiles are listed from the weakest to the strictest. */
function stricter(one: SandboxProfile | undefined, other: SandboxProfile): SandboxProfile {
  return one !== undefined && sandboxProfiles.indexOf(one) >= sandboxProfiles.indexOf(other) ? one : other;
}
