import { closeSync } from "node:fs";
import { asString, type JsonObject } from "../../core/session-files/json.ts";
import { forEachLine, lineAt } from "../../core/session-files/line-reader.ts";
import { openSessionFile } from "../../core/session-files/open.ts";
import { readEntryLine } from "./entry-line.ts";

/** Below it a line is read whole; see entry-line.ts. */
const WHOLE_LINE = 16 * 1024;
/** Files kept open during one search. */
const MAX_OPEN = 64;

/** Reads single entries of session files by where they stand. Close it after use. */
export class ReadBack {
  readonly #open = new Map<string, number>();

  /** Undefined when the file is gone, or has something else there by now. */
  entry(path: string, start: number, length: number): JsonObject | undefined {
    const fd = this.#fd(path);
    return fd === undefined ? undefined : readEntryLine(lineAt(fd, start, length, WHOLE_LINE));
  }

  /** The entry's own id, or its place in a file that gives none. */
  idOf(path: string, entry: JsonObject, start: number): string {
    return asString(entry.id) ?? String(this.#placeOf(path, start)).padStart(8, "0");
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #placeOf(path: string, start: number): number {
    const fd = this.#fd(path);
    let records = 0;
    if (fd === undefined) return records;
    forEachLine(fd, 0, start, (line) => {
      const entry = readEntryLine(line);
      // As the index counts them: of headers only the first.
      if (entry !== undefined && (records === 0 || entry.type !== "session")) records++;
      return true;
    });
    return records;
  }

  #fd(path: string): number | undefined {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    if (this.#open.size >= MAX_OPEN) this.close();
    try {
      const fd = openSessionFile(path);
      this.#open.set(path, fd);
      return fd;
    } catch {
      // Gone or closed to us since it was read: the next look at the files finds out which.
      return undefined;
    }
  }
}
