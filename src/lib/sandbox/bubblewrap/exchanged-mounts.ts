import { lstatSync } from "node:fs";
import { join, relative } from "node:path";
import { contains } from "../../core/contains.ts";
import { linksTo } from "../../core/links.ts";
import { realPath } from "../../core/real-path.ts";
import type { Mount } from "./mount-points.ts";

/** A mount that isn't what it was meant to be. */
export interface ExchangedMount {
  place: string;
  /** What is in its place; undefined: nothing is mounted there. */
  found: string | undefined;
}

/** What the arguments of bubblewrap ask for at one place. */
interface Wanted {
  target: string;
  /** Undefined: a file system in memory. */
  source: string | undefined;
  /** It isn't mounted where the source has gone. */
  optional: boolean;
}

/** How many words follow each argument that `mountArguments` makes. */
const WORDS: Readonly<Record<string, number>> = {
  "--bind": 2,
  "--bind-try": 2,
  "--ro-bind": 2,
  "--ro-bind-try": 2,
  "--dev-bind": 2,
  "--symlink": 2,
  "--tmpfs": 1,
  "--proc": 1,
  "--dev": 1,
  "--dir": 1,
  "--remount-ro": 1,
  "--size": 1,
  "--perms": 1,
};

/**
 * Compares the mounts of a sandbox with those that were asked for: bubblewrap finds by name again what was checked by
 * name, and meanwhile another agent may have put a link, or another directory, in its place. A mount is known by where
 * it lies in its file system: an agent can't move there what lies outside of what it writes.
 *
 * @param args from `mountArguments`
 * @param inside the mounts of a process in the sandbox
 * @param own those of this process
 * @param agentPlaces in which agents write, as real paths: what differs elsewhere is the machine's own affair
 * @returns the first one that differs
 */
export function findExchangedMount(
  args: readonly string[],
  inside: readonly Mount[],
  own: readonly Mount[],
  agentPlaces: readonly string[],
): ExchangedMount | undefined {
  const isAgents = (path: string) => agentPlaces.some((place) => contains(place, path));
  const isPlanted = (path: string) => linksTo(path).some((link) => isAgents(link.path));
  const at = Map.groupBy(inside, ({ point }) => point);
  const host = new HostMounts(own);
  for (const [target, ways] of Map.groupBy(wantedMounts(args), (each) => each.target)) {
    // What was mounted last at a place is what is reached there.
    const { source, optional } = ways.at(-1) as Wanted;
    const there = at.get(target) ?? (isPlanted(target) ? undefined : at.get(realPath(target)));
    const mount = there?.at(-1);
    if (mount === undefined) {
      const hasGone = optional && source !== undefined && !isThere(source);
      if (!hasGone && [target, source ?? target].some(isAgents)) return { place: target, found: undefined };
    } else if (source === undefined) {
      if (mount.type !== "tmpfs" && isAgents(target)) return { place: target, found: host.pathOf(mount) };
    } else if (!host.isAt(mount, source)) {
      const real = realPath(source);
      const isLinked = real !== source && !isPlanted(source) && host.isAt(mount, real);
      if (!isLinked && [target, source, real].some(isAgents))
        return { place: source, found: host.pathOf(mount) };
    }
    // One of several at a place may have been mounted elsewhere, where a link led at that moment.
    if (there !== undefined && there.length < ways.length && isAgents(target))
      return { place: target, found: undefined };
  }
  return undefined;
}

/** What is to be mounted, of the arguments that `mountArguments` makes. */
export function sourcesOf(args: readonly string[]): string[] {
  return wantedMounts(args).flatMap(({ source }) => (source === undefined ? [] : [source]));
}

function wantedMounts(args: readonly string[]): Wanted[] {
  const wanted: Wanted[] = [];
  for (let at = 0; at < args.length; ) {
    const [name = "", first = "", second = ""] = args.slice(at, at + 3);
    const words = WORDS[name];
    if (words === undefined) throw new Error(`${name} is no argument that makes a mount`);
    if (name === "--tmpfs") wanted.push({ target: first, source: undefined, optional: false });
    else if (name.includes("bind"))
      wanted.push({ target: second, source: first, optional: name.endsWith("-try") });
    at += 1 + words;
  }
  return wanted;
}

/** Where paths of this process lie in their file systems. */
class HostMounts {
  readonly #mounts: readonly Mount[];
  /** By what they are mounted on, and where. */
  readonly #children: ReadonlyMap<string, Mount>;

  constructor(mounts: readonly Mount[]) {
    this.#mounts = mounts;
    this.#children = new Map(mounts.map((mount) => [`${mount.parent} ${mount.point}`, mount]));
  }

  /** Whether a mount shows what is at a path that is free of links. */
  isAt({ device, root }: Mount, path: string): boolean {
    const around = this.#around(path);
    return around?.device === device && join(around.root, relative(around.point, path)) === root;
  }

  /** Where this process finds what a mount shows. */
  pathOf({ device, root }: Mount): string {
    const around = this.#mounts
      .filter((mount) => mount.device === device && contains(mount.root, root))
      .sort((a, b) => b.root.length - a.root.length)[0];
    return around === undefined ? root : join(around.point, relative(around.root, root));
  }

  /** The mount that a path is reached through, as the kernel walks there. */
  #around(path: string): Mount | undefined {
    let mount = this.#mounts.findLast(({ point }) => point === "/");
    const names = path.split("/").filter((name) => name !== "");
    for (let length = 1; length <= names.length && mount !== undefined; length++) {
      const point = `/${names.slice(0, length).join("/")}`;
      // One on another, at the same place.
      for (let next = this.#on(mount, point); next !== undefined; next = this.#on(mount, point)) mount = next;
    }
    return mount;
  }

  #on(mount: Mount, point: string): Mount | undefined {
    return this.#children.get(`${mount.id} ${point}`);
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // In a directory that may not be entered.
    return false;
  }
}
