import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { readAgentFile } from "../core/agent-file.ts";
import { workspaceConfigs } from "../core/config.ts";
import { keepsOutOfHistory } from "../core/config-file.ts";
import { contains } from "../core/contains.ts";
import { type AgentPlacesOf, directoriesToRepositoryRoot, MAX_CONFIG_BYTES } from "../core/paths.ts";
import { realPath } from "../core/real-path.ts";
import { findHome } from "../core/user.ts";

/** Why the sessions of a directory are left out. */
export type Exclusion = "config" | "workspace" | "forgotten";

/** Asking the file system about thousands of directories with every keystroke would be too slow. */
const MANY = 200;
const KEPT_MS = 1_000;

interface Known {
  project: string;
  /** By which `history.exclude` may name it: also where an agent may have made a repository within another one. */
  names: string[];
  optedOut: boolean;
  exists: boolean;
}

/** What is known of directories: whose project they are of, and whether they want to be left out. */
export class Directories {
  readonly #known = new Map<string, Known & { at: number }>();
  /** Of one request: most directories have their parents in common. */
  readonly #existing = new Map<string, boolean>();
  readonly #real = new Map<string, string>();
  #realSince = 0;
  readonly #readPlaces: AgentPlacesOf;
  #places: readonly string[] | undefined;

  /** @param readPlaces where sandboxed agents can write; read once for each request */
  constructor(readPlaces: AgentPlacesOf) {
    this.#readPlaces = readPlaces;
  }

  /** The repository that a directory is in, or itself where there is none. */
  project(cwd: string): string {
    return this.#of(cwd).project;
  }

  names(cwd: string): string[] {
    return this.#of(cwd).names;
  }

  /** Whether a `.pictl/config.toml` of its workspace says `history = false`. */
  optedOut(cwd: string): boolean {
    return this.#of(cwd).optedOut;
  }

  /** Whether it is still there. */
  exists(cwd: string): boolean {
    return this.#of(cwd).exists;
  }

  /** The same place without links. */
  real(path: string): string {
    let real = this.#real.get(path);
    if (real === undefined) {
      // A file without a directory in it is nowhere.
      real = path === "" ? "" : realPath(path);
      this.#real.set(path, real);
    }
    return real;
  }

  /** Called at the start of each request: what was true a moment ago is asked anew, unless there is much of it. */
  renew(): void {
    const now = Date.now();
    this.#existing.clear();
    this.#places = undefined;
    if (this.#known.size <= MANY) this.#known.clear();
    for (const [cwd, { at }] of this.#known) if (now - at > KEPT_MS) this.#known.delete(cwd);
    if (this.#real.size <= MANY || now - this.#realSince > KEPT_MS) {
      this.#real.clear();
      this.#realSince = now;
    }
  }

  #of(cwd: string): Known {
    let known = this.#known.get(cwd);
    if (known === undefined) {
      const exists = (path: string) => this.#exists(path);
      const placesOf = () => {
        this.#places ??= this.#readPlaces();
        return this.#places;
      };
      const project = projectOf(cwd, exists, () => []);
      known = {
        project,
        names: [cwd, project, projectOf(cwd, exists, placesOf)].map((path) => basename(path)),
        optedOut: wantsNoHistory(cwd, exists, placesOf),
        exists: exists(cwd),
        at: Date.now(),
      };
      this.#known.set(cwd, known);
    }
    return known;
  }

  #exists(path: string): boolean {
    let exists = this.#existing.get(path);
    if (exists === undefined) {
      exists = existsSync(path);
      this.#existing.set(path, exists);
    }
    return exists;
  }
}

type Exists = (path: string) => boolean;

function projectOf(cwd: string, exists: Exists, placesOf: AgentPlacesOf): string {
  if (cwd === "") return "";
  const isRoot = (directory: string) => exists(join(directory, ".git"));
  return directoriesToRepositoryRoot(cwd, isRoot, placesOf).at(-1) ?? cwd;
}

/** One no is enough: a file nearer to the session is about other settings, and whoever wrote the no meant all below. */
function wantsNoHistory(cwd: string, exists: Exists, placesOf: AgentPlacesOf): boolean {
  if (cwd === "") return false;
  return workspaceConfigs(cwd, placesOf, exists).some((path) => exists(path) && saysNo(path));
}

function saysNo(path: string): boolean {
  try {
    const text = readAgentFile(path, { maxBytes: MAX_CONFIG_BYTES, links: "follow" });
    return text.includes("history") && keepsOutOfHistory(path);
  } catch {
    // Whoever wrote about history into a file that can't be read may have said no.
    return true;
  }
}

/**
 * A test of whether `history.exclude` names a session: by a path (of its directory or of its file, or of a directory
 * above one, through links as well), or by the name of its project.
 */
export function namedIn(
  exclude: readonly string[],
  directories: Directories,
): (session: { cwd: string; path: string }) => boolean {
  const isPath = (entry: string) => entry.includes("/");
  const names = new Set(exclude.filter((entry) => !isPath(entry)));
  const home = findHome(process.env);
  const places = exclude.filter(isPath).flatMap((entry) => {
    if (entry.startsWith("~/") && home === undefined) return [];
    const place = resolve(entry.startsWith("~/") ? join(home ?? "/", entry.slice(2)) : entry);
    return [place, directories.real(place)];
  });
  const isInside = (path: string) => places.some((place) => contains(place, path));
  return ({ cwd, path }) => {
    if (names.size > 0 && directories.names(cwd).some((name) => names.has(name))) return true;
    if (places.length === 0) return false;
    const realFile = join(directories.real(dirname(path)), basename(path));
    return [cwd, path, directories.real(cwd), realFile].some(isInside);
  };
}
