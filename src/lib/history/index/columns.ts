import type { Database } from "./database.ts";

/** Grown by this factor, so that adding stays cheap. */
const GROWTH = 1.5;

/**
 * What a search asks of every document that has a word, in memory: a common word is in hundreds of thousands, and
 * asking the database for each takes ten times as long as finding them. 12 bytes a document.
 */
export class Columns {
  /** One more than the highest id. */
  size = 1;
  /** Seconds since the epoch. */
  time = new Uint32Array(1024);
  file = new Uint32Array(1024);
  tool = new Uint16Array(1024);
  model = new Uint16Array(1024);
  /** One more than the number of the kind; 0: there is no such document. */
  kind = new Uint8Array(1024);
  /** How many documents before this one are of the same entry. */
  nth = new Uint8Array(1024);
  /** The other files that hold the same, for the few documents that are in several. */
  readonly copies = new Map<number, number[]>();

  static load(db: Database): Columns {
    const columns = new Columns();
    const rows = db.sql("SELECT id, time, file, tool, model, kind, nth FROM docs");
    rows.setReturnArrays(true);
    for (const row of rows.iterate() as unknown as Iterable<Doc>) columns.put(...row);
    for (const { doc, file } of db.sql("SELECT doc, file FROM copies").iterate() as Iterable<{
      doc: number;
      file: number;
    }>)
      columns.copy(doc, file);
    return columns;
  }

  put(...[id, time, file, tool, model, kind, nth]: Doc): void {
    if (id >= this.time.length) this.#grow(id);
    this.time[id] = time;
    this.file[id] = file;
    this.tool[id] = tool;
    this.model[id] = model;
    this.kind[id] = kind + 1;
    this.nth[id] = nth;
    this.size = Math.max(this.size, id + 1);
  }

  copy(id: number, file: number): void {
    const files = this.copies.get(id);
    if (files === undefined) this.copies.set(id, [file]);
    else if (!files.includes(file)) files.push(file);
  }

  dropCopy(id: number, file: number): void {
    const left = this.copies.get(id)?.filter((other) => other !== file) ?? [];
    if (left.length > 0) this.copies.set(id, left);
    else this.copies.delete(id);
  }

  remove(id: number): void {
    this.kind[id] = 0;
    this.copies.delete(id);
  }

  /** Every id, in order. */
  *ids(): Generator<number> {
    for (let id = 1; id < this.size; id++) if (this.kind[id] !== 0) yield id;
  }

  #grow(id: number): void {
    const length = Math.ceil(Math.max(id + 1, this.time.length * GROWTH));
    const grown = <T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.time = grown(this.time, new Uint32Array(length));
    this.file = grown(this.file, new Uint32Array(length));
    this.tool = grown(this.tool, new Uint16Array(length));
    this.model = grown(this.model, new Uint16Array(length));
    this.kind = grown(this.kind, new Uint8Array(length));
    this.nth = grown(this.nth, new Uint8Array(length));
  }
}

type Doc = [id: number, time: number, file: number, tool: number, model: number, kind: number, nth: number];
