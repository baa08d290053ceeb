import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PictlError, systemErrorCode, toStorageError } from "../core/errors.ts";
import { ensurePrivateDir } from "../core/paths.ts";

/**
 * The sessions that were to be forgotten, in a file beside the index: the index can be made anew at any time, and
 * must not bring them back.
 */
export class Forgotten {
  readonly #path: string;
  #ids: Set<string>;

  constructor(path: string) {
    this.#path = path;
    this.#ids = read(path);
  }

  get size(): number {
    return this.#ids.size;
  }

  has(session: string): boolean {
    return this.#ids.has(session);
  }

  /** @throws PictlError STORAGE_UNAVAILABLE */
  add(sessions: readonly string[]): void {
    this.#save(new Set([...this.#ids, ...sessions]));
  }

  /** @throws PictlError STORAGE_UNAVAILABLE */
  remove(sessions: readonly string[]): void {
    this.#save(new Set([...this.#ids].filter((id) => !sessions.includes(id))));
  }

  #save(ids: Set<string>): void {
    try {
      ensurePrivateDir(dirname(this.#path));
      writeFileSync(`${this.#path}.new`, `${JSON.stringify({ sessions: [...ids] }, null, 2)}\n`, {
        mode: 0o600,
        // Before the rename, or a power cut would leave an empty file in its place.
        flush: true,
      });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      throw toStorageError(error, this.#path);
    }
    this.#ids = ids;
  }
}

function read(path: string): Set<string> {
  try {
    const { sessions } = JSON.parse(readFileSync(path, "utf8")) as { sessions?: unknown };
    return new Set(Array.isArray(sessions) ? sessions.filter((id) => typeof id === "string") : []);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return new Set();
    // To go on without it would bring back what was to be forgotten.
    throw new PictlError("STORAGE_UNAVAILABLE", `The list of forgotten sessions, ${path}, can't be read.`, {
      hint: "Mend it, or remove it: the sessions that were forgotten are then found again.",
      details: { path },
      cause: error,
    });
  }
}
