import { chmodSync, closeSync, openSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { PictlError, systemErrorCode, toStorageError } from "../../core/errors.ts";
import { ensurePrivateDir } from "../../core/paths.ts";

/** Raised whenever the tables, or what a text becomes in them, change: an index of another version is made anew. */
const VERSION = 2;
/** FTS5 collects this much before it writes: with its own 1 MiB an index takes longer to make, with 64 MiB too. */
const HASH_BYTES = 4 * 1024 * 1024;
/** FTS5's own: with each write it also merges a little of what was written before. */
const MERGED_SEGMENTS = 4;
/** Some 10 ms of merging. */
const MERGED_PAGES = 250n;
const CACHE_KIB = 16_000;
/** 32 MB: each time costs a wait for the disk. */
const CHECKPOINT_PAGES = 8_000;

/** SQLite's result codes of a file that isn't what it should be: CORRUPT (and CORRUPT_VTAB), NOTADB. */
const DAMAGED = new Set([11, 26]);
const SQLITE_ERROR = 1;
/** What SQLite says of tables that aren't those of {@link SCHEMA}; it has no code of its own for that. */
const OTHER_TABLES = /^(?:no such (?:table|column)|table \S+ has (?:no column|\d+ columns))/;
/** SQLite's result codes of a file that is as it should be and can't be written: READONLY, IOERR, FULL, CANTOPEN. */
const UNWRITABLE = new Map([
  [8, "it can be read only"],
  [10, "reading or writing it failed"],
  [13, "the disk is full"],
  [14, "it can't be opened"],
]);

const SCHEMA = `
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  ino INTEGER NOT NULL, size INTEGER NOT NULL, mtime REAL NOT NULL,
  offset INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  problem TEXT,
  session TEXT,
  cwd TEXT,
  state TEXT NOT NULL
);
CREATE INDEX files_by_session ON files (session);
-- A piece of an entry; its row in "words" has the same id. What is in several files stands here once.
CREATE TABLE docs (
  id INTEGER PRIMARY KEY,
  file INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, part INTEGER NOT NULL,
  kind INTEGER NOT NULL, tool INTEGER NOT NULL, model INTEGER NOT NULL,
  time INTEGER NOT NULL, nth INTEGER NOT NULL,
  hash INTEGER NOT NULL
);
-- Beginning with the time, what is added together stands together in it.
CREATE UNIQUE INDEX docs_by_key ON docs (time, hash);
CREATE INDEX docs_by_file ON docs (file);
CREATE TABLE copies (doc INTEGER NOT NULL, file INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
  PRIMARY KEY (doc, file, start)) WITHOUT ROWID;
CREATE INDEX copies_by_file ON copies (file);
-- Entries without text, such as an answer that was aborted: what they cost counts once, whatever files they are in.
CREATE TABLE textless (time INTEGER NOT NULL, hash INTEGER NOT NULL, file INTEGER NOT NULL,
  PRIMARY KEY (time, hash)) WITHOUT ROWID;
CREATE INDEX textless_by_file ON textless (file);
-- Sums for the statistics, of each file, day, and kind of thing that is counted.
CREATE TABLE tallies (
  file INTEGER NOT NULL, day INTEGER NOT NULL, by TEXT NOT NULL, name TEXT NOT NULL,
  turns INTEGER NOT NULL, count INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL, cacheRead INTEGER NOT NULL, cacheWrite INTEGER NOT NULL, cost REAL NOT NULL,
  PRIMARY KEY (file, day, by, name)
) WITHOUT ROWID;
-- Names of tools and models.
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE words USING fts5(body, content='', contentless_delete=1, tokenize='ascii');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');
`;

/**
 * The index's file. It holds nothing that isn't in pi's own files but for numbers and words, so whatever is wrong
 * with it (damaged, gone, of another version), it is made anew.
 */
export class Database {
  readonly path: string;
  #db: DatabaseSync;
  #ino: number;
  /** Undefined when it isn't known: another process may have died before it was set back. */
  #mergesAsWritten: boolean | undefined;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws PictlError STORAGE_UNAVAILABLE */
  constructor(path: string) {
    this.path = path;
    this.#db = openOrRemake(path);
    this.#ino = inodeOf(path);
  }

  /** A statement, prepared once. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /**
   * Begins a transaction unless one is open. What is in it is seen by searches (there is but this connection), and
   * gone when the process is killed. Many small ones would take longer than all the rest.
   */
  begin(): void {
    if (!this.#db.isTransaction) this.#db.exec("BEGIN IMMEDIATE");
  }

  commit(): void {
    if (this.#db.isTransaction) this.#db.exec("COMMIT");
  }

  /** Undoes what isn't committed, unless what damaged the file has ended the transaction by itself. */
  rollback(): void {
    this.#mergesAsWritten = undefined;
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
  }

  /**
   * Whether each write also merges some of the earlier ones, so that none ever has to merge much. Without, a large index
   * is made a fifth faster, and then merges only where it would become slow to search.
   */
  mergeAsWritten(merge: boolean): void {
    if (this.#mergesAsWritten === merge) return;
    this.begin();
    // A plain number would be a real one, which FTS5 doesn't take.
    this.sql("INSERT INTO words (words, rank) VALUES ('automerge', ?)").run(
      BigInt(merge ? MERGED_SEGMENTS : 0),
    );
    this.#mergesAsWritten = merge;
  }

  /** Merges a little of what was written without merging. Returns whether there may be more. */
  mergeSome(): boolean {
    const before = this.#changes();
    this.begin();
    this.sql("INSERT INTO words (words, rank) VALUES ('merge', ?)").run(MERGED_PAGES);
    this.commit();
    // The statement itself counts as one. Source: SQLite's documentation of FTS5, "The 'merge' Command".
    return this.#changes() - before > 1;
  }

  #changes(): number {
    return (this.sql("SELECT total_changes() AS changes").get() as { changes: number }).changes;
  }

  /** Whether somebody has removed or replaced the file. */
  get isGone(): boolean {
    return inodeOf(this.path) !== this.#ino;
  }

  /** Bytes on disk, with what isn't merged yet. */
  get bytes(): number {
    return sizeOf(this.path) + sizeOf(`${this.path}-wal`);
  }

  /** An empty index in the place of this one. */
  remake(): void {
    this.close();
    removeFiles(this.path);
    this.#mergesAsWritten = undefined;
    this.#db = openOrRemake(this.path);
    this.#ino = inodeOf(this.path);
  }

  /** Overwrites what was taken out: until something else needs its room, it would stay in the file. */
  purge(): void {
    this.commit();
    this.#db.exec("INSERT INTO words (words) VALUES ('optimize'); VACUUM");
    this.checkpoint();
  }

  /** Puts what was written beside the file into it. */
  checkpoint(): void {
    this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }
}

/** What stands in the tables isn't what was written there. */
export class DamagedRow extends Error {}

/** Whether an error says that the file is not what it should be. */
export function isDamage(error: unknown): boolean {
  return (
    error instanceof DamagedRow ||
    DAMAGED.has(codeOf(error)) ||
    (codeOf(error) === SQLITE_ERROR && OTHER_TABLES.test((error as Error).message))
  );
}

/** STORAGE_UNAVAILABLE for an error that says that the file can't be written; any other as it is. */
export function toIndexError(error: unknown, path: string): unknown {
  const reason = UNWRITABLE.get(codeOf(error));
  if (reason === undefined) return error;
  return new PictlError("STORAGE_UNAVAILABLE", `Cannot use the history's index ${path}: ${reason}.`, {
    hint: "Free space or fix the permissions: the next search goes on where this one stopped.",
    details: { path },
    cause: error,
  });
}

/** SQLite's result code, without what it says beyond. */
function codeOf(error: unknown): number {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : -1;
}

function openOrRemake(path: string): DatabaseSync {
  ensurePrivateDir(dirname(path));
  try {
    return open(path);
  } catch (error) {
    if (!isDamage(error) && !(error instanceof OtherVersion))
      throw toIndexError(toStorageError(error, path), path);
    removeFiles(path);
    return open(path);
  }
}

class OtherVersion extends Error {}

function open(path: string): DatabaseSync {
  // Private from its first moment on; SQLite gives its other files the same mode.
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  const db = new DatabaseSync(path);
  try {
    // A daemon that is just ending may still have it.
    db.exec("PRAGMA busy_timeout = 5000");
    db.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    );
    const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (version === 0) create(db);
    else if (version !== VERSION) throw new OtherVersion();
    db.exec("SELECT 1 FROM docs LIMIT 1");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function create(db: DatabaseSync): void {
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
  if (tables > 0) throw new OtherVersion();
  db.exec(`BEGIN; ${SCHEMA}; INSERT INTO words (words, rank) VALUES ('hashsize', ${HASH_BYTES});
    PRAGMA user_version = ${VERSION}; COMMIT`);
}

function removeFiles(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
}

function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? -1;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return 0;
    throw error;
  }
}
