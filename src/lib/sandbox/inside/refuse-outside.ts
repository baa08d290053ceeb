import { readlinkSync } from "node:fs";

/** Namespaces that a sandbox has of its own. Those of the network and the control groups may be shared by a policy or a kernel. */
export const PROBED_NAMESPACES = ["user", "mnt", "pid", "ipc", "uts"] as const;

export type Namespaces = Readonly<Partial<Record<string, string>>>;

/** A policy, or a test, may share these two. Without the other three an attempt would be made on the machine itself. */
const MAY_BE_SHARED: readonly string[] = ["pid", "ipc"];

/** What /proc says of the namespaces of this process: `user:[4026531837]` by `user`; none where it can't be read. */
export function ownNamespaces(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of PROBED_NAMESPACES) {
    try {
      found[name] = readlinkSync(`/proc/self/ns/${name}`);
    } catch {
      // Whoever compares misses it, and refuses.
    }
  }
  return found;
}

/**
 * Why a probe must not begin: run on a machine as root it would unmount what it can and fill the process table. It is
 * inside only when every namespace is known on both sides and differs.
 *
 * @param outside the namespaces of whoever made the sandbox
 * @param shared those that the sandbox shares on purpose
 * @returns undefined when all is well
 */
export function refusal(
  outside: Namespaces,
  inside: Namespaces,
  shared: readonly string[] = [],
): string | undefined {
  for (const name of PROBED_NAMESPACES) {
    const [there, here] = [outside[name], inside[name]];
    if (!isNamespace(there, name)) return `the ${name} namespace outside isn't known`;
    if (!isNamespace(here, name)) return `its own ${name} namespace can't be read`;
    if (there === here && !(MAY_BE_SHARED.includes(name) && shared.includes(name)))
      return `it is in the same ${name} namespace as what started it`;
  }
  return undefined;
}

/**
 * A second look, which no wrong argument can deceive: bubblewrap gives a sandbox a single user. A machine, and a
 * container that isn't such a sandbox, has more of them.
 *
 * @param uidMap of /proc/self/uid_map: inside, outside, how many; undefined where it can't be read
 */
export function crowdRefusal(uidMap: string | undefined): string | undefined {
  const lines = (uidMap ?? "").split("\n").filter((line) => line.trim() !== "");
  const single = lines.length === 1 && /^\s*\d+\s+\d+\s+1\s*$/.test(lines[0] ?? "");
  return single ? undefined : "there is more than one user here, so that this is no sandbox of bubblewrap's";
}

function isNamespace(value: unknown, name: string): value is string {
  return typeof value === "string" && new RegExp(`^${name}:\\[\\d+\\]$`).test(value);
}
