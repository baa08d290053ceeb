import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { findWorkspaceConfig } from "../core/config.ts";
import { keepsOutOfHistory } from "../core/config-file.ts";
import { directoriesToRepositoryRoot } from "../core/paths.ts";

/** Why the sessions of a directory are left out. */
export type Exclusion = "config" | "workspace" | "forgotten";

/** Asking the file system about thousands of directories with every keystroke would be too slow. */
const MANY = 200;
const KEPT_MS = 1_000;

/** What is known of directories: whose project they are of, and whether they want to be left out. */
export class Directories {
  readonly #known = new Map<string, { project: string; optedOut: boolean; at: number }>();
  /** Of one request: most directories have their parents in common. */
  readonly #existing = new Map<string, boolean>();

  /** The repository that a directory is in, or itself where there is none. */
  project(cwd: string): string {
    return this.#of(cwd).project;
  }

  /** Whether `.pictl/config.toml` of its workspace says `history = false`. */
  optedOut(cwd: string): boolean {
    return this.#of(cwd).optedOut;
  }

  /** Called at the start of each request: what was true a moment ago is asked anew, unless there is much of it. */
  renew(): void {
    const now = Date.now();
    this.#existing.clear();
    if (this.#known.size <= MANY) this.#known.clear();
    for (const [cwd, { at }] of this.#known) if (now - at > KEPT_MS) this.#known.delete(cwd);
  }

  #of(cwd: string): { project: string; optedOut: boolean } {
    let known = this.#known.get(cwd);
    if (known === undefined) {
      const exists = (path: string) => this.#exists(path);
      known = { project: projectOf(cwd, exists), optedOut: wantsNoHistory(cwd, exists), at: Date.now() };
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

function projectOf(cwd: string, exists: Exists): string {
  if (cwd === "") return "";
  return directoriesToRepositoryRoot(cwd, (directory) => exists(join(directory, ".git"))).at(-1) ?? cwd;
}

function wantsNoHistory(cwd: string, exists: Exists): boolean {
  if (cwd === "") return false;
  const path = findWorkspaceConfig(cwd, exists);
  if (path === undefined) return false;
  try {
    if (!readFileSync(path, "utf8").includes("history")) return false;
    return keepsOutOfHistory(path);
  } catch {
    // Whoever wrote about history into a file that can't be read may have said no.
    return true;
  }
}

/**
 * Whether `history.exclude` names a session: a path (of its directory or of its file, or of a directory above
 * one), or the name of its project.
 */
export function isNamed(exclude: readonly string[], cwd: string, project: string, path: string): boolean {
  return exclude.some((entry) => {
    if (!entry.includes("/")) return entry === basename(project) || entry === basename(cwd);
    const place = resolve(entry.startsWith("~/") ? join(homedir(), entry.slice(2)) : entry);
    return [cwd, path].some((each) => each === place || each.startsWith(`${place === "/" ? "" : place}/`));
  });
}
