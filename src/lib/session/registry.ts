import { chmodSync, existsSync, statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SandboxProfile } from "../core/choices.ts";
import { PictlError, toStorageError } from "../core/errors.ts";
import type { SessionOptions } from "../protocol/session.ts";
import type { ModelAndLevel, PromisedState } from "./promised.ts";

/**
 * The steps from each schema to the next, in order; the number of steps is the current schema (`PRAGMA user_version`).
 * A step never changes once a build with it was used. Rows are kept: they hold what a session was promised.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS current (place TEXT PRIMARY KEY, session_id TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS cache (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
  // Later builds of schema 1 have it already.
  "CREATE TABLE IF NOT EXISTS sandboxed (path TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID",
];

/** Fails where a table or a column is missing. */
const TABLES =
  "SELECT id, record FROM sessions LIMIT 0; SELECT place, session_id FROM current LIMIT 0; " +
  "SELECT key, value FROM cache LIMIT 0; SELECT path, profile FROM sandboxed LIMIT 0";

/** What the daemon must know of a session to find and resume it after its own death. */
export interface SessionRecord {
  id: string;
  cwd: string;
  /** pi's configuration directory that the session belongs to. */
  agentDir: string;
  /** Path of pi's session file, which need not exist before the first answer. */
  file?: string;
  name?: string;
  /** File of the session that it is a fork or clone of; of a sandboxed one, whose own file may say anything. */
  parent?: string;
  /** The name isn't in pi's file yet: no agent could be started to write it. */
  renamed?: boolean;
  options: SessionOptions;
  /** Model and thinking level that it had when an agent last held it; absent until one has. */
  promised?: PromisedState;
  /** Tools that it then had; only where its options choose them. */
  promisedTools?: string[];
  /** What pi made of the model and the thinking level in `options` when the session was created. */
  resolved?: ModelAndLevel;
  origin: "pictl" | "pi";
  createdAt: number;
  usedAt: number;
  /** Closed by the user: shown as stopped instead of parked. */
  closed: boolean;
  /** pi has written its file: should it be gone later, somebody has deleted the session. */
  written?: boolean;
  /** The file as our agents left it: what has changed since was written by somebody else. */
  seen?: SeenFile;
  /** A turn that has begun and not ended. Found set at start, it was cut by the death of the daemon. */
  openTurn?: string;
  /** The last turn was cut by the end of its agent or of the daemon. */
  interrupted?: boolean;
}

/** A session's file as it was when an agent left it. */
export interface SeenFile {
  ino: number;
  size: number;
  /** When it was last changed; absent when that is not known. */
  mtimeMs?: number | undefined;
  /** The last entry, and where its line starts and ends. Records of older builds don't have it. */
  last?: { offset: number; lastId: string | null; lastAt?: number | undefined };
}

/**
 * The state that survives a restart, in one SQLite file: a `kill -9` at any point leaves either the old or
 * the new row, never half of one. Rows are JSON, because only whole records are read and written.
 */
export class Registry {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #setCurrent: StatementSync;
  readonly #getCurrent: StatementSync;
  readonly #dropCurrent: StatementSync;
  readonly #putCache: StatementSync;
  readonly #getCache: StatementSync;

  /**
   * @throws PictlError STORAGE_UNAVAILABLE when the file can't be created or written, DAEMON_START_FAILED when it is
   * damaged or of a newer schema; it is left as it is then
   */
  constructor(path: string) {
    this.#path = path;
    this.#db = open(path);
    this.#get = this.#db.prepare("SELECT record FROM sessions WHERE id = ?");
    this.#put = this.#db.prepare("INSERT OR REPLACE INTO sessions (id, record) VALUES (?, ?)");
    this.#delete = this.#db.prepare("DELETE FROM sessions WHERE id = ?");
    this.#setCurrent = this.#db.prepare("INSERT OR REPLACE INTO current (place, session_id) VALUES (?, ?)");
    this.#getCurrent = this.#db.prepare("SELECT session_id FROM current WHERE place = ?");
    this.#dropCurrent = this.#db.prepare("DELETE FROM current WHERE session_id = ?");
    this.#putCache = this.#db.prepare("INSERT OR REPLACE INTO cache (key, value) VALUES (?, ?)");
    this.#getCache = this.#db.prepare("SELECT value FROM cache WHERE key = ?");
  }

  all(): SessionRecord[] {
    try {
      const rows = this.#db.prepare("SELECT record FROM sessions").all() as { record: string }[];
      return rows.map((row) => JSON.parse(row.record) as SessionRecord);
    } catch (error) {
      throw damagedError(error, this.#path) ?? error;
    }
  }

  get(id: string): SessionRecord | undefined {
    const row = this.#get.get(id) as { record: string } | undefined;
    return row === undefined ? undefined : (JSON.parse(row.record) as SessionRecord);
  }

  put(record: SessionRecord): void {
    this.#write(() => this.#put.run(record.id, JSON.stringify(record)));
  }

  /** Forgets a session, also as the current one of its directory. */
  delete(id: string): void {
    this.#write(() => {
      this.#delete.run(id);
      this.#dropCurrent.run(id);
    });
  }

  /**
   * Ends the write-ahead log, which still has what was deleted. It takes two writes to the disk, so that only a deletion
   * that was asked for does it.
   */
  eraseDeleted(): void {
    this.#write(() => this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  /** Makes a session the current one of a directory, per pi configuration directory. */
  setCurrent(agentDir: string, cwd: string, sessionId: string): void {
    this.#write(() => this.#setCurrent.run(placeKey(agentDir, cwd), sessionId));
  }

  getCurrent(agentDir: string, cwd: string): string | undefined {
    const row = this.#getCurrent.get(placeKey(agentDir, cwd)) as { session_id: string } | undefined;
    return row?.session_id;
  }

  /** A remembered value that may be lost at any time (file summaries, pi's version). */
  getCache<T>(key: string): T | undefined {
    const row = this.#getCache.get(key) as { value: string } | undefined;
    return row === undefined ? undefined : (JSON.parse(row.value) as T);
  }

  /** Every remembered value whose key begins with the prefix. */
  cacheWithPrefix<T>(prefix: string): Map<string, T> {
    const rows = this.#db
      .prepare("SELECT key, value FROM cache WHERE key >= ? AND key < ?")
      .all(prefix, `${prefix}\u{10ffff}`) as { key: string; value: string }[];
    return new Map(rows.map((row) => [row.key.slice(prefix.length), JSON.parse(row.value) as T]));
  }

  putCache(entries: Iterable<[key: string, value: unknown]>): void {
    this.#write(() => {
      this.#db.exec("BEGIN");
      for (const [key, value] of entries) this.#putCache.run(key, JSON.stringify(value));
      this.#db.exec("COMMIT");
    });
  }

  /** Directories in which sandboxed agents could write, with the strictest profile that one of them had. */
  sandboxedPlaces(): Map<string, SandboxProfile> {
    const rows = this.#db.prepare("SELECT path, profile FROM sandboxed").all() as {
      path: string;
      profile: SandboxProfile;
    }[];
    return new Map(rows.map(({ path, profile }) => [path, profile]));
  }

  putSandboxedPlaces(paths: readonly string[], profile: SandboxProfile): void {
    const put = this.#db.prepare("INSERT OR REPLACE INTO sandboxed (path, profile) VALUES (?, ?)");
    this.#write(() => {
      this.#db.exec("BEGIN");
      for (const path of paths) put.run(path, profile);
      this.#db.exec("COMMIT");
    });
  }

  forgetSandboxedPlaces(paths: readonly string[]): void {
    if (paths.length === 0) return;
    const forget = this.#db.prepare("DELETE FROM sandboxed WHERE path = ?");
    this.#write(() => {
      this.#db.exec("BEGIN");
      for (const path of paths) forget.run(path);
      this.#db.exec("COMMIT");
    });
  }

  close(): void {
    this.#db.close();
  }

  #write(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw toSqliteError(error, this.#path);
    }
  }
}

/** SQLite makes its files by the umask, which is that of whichever shell started the daemon. */
function makePrivate(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch {
    // A file system that has become read-only can still be read from; the directory is private anyway.
  }
}

function placeKey(agentDir: string, cwd: string): string {
  return `${agentDir}\u0000${cwd}`;
}

function open(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    refuseNewer(path);
    db = new DatabaseSync(path);
    makePrivate(path);
    // WAL with NORMAL loses nothing when a process dies, only (at most) the last rows when the machine does.
    // What is deleted is overwritten: prompts may be confidential.
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000; PRAGMA secure_delete = ON",
    );
    migrate(db);
    db.exec(TABLES);
    return db;
  } catch (error) {
    db?.close();
    throw damagedError(error, path) ?? toSqliteError(error, path);
  }
}

/** Read without a right to write, because a newer file must stay as it is, its write-ahead log included. */
function refuseNewer(path: string): void {
  // A URI is for tests, and of a file that is there.
  if (path.startsWith("file:") || !existsSync(path)) return;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const version = schemaOf(db);
    if (version <= MIGRATIONS.length) return;
    throw new PictlError(
      "DAEMON_START_FAILED",
      `The registry ${path} has schema ${version}, which a newer pictl wrote; this one knows schemas up to ${MIGRATIONS.length}.`,
      {
        hint: "Use that pictl, or set PICTL_HOME to another directory. The file was left as it is.",
        details: { path, schema: version, known: MIGRATIONS.length },
      },
    );
  } finally {
    db.close();
  }
}

/** Brings an older file forward, all steps or none. Another daemon with the same registry may do so too. */
function migrate(db: DatabaseSync): void {
  if (schemaOf(db) === MIGRATIONS.length) return;
  db.exec("BEGIN IMMEDIATE");
  for (const step of MIGRATIONS.slice(schemaOf(db))) db.exec(step);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`);
}

function schemaOf(db: DatabaseSync): number {
  return (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

/** Not overwritten: it says how sessions may run. */
function damagedError(error: unknown, path: string): PictlError | undefined {
  if (error instanceof PictlError) return undefined;
  // SQLITE_ERROR (a table or column is missing), SQLITE_CORRUPT and SQLITE_NOTADB, or a row that isn't JSON.
  const isDamaged = error instanceof SyntaxError || [1, 11, 26].includes(sqliteCode(error) ?? 0);
  // SQLite only knows of an input or output error then.
  const isFile = sqliteCode(error) !== 10 || statSync(path, { throwIfNoEntry: false })?.isFile() !== false;
  if ((isFile && !isDamaged) || !(error instanceof Error)) return undefined;
  const reason = isFile ? error.message : "it is no regular file";
  return new PictlError("DAEMON_START_FAILED", `The registry ${path} is damaged: ${reason}.`, {
    hint: "Move it away, keep it, and run the command again: sessions are found by pi's own files, and their options by the notes beside those.",
    details: { path },
    cause: error,
  });
}

/** The result code without its extension. */
function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
}

/** SQLite's own result codes (https://sqlite.org/rescode.html), told as the system error they stand for. */
function toSqliteError(error: unknown, path: string): unknown {
  const errcode = sqliteCode(error);
  const system: Record<number, string> = { 8: "EROFS", 13: "ENOSPC", 14: "EACCES", 10: "ENOSPC" };
  const code = errcode === undefined ? undefined : system[errcode];
  if (code === undefined || !(error instanceof Error)) return error;
  return toStorageError(Object.assign(new Error(error.message), { code }), path);
}
