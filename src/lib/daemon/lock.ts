import { writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { toStorageError } from "../core/errors.ts";
import type { Paths } from "../core/paths.ts";

/** SQLITE_BUSY: https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/**
 * The right to be the daemon of this place: an exclusive transaction on a SQLite file, held for the daemon's
 * life. The kernel lets go of it on any death, so nothing stale can be left; connect–unlink–bind and O_EXCL pid
 * files both failed with sixteen clients at once (docs/decisions/0002).
 */
export class InstanceLock {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * @returns undefined when another daemon holds the lock
   * @throws PictlError STORAGE_UNAVAILABLE
   */
  static acquire(paths: Pick<Paths, "lock" | "pid">): InstanceLock | undefined {
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(paths.lock, { timeout: 0 });
      db.exec("BEGIN EXCLUSIVE");
      // The pid is for people and for `daemon stop`; whether a daemon lives is told by the lock alone.
      writeFileSync(paths.pid, `${process.pid}\n`, { mode: 0o600 });
      return new InstanceLock(db);
    } catch (error) {
      db?.close();
      if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
      throw toStorageError(error, paths.lock);
    }
  }

  release(): void {
    this.#db.close();
  }
}
