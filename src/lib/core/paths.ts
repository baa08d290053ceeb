import { existsSync, lstatSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { PictlError, systemErrorCode, toStorageError } from "./errors.ts";
import { realPath } from "./real-path.ts";
import { sha256 } from "./sha256.ts";
import { homeOf, userId } from "./user.ts";

/** sockaddr_un allows 107 bytes on Linux and 103 on macOS; 100 leaves room and is the same everywhere. */
const MAX_SOCKET_PATH_BYTES = 100;

const SOCKET_NAME = "daemon.sock";

/** A config.toml or sandbox.toml is a page of text. A workspace's comes from whoever wrote the repository. */
export const MAX_CONFIG_BYTES = 256 * 1024;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where everything of one pictl installation lives; see docs/architecture.md, "Names and places". */
export interface Paths {
  /** Private (0700) directory of socket, lock and pid. */
  runtimeDir: string;
  socket: string;
  lock: string;
  pid: string;
  /** Registry and logs. */
  stateDir: string;
  registry: string;
  log: string;
  /** Connections of sandboxed agents through the gate. */
  sandboxLog: string;
  /** Directories in which sandboxed agents can write (core/outside/agent-places.ts). */
  agentPlaces: string;
  /** History index. */
  dataDir: string;
  history: string;
  /** config.toml, sandbox.toml. */
  configDir: string;
  config: string;
}

function xdg(env: Environment, name: string, fallback: string): string {
  const value = env[name];
  // The XDG specification says that a relative path is to be ignored.
  return value !== undefined && isAbsolute(value) ? value : join(homeOf(env), fallback);
}

/**
 * Computes every path from an environment. Pure: nothing is created.
 *
 * `PICTL_HOME`, when set, holds everything. A socket path that would be too long for the kernel moves to a
 * directory under the temporary directory whose name is derived from the place it stands for.
 */
export function resolvePaths(env: Environment, uid: number = userId()): Paths {
  const home = env.PICTL_HOME ? resolve(env.PICTL_HOME) : undefined;
  const stateDir = home ? join(home, "state") : join(xdg(env, "XDG_STATE_HOME", ".local/state"), "pictl");
  const dataDir = home ? join(home, "data") : join(xdg(env, "XDG_DATA_HOME", ".local/share"), "pictl");
  const configDir = home ? join(home, "config") : join(xdg(env, "XDG_CONFIG_HOME", ".config"), "pictl");
  const runtimeDir = resolveRuntimeDir(env, home, uid);
  return {
    runtimeDir,
    socket: join(runtimeDir, SOCKET_NAME),
    // Not in a directory under the temporary one that stands for a long PICTL_HOME: that one ends with the daemon.
    lock: join(home === undefined ? runtimeDir : join(home, "run"), "daemon.lock"),
    pid: join(runtimeDir, "daemon.pid"),
    stateDir,
    registry: join(stateDir, "registry.db"),
    log: join(stateDir, "daemon.log"),
    sandboxLog: join(stateDir, "sandbox.log"),
    agentPlaces: join(stateDir, "agent-places"),
    dataDir,
    history: join(dataDir, "history.db"),
    configDir,
    config: join(configDir, "config.toml"),
  };
}

function resolveRuntimeDir(env: Environment, home: string | undefined, uid: number): string {
  const xdgRuntime = env.XDG_RUNTIME_DIR;
  const fits = (dir: string) => Buffer.byteLength(join(dir, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES;
  if (home !== undefined) {
    const dir = join(home, "run");
    if (fits(dir)) return dir;
    return shortRuntimeDir(env, `pictl-${uid}-${sha256(home).slice(0, 16)}`);
  }
  if (xdgRuntime !== undefined && isAbsolute(xdgRuntime)) {
    const dir = join(xdgRuntime, "pictl");
    if (fits(dir)) return dir;
  }
  return shortRuntimeDir(env, `pictl-${uid}`);
}

function shortRuntimeDir(env: Environment, name: string): string {
  const dir = join(env.TMPDIR && isAbsolute(env.TMPDIR) ? env.TMPDIR : tmpdir(), name);
  return Buffer.byteLength(join(dir, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES ? dir : join("/tmp", name);
}

/** Removes directories that are empty, in this order. Whoever needs one of them makes it again. */
export function removeEmptyDirs(...paths: readonly string[]): void {
  for (const path of paths) {
    try {
      rmdirSync(path);
    } catch {
      // In use, or gone already.
    }
  }
}

/** Creates a directory (and its parents) that only the user may enter. Throws STORAGE_UNAVAILABLE. */
export function ensurePrivateDir(path: string): void {
  try {
    makeDirectory(path);
  } catch (error) {
    // What some file systems say where nothing can be created: /proc, for example.
    const unwritable =
      systemErrorCode(error) === "ENOENT" ? Object.assign(new Error(), { code: "EROFS" }) : error;
    throw toStorageError(unwritable, path);
  }
}

/** Not by Node's recursive mkdir: below /proc, where nothing can be made, that tries for ever. */
function makeDirectory(path: string): void {
  const above = dirname(path);
  if (!existsSync(above)) makeDirectory(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST" || !statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw error;
  }
}

/**
 * Refuses a socket directory that isn't a real directory, isn't the user's own or is open to anybody else.
 * Node offers no peer credentials, so this directory is the whole access control of the socket. What stands at
 * the socket's own place is checked too: whoever serves it is given the environment of the shell.
 *
 * @returns false when the directory doesn't exist.
 * @throws PictlError UNSAFE_DIRECTORY, STORAGE_UNAVAILABLE
 */
export function checkRuntimeDir(path: string, uid: number = userId()): boolean {
  let stats: ReturnType<typeof lstatSync>;
  try {
    stats = lstatSync(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw toStorageError(error, path);
  }
  const refuse = (reason: string, hint: string) =>
    new PictlError("UNSAFE_DIRECTORY", `The socket directory ${path} ${reason}.`, {
      hint,
      details: { path },
    });
  if (!stats.isDirectory()) {
    throw refuse(
      stats.isSymbolicLink() ? "is a symbolic link" : "is not a directory",
      `Remove it, or set PICTL_HOME to a directory of your own.`,
    );
  }
  if (stats.uid !== uid) {
    throw refuse(
      `belongs to user ${stats.uid}, not to you (${uid})`,
      "Set PICTL_HOME or XDG_RUNTIME_DIR to a directory of your own.",
    );
  }
  if ((stats.mode & 0o077) !== 0) {
    throw refuse(
      `is open to other users (mode ${(stats.mode & 0o777).toString(8)})`,
      `Run: chmod 700 '${path}'`,
    );
  }
  checkSocket(join(path, SOCKET_NAME), uid);
  return true;
}

/** Throws UNSAFE_DIRECTORY for a socket that leads elsewhere or is another user's. */
function checkSocket(path: string, uid: number): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || (!stats.isSymbolicLink() && stats.uid === uid)) return;
  const reason = stats.isSymbolicLink()
    ? "is a symbolic link"
    : `belongs to user ${stats.uid}, not to you (${uid})`;
  throw new PictlError("UNSAFE_DIRECTORY", `The socket ${path} ${reason}.`, {
    hint: "Find out who put it there, and remove it.",
    details: { path },
  });
}

/** Directories in which sandboxed agents can write, as real paths; asked for when a `.git` is found. */
export type AgentPlacesOf = () => readonly string[];

/**
 * The directory and its parents up to the repository root; the directory alone outside a repository.
 *
 * A root below a place in which sandboxed agents write doesn't end the search: an agent may have made it, and would
 * decide by it which session and settings the directory has. Where no other root is above, the outermost one ends it.
 *
 * @param placesOf absent: any root ends the search
 */
export function directoriesToRepositoryRoot(
  cwd: string,
  isRepositoryRoot: (dir: string) => boolean,
  placesOf: AgentPlacesOf = () => [],
): string[] {
  const chain: string[] = [];
  let toOutermostRoot = 1;
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    chain.push(dir);
    if (isRepositoryRoot(dir)) {
      if (!isBelowPlace(dir, placesOf())) return chain;
      toOutermostRoot = chain.length;
    }
    if (dirname(dir) === dir) return chain.slice(0, toOutermostRoot);
  }
}

function isBelowPlace(dir: string, places: readonly string[]): boolean {
  if (places.length === 0) return false;
  const real = realPath(dir);
  return places.some((place) => real.startsWith(`${place}/`));
}

/** A directory and its parents up to the repository root, as the file system has them now; no links are resolved. */
export function workspaceDirectories(dir: string, placesOf: AgentPlacesOf): string[] {
  return directoriesToRepositoryRoot(dir, hasGit, placesOf);
}

/** The root of the repository that a directory is in, or the directory itself where there is none. */
export function repositoryRoot(dir: string, placesOf: AgentPlacesOf): string {
  return workspaceDirectories(dir, placesOf).at(-1) ?? dir;
}

/** The same by the nearest `.git`, whoever made it. */
export function nearestRepositoryRoot(dir: string): string {
  return directoriesToRepositoryRoot(dir, hasGit).at(-1) ?? dir;
}

function hasGit(dir: string): boolean {
  return existsSync(join(dir, ".git"));
}
