import { contains } from "../../core/contains.ts";
import type { SandboxPolicy } from "./policy.ts";

/**
 * Places that a sandbox has for itself or not at all, whatever roots are named: a root above them ("/") doesn't
 * reach into them, since the host's sockets and processes are there. A root that lies inside of one does.
 */
export const OWN_PLACES = [
  "/boot",
  "/dev",
  "/lost+found",
  "/proc",
  "/run",
  "/sys",
  "/tmp",
  "/var/run",
  "/var/tmp",
] as const;

/** Named as a root it is the sandbox's own /tmp, and no place of the host. */
export const OWN_TMP = "/tmp";

/** The places that a root above them doesn't open: {@link OWN_PLACES}, and the home when it is an empty one. */
export function cutPlaces(home: string, kind: SandboxPolicy["home"] | undefined): readonly string[] {
  return kind === "empty" ? [...OWN_PLACES, home] : OWN_PLACES;
}

/** Whether a root opens a path of the host, given the places that are cut out of what lies above them. */
export function covers(root: string, path: string, cut: readonly string[]): boolean {
  if (root === path) return true;
  return (
    contains(root, path) &&
    !cut.some((place) => contains(place, path) && (root === place || !contains(place, root)))
  );
}

/** Roots with the places that are cut out of them. */
export interface Roots {
  roots: readonly string[];
  cut: readonly string[];
}

/** The largest roots that open nothing that either side doesn't open. */
export function intersectRoots(a: Roots, b: Roots): string[] {
  const coveredBy = ({ roots, cut }: Roots, path: string) => roots.some((root) => covers(root, path, cut));
  return [
    ...new Set([
      ...a.roots.filter((root) => coveredBy(b, root)),
      ...b.roots.filter((root) => coveredBy(a, root)),
    ]),
  ];
}
