import { crc32 } from "node:zlib";
import type { Usage } from "../../core/session-files/usage.ts";
import type { Part } from "../files/parts.ts";
import { kindNumber } from "../kinds.ts";
import type { Fold } from "../text/fold.ts";
import type { Columns } from "./columns.ts";
import type { Database } from "./database.ts";

/** Where an entry stands. */
export interface Place {
  file: number;
  start: number;
  length: number;
}

/** What is counted of a file, on a day, under a name. */
interface Tally extends Usage {
  turns: number;
  count: number;
}

const DAY_MS = 86_400_000;
/** `nth` is one byte; an answer has a handful of parts. */
const MAX_NTH = 255;

/** Puts entries into the index and takes files out of it. Used within a transaction. */
export class IndexWriter {
  readonly #db: Database;
  readonly #columns: Columns;
  readonly #fold: Fold;
  readonly #names = new Map<string, number>();
  readonly #tallies = new Map<string, Tally & { key: [number, number, string, string] }>();

  constructor(db: Database, columns: Columns, fold: Fold) {
    this.#db = db;
    this.#columns = columns;
    this.#fold = fold;
  }

  /**
   * Takes in an entry's parts. The same part in another file is only noted as a copy. An entry without any is
   * noted for what it cost, which counts once as well.
   *
   * @param id the entry's id, or its place in a file that has none
   * @returns whether any of it was new
   */
  add(place: Place, entry: { id: string; time: number; model: string; parts: readonly Part[] }): boolean {
    const { file, start, length } = place;
    const time = Math.max(0, Math.min(2 ** 32 - 1, Math.floor(entry.time / 1000)));
    if (entry.parts.length === 0) {
      const insert = this.#db.sql("INSERT OR IGNORE INTO textless VALUES (?, ?, ?)");
      return insert.run(time, hashOf(entry, "", 0, ""), file).changes > 0;
    }
    let nth = 0;
    for (const [index, { kind, tool = "", text }] of entry.parts.entries()) {
      const id = this.#columns.size;
      const row = [kindNumber(kind), this.name(tool), this.name(entry.model), time] as const;
      const hash = hashOf(entry, kind, index, text);
      const { changes } = this.#db
        .sql("INSERT OR IGNORE INTO docs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .run(id, file, start, length, index, ...row, Math.min(nth, MAX_NTH), hash);
      if (changes === 0) {
        this.#addCopy(time, hash, place);
        continue;
      }
      const [kindId, toolId, modelId] = row;
      this.#columns.put(id, time, file, toolId, modelId, kindId, Math.min(nth, MAX_NTH));
      nth++;
      this.#db.sql("INSERT INTO words (rowid, body) VALUES (?, ?)").run(id, this.#fold.forIndex(text));
    }
    return nth > 0;
  }

  /** Adds to the sums of a day. Written by {@link flush}. */
  count(file: number, time: number, by: string, name: string, tally: Partial<Tally>): void {
    const day = Math.floor(time / DAY_MS);
    const id = `${file} ${day} ${by} ${name}`;
    let sum = this.#tallies.get(id);
    if (sum === undefined) {
      sum = {
        key: [file, day, by, name],
        turns: 0,
        count: 0,
        input: 0,
        output: 0,
        cacheRead: 0,
        cacheWrite: 0,
        cost: 0,
      };
      this.#tallies.set(id, sum);
    }
    for (const field of ["turns", "count", "input", "output", "cacheRead", "cacheWrite", "cost"] as const)
      sum[field] += tally[field] ?? 0;
  }

  flush(): void {
    const insert = this.#db.sql(`INSERT INTO tallies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET turns = turns + excluded.turns, count = count + excluded.count,
        input = input + excluded.input, output = output + excluded.output,
        cacheRead = cacheRead + excluded.cacheRead, cacheWrite = cacheWrite + excluded.cacheWrite, cost = cost + excluded.cost`);
    for (const { key, turns, count, input, output, cacheRead, cacheWrite, cost } of this.#tallies.values())
      insert.run(
        ...key,
        turns,
        count,
        Math.round(input),
        Math.round(output),
        Math.round(cacheRead),
        Math.round(cacheWrite),
        cost,
      );
    this.#tallies.clear();
  }

  /** What was counted and not written belongs to a transaction that failed. */
  discard(): void {
    this.#tallies.clear();
    this.#names.clear();
  }

  /**
   * Takes out all that is of a file.
   *
   * @returns other files that hold copies of it: they must be read again, because their own are gone with it
   */
  remove(file: number): number[] {
    const rows = this.#db.sql("SELECT id FROM docs WHERE file = ?").all(file) as { id: number }[];
    const others = this.#db
      .sql("SELECT DISTINCT copies.file FROM copies JOIN docs ON docs.id = copies.doc WHERE docs.file = ?")
      .all(file) as { file: number }[];
    const [word, copy] = [
      this.#db.sql("DELETE FROM words WHERE rowid = ?"),
      this.#db.sql("DELETE FROM copies WHERE doc = ?"),
    ];
    for (const { id } of rows) {
      word.run(id);
      copy.run(id);
      this.#columns.remove(id);
    }
    for (const { doc } of this.#db.sql("SELECT doc FROM copies WHERE file = ?").all(file) as {
      doc: number;
    }[])
      this.#columns.dropCopy(doc, file);
    this.#db.sql("DELETE FROM copies WHERE file = ?").run(file);
    this.#db.sql("DELETE FROM docs WHERE file = ?").run(file);
    this.#db.sql("DELETE FROM textless WHERE file = ?").run(file);
    this.#db.sql("DELETE FROM tallies WHERE file = ?").run(file);
    return others.map((other) => other.file).filter((other) => other !== file);
  }

  /** The number of a tool's or model's name. */
  name(name: string): number {
    let id = this.#names.get(name);
    if (id === undefined) {
      this.#db.sql("INSERT OR IGNORE INTO names (name) VALUES (?)").run(name);
      id = (this.#db.sql("SELECT id FROM names WHERE name = ?").get(name) as { id: number }).id;
      this.#names.set(name, id);
    }
    return id;
  }

  #addCopy(time: number, hash: number, { file, start, length }: Place): void {
    const row = this.#db.sql("SELECT id, file FROM docs WHERE time = ? AND hash = ?").get(time, hash) as {
      id: number;
      file: number;
    };
    // pi never writes an entry twice into a file.
    if (row.file === file) return;
    this.#db.sql("INSERT OR IGNORE INTO copies VALUES (?, ?, ?, ?)").run(row.id, file, start, length);
    this.#columns.copy(row.id, file);
  }
}

/** With the time of its entry, tells whether two files hold the same part. 52 bits: a whole number in JavaScript. */
function hashOf({ id }: { id: string }, kind: string, index: number, text: string): number {
  const name = crc32(`${id}\0${kind}\0${index}\0${text.length}`) & 0xfffff;
  return name * 2 ** 32 + crc32(text);
}
