import { type Dirent, lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { agentPlaceAround } from "../outside/agent-places.ts";
import type { AgentPlacesOf, Environment } from "../paths.ts";
import { readPiFile } from "../pi-files.ts";
import { homeOf } from "../user.ts";

/** One session file as the directory tells it, without having been opened. */
export interface SessionFile {
  /** Absolute path. */
  path: string;
  /** Session id from the file name. The header inside the file is the authority. */
  id: string;
  /** Bytes. */
  size: number;
  mtimeMs: number;
  ino: number;
  /** The directory of its own that it lies in, when it is a sandboxed session's (sandboxed-directory.ts). */
  sandboxed?: string;
}

export interface SessionFileListing {
  files: SessionFile[];
  /** Directories, files and links that were skipped because they can't be read or lead nowhere; bounded. */
  skipped: string[];
}

/** A directory that holds session files. */
export interface SessionRoot {
  path: string;
  /** Whether they lie in directories below it, as in pi's own, and not in itself. */
  nested: boolean;
  /** Whether those directories hold others, one for each sandboxed session: see sandboxed-directory.ts. */
  sandboxed?: boolean;
}

/** Beside pi's own `sessions`: the directories of sandboxed sessions. */
export const SANDBOXED_SESSIONS = "sandboxed-sessions";
/** What the agent sees of such a directory: its session's file is in there. */
export const SANDBOXED_FILES = "files";

/** More aren't named one by one. */
const MAX_SKIPPED = 100;

/**
 * pi's configuration directory for an agent with this environment: `PI_CODING_AGENT_DIR`, else `~/.pi/agent`.
 * A relative value counts from `cwd`, the directory that pi itself runs in (source: pi's config.js, paths.js).
 */
export function agentDirOf(env: Environment, cwd: string = process.cwd()): string {
  const value = env.PI_CODING_AGENT_DIR;
  return value ? expandPath(value, env, cwd) : join(homeOf(env), ".pi", "agent");
}

/**
 * The session directory that replaces `<agentDir>/sessions/<cwd>/`, or undefined when pi uses its default one:
 * `PI_CODING_AGENT_SESSION_DIR`, else `sessionDir` of the project's `.pi/settings.json`, else of pi's own
 * `settings.json`. pi reads the project's value before it asks for trust (its main.js), so trust plays no part. Where a
 * sandboxed agent may have written that file it doesn't count, and pi is told where to keep sessions
 * ({@link explicitSessionDir}). Such a directory is flat: the sessions of every working directory lie in it side by side.
 */
export function sessionDirOf(env: Environment, cwd: string, placesOf: AgentPlacesOf): string | undefined {
  const project = projectSessionDirOf(env, cwd);
  if (project !== undefined && agentPlaceAround(resolve(cwd), placesOf()) === undefined) return project;
  const value =
    env.PI_CODING_AGENT_SESSION_DIR || sessionDirSetting(join(agentDirOf(env, cwd), "settings.json"));
  return value ? expandPath(value, env, cwd) : undefined;
}

/**
 * The directory of the sessions of a working directory, where pi has to be told it: an agent in a sandbox that can write
 * the project's settings would decide where the sessions of others are.
 *
 * @returns undefined where pi itself finds it
 */
export function explicitSessionDir(
  env: Environment,
  cwd: string,
  placesOf: AgentPlacesOf,
): string | undefined {
  if (agentPlaceAround(resolve(cwd), placesOf()) === undefined) return undefined;
  return sessionDirOf(env, cwd, placesOf) ?? sessionDirFor(cwd, agentDirOf(env, cwd));
}

/** The session directory that the project's settings name, where no variable goes before it, whoever may have written them. */
export function projectSessionDirOf(env: Environment, cwd: string): string | undefined {
  if (env.PI_CODING_AGENT_SESSION_DIR) return undefined;
  const value = sessionDirSetting(join(cwd, ".pi", "settings.json"));
  return value ? expandPath(value, env, cwd) : undefined;
}

/**
 * The directory in which pi keeps the sessions of a working directory. Two directories can share one
 * (`/a/b-c` and `/a/b/c`): who lists by directory has to compare the `cwd` of each session's header too.
 */
export function sessionDirFor(cwd: string, agentDir: string): string {
  const name = resolve(cwd)
    .replace(/^[/\\]/, "")
    .replace(/[/\\:]/g, "-");
  return join(resolve(agentDir), "sessions", `--${name}--`);
}

/** The session id in a file name `<timestamp>_<id>.jsonl`. An id may itself hold underscores; a timestamp can't. */
export function sessionIdOfFileName(name: string): string {
  const stem = name.endsWith(".jsonl") ? name.slice(0, -".jsonl".length) : name;
  return stem.slice(stem.indexOf("_") + 1);
}

/**
 * Every session file of an agent directory, or of a flat `sessionDir` when one is given, and those of sandboxed sessions,
 * which are in the agent directory always. `cwd` narrows to one directory; in a flat one only the headers know, so there
 * nothing is narrowed. In no order.
 * Never throws: what can't be read is skipped and named, a directory that doesn't exist is empty.
 */
export function listSessionFiles(options: {
  agentDir: string;
  sessionDir?: string | undefined;
  cwd?: string | undefined;
  /** Narrows as `cwd` does, to this directory and those below it. */
  below?: string | undefined;
  /** Only sessions whose id begins so; the others aren't even looked at. */
  idPrefix?: string | undefined;
}): SessionFileListing {
  const { agentDir, sessionDir, cwd, below, idPrefix } = options;
  const root =
    sessionDir !== undefined
      ? { path: resolve(sessionDir), nested: false }
      : cwd !== undefined
        ? { path: sessionDirFor(cwd, agentDir), nested: false }
        : { path: join(resolve(agentDir), "sessions"), nested: true };
  const only = cwd === undefined ? undefined : basename(sessionDirFor(cwd, agentDir));
  const beginning =
    below === undefined ? "" : basename(sessionDirFor(below, agentDir)).slice(0, -"--".length);
  return listRoots([root, sandboxedRoot(agentDir)], {
    idPrefix,
    isWanted: (name) => (only === undefined ? name.startsWith(beginning) : name === only),
  });
}

/** Where the sandboxed sessions of an agent directory are. */
export function sandboxedRoot(agentDir: string): SessionRoot {
  return { path: join(resolve(agentDir), SANDBOXED_SESSIONS), nested: true, sandboxed: true };
}

/**
 * Every session file of these directories, each once. A directory may be a link, as pi takes it. One that is reached in
 * two ways is listed by its own name, else by the first. A file must not be a link: it could lead to anything.
 *
 * @param options.isWanted of the names of the directories below a nested root; absent: all
 */
export function listRoots(
  roots: readonly SessionRoot[],
  options: { idPrefix?: string | undefined; isWanted?: (name: string) => boolean } = {},
): SessionFileListing {
  const listing: SessionFileListing = { files: [], skipped: [] };
  const listed = new Set<string>();
  for (const { path, nested, sandboxed } of roots) {
    if (sandboxed) {
      addSandboxed(path, listing, options);
      continue;
    }
    for (const directory of nested ? directoriesBelow(path, listing, options.isWanted) : [path]) {
      const target = targetOf(directory);
      if (target === undefined || listed.has(target)) continue;
      listed.add(target);
      addFiles(directory, listing, options.idPrefix);
    }
  }
  return listing;
}

/** pictl has made these directories, and none of them is a link. */
function addSandboxed(
  root: string,
  listing: SessionFileListing,
  { idPrefix, isWanted = () => true }: NonNullable<Parameters<typeof listRoots>[1]>,
): void {
  for (const project of readDirectory(root, listing)) {
    if (!project.isDirectory() || !isWanted(project.name)) continue;
    for (const entry of readDirectory(`${root}/${project.name}`, listing)) {
      const directory = `${root}/${project.name}/${entry.name}`;
      if (entry.isDirectory()) addFiles(`${directory}/${SANDBOXED_FILES}`, listing, idPrefix, directory);
    }
  }
}

/** Links come last, so that what one of them leads to has its own name. */
function directoriesBelow(
  root: string,
  listing: SessionFileListing,
  isWanted: (name: string) => boolean = () => true,
): string[] {
  const directories: string[] = [];
  const links: string[] = [];
  for (const entry of readDirectory(root, listing)) {
    const path = `${root}/${entry.name}`;
    if (!isWanted(entry.name)) continue;
    if (entry.isDirectory()) directories.push(path);
    else if (entry.isSymbolicLink()) {
      if (isDirectory(path)) links.push(path);
      else skip(listing, path);
    }
  }
  return [...directories, ...links];
}

/** Undefined for a directory that isn't there, or that a link in a circle leads to. */
function targetOf(directory: string): string | undefined {
  try {
    return realpathSync.native(directory);
  } catch {
    return undefined;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    // It leads in a circle, or through what can't be entered.
    return false;
  }
}

function addFiles(dir: string, listing: SessionFileListing, idPrefix = "", sandboxed?: string): void {
  const own = sandboxed === undefined ? {} : { sandboxed };
  const prefix = idPrefix.toLowerCase();
  for (const entry of readDirectory(dir, listing)) {
    if (!entry.name.endsWith(".jsonl") || entry.isDirectory()) continue;
    const id = sessionIdOfFileName(entry.name);
    if (!id.toLowerCase().startsWith(prefix)) continue;
    const path = `${dir}/${entry.name}`;
    // A link or a pipe with that name would lead out of the directory, or block for ever.
    const stats = entry.isFile() ? statsOf(path) : undefined;
    if (stats?.isFile() !== true) skip(listing, path);
    else listing.files.push({ path, id, size: stats.size, mtimeMs: stats.mtimeMs, ino: stats.ino, ...own });
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // In a directory that may not be entered.
    return undefined;
  }
}

function skip(listing: SessionFileListing, path: string): void {
  if (listing.skipped.length < MAX_SKIPPED) listing.skipped.push(path);
}

function readDirectory(dir: string, listing: SessionFileListing): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!missing) skip(listing, dir);
    return [];
  }
}

function sessionDirSetting(path: string): string | undefined {
  try {
    const settings: unknown = JSON.parse(readPiFile(path));
    if (typeof settings !== "object" || settings === null || !("sessionDir" in settings)) return undefined;
    return typeof settings.sessionDir === "string" ? settings.sessionDir : undefined;
  } catch {
    // pi ignores settings that it can't read, and so the default directory is what it uses.
    return undefined;
  }
}

function expandPath(value: string, env: Environment, cwd: string): string {
  if (value === "~") return homeOf(env);
  if (value.startsWith("~/")) return join(homeOf(env), value.slice(2));
  if (value.startsWith("file://")) {
    try {
      return fileURLToPath(value);
    } catch {
      // Not a URL of a local file (it names a host): pi fails on it too, so any directory will do.
      return resolve(cwd, value);
    }
  }
  return resolve(cwd, value);
}
