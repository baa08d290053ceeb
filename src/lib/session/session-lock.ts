import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SANDBOXED_SESSIONS } from "../core/session-files/locate.ts";
import { sha256 } from "../core/sha256.ts";

/** SQLITE_BUSY: https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/**
 * Locks beside sessions lie where an agent in a sandbox may once have written: no link that it has left is followed, and
 * no pipe waited for.
 */
const OWN_FILE = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Who holds a session, as its note beside the lock says. For people: whether it is held is told by the lock. */
export interface LockHolder {
  pid: number;
  user: string;
  host: string;
  /** Its PICTL_HOME; absent when that is not set. */
  home?: string;
  runtimeDir: string;
  /** ISO time. */
  since: string;
}

/**
 * Where the lock of a session lies. It follows from the directory of the session's file alone, so that whoever
 * drives the file comes to the same lock, whatever their PICTL_HOME is: `<agentDir>/pictl/locks` for pi's default
 * layout and for sandboxed sessions, else beside the files.
 *
 * @param sessionsDirectory the directory that holds the session's file
 */
export function lockDirectoryFor(sessionsDirectory: string): string {
  const parent = dirname(sessionsDirectory);
  // <agentDir>/sessions/<directory>, <agentDir>/sandboxed-sessions/<directory>/<name>/files
  for (const [name, place] of [
    ["sessions", parent],
    [SANDBOXED_SESSIONS, dirname(dirname(parent))],
  ] as const)
    if (basename(place) === name) return join(dirname(place), "pictl", "locks");
  return join(sessionsDirectory, ".pictl", "locks");
}

/**
 * The right to drive one session: an exclusive transaction on an empty SQLite file, as with the daemon's own lock
 * (daemon/lock.ts). The kernel lets go of it on any death.
 *
 * At most one in a process for a path: POSIX drops a process's locks on a file with the first of its descriptors
 * that is closed.
 */
export class SessionLock {
  /** Whose note was found: a holder that has died without taking it away. */
  readonly left: LockHolder | undefined;
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #fd: number;

  private constructor(path: string, db: DatabaseSync, fd: number, left: LockHolder | undefined) {
    this.#path = path;
    this.#db = db;
    this.#fd = fd;
    this.left = left;
  }

  /**
   * @param directory see {@link lockDirectoryFor}; made when it isn't there
   * @returns undefined when somebody else holds it, or has just let go of it or reached for it too
   * @throws whatever a file system says that can't hold the lock
   */
  static tryAcquire(directory: string, sessionId: string, holder: LockHolder): SessionLock | undefined {
    const place = makePlace(directory);
    const path = join(directory, fileNameOf(sessionId));
    let fd: number | undefined;
    let db: DatabaseSync | undefined;
    const giveUp = () => {
      db?.close();
      if (fd !== undefined) closeSync(fd);
    };
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_CREAT | OWN_FILE, place.fileMode);
      db = new DatabaseSync(path, { timeout: 0 });
      // Nothing is ever written, so that there is nothing to roll back: without it a journal lies beside the lock.
      db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      // Its holder removes the file when it lets go: what was locked may be a file without a name. While `fd` is
      // open no other file gets its inode, so that the same inode here and there means: it was this one all along.
      if (statSync(path, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
        giveUp();
        return undefined;
      }
      const left = readHolder(directory, sessionId);
      place.settle(path);
      writeNote(`${path}.json`, holder, place.fileMode);
      place.settle(`${path}.json`);
      return new SessionLock(path, db, fd, left);
    } catch (error) {
      giveUp();
      if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
      throw error;
    }
  }

  /**
   * Whether another process holds it. Not for a session that may be held in this one, which would lose its lock by
   * the descriptor that is closed here.
   */
  static isHeld(directory: string, sessionId: string): boolean {
    const path = join(directory, fileNameOf(sessionId));
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(path, { readOnly: true, timeout: 0 });
      db.prepare("SELECT count(*) FROM sqlite_master").get();
      return false;
    } catch (error) {
      // Anything else is a file that isn't there, or no lock.
      return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
    } finally {
      db?.close();
    }
  }

  /** Removes the files and lets go, in this order: nobody may find them who doesn't hold the lock. */
  release(): void {
    try {
      rmSync(`${this.#path}.json`, { force: true });
      rmSync(this.#path, { force: true });
    } finally {
      this.#db.close();
      closeSync(this.#fd);
    }
  }
}

/** The note of whoever holds the session, or held it until its death; undefined where there is none to be read. */
export function readHolder(directory: string, sessionId: string): LockHolder | undefined {
  try {
    const path = join(directory, `${fileNameOf(sessionId)}.json`);
    const text = readFileSync(path, { encoding: "utf8", flag: constants.O_RDONLY | OWN_FILE });
    const holder = JSON.parse(text) as Partial<LockHolder> | null;
    const { pid, user, host, home, runtimeDir, since } = holder ?? {};
    if (typeof pid !== "number" || typeof runtimeDir !== "string") return undefined;
    return {
      pid,
      user: String(user),
      host: String(host),
      runtimeDir,
      since: String(since),
      ...(typeof home === "string" ? { home } : {}),
    };
  } catch {
    // Not there, not readable for this user, or half written by one who died: then nobody is named.
    return undefined;
  }
}

function writeNote(path: string, holder: LockHolder, mode: number): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | OWN_FILE, mode);
  try {
    writeFileSync(fd, `${JSON.stringify(holder)}\n`);
  } finally {
    closeSync(fd);
  }
}

/** An id comes from a file that anybody may have written, and must not lead elsewhere. */
function fileNameOf(sessionId: string): string {
  if (/^[\w-][\w.-]{0,199}$/.test(sessionId)) return sessionId;
  return sha256(sessionId);
}

/**
 * Makes the directory. It is for the user alone, unless pi's own is open to the writing of others: those share
 * the sessions, and so the locks. For the same reason what root makes in a user's home becomes the user's.
 */
function makePlace(directory: string): { fileMode: number; settle: (path: string) => void } {
  const root = dirname(dirname(directory));
  for (const path of [dirname(directory), directory]) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
      throw new Error(`${path} is a symbolic link`);
  }
  let above = statSync(root, { throwIfNoEntry: false });
  if (above === undefined || statSync(directory, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    above ??= statSync(root);
    for (const path of [dirname(directory), directory]) settle(path, above, 0o700);
  }
  const stats = above;
  return { fileMode: 0o600 | (shared(stats) & 0o066), settle: (path) => settle(path, stats, 0o600) };
}

function shared({ mode }: Stats): number {
  return (mode & 0o022) === 0 ? 0 : mode & 0o077;
}

function settle(path: string, above: Stats, own: number): void {
  try {
    chmodSync(path, own | (shared(above) & (own === 0o700 ? 0o077 : 0o066)));
    if (process.getuid?.() === 0 && above.uid !== 0) chownSync(path, above.uid, above.gid);
  } catch {
    // Made by another of those who share it: it is as it should be already.
  }
}
