import { asObject, asString, parseTime } from "../../core/session-files/json.ts";
import type { Directories } from "../exclusion.ts";
import { partsOf, usageOf } from "../files/parts.ts";
import { ReadBack } from "../files/read-back.ts";
import { activeRanges, isActive } from "../index/file-state.ts";
import type { FileRow, HistoryIndex } from "../index/history-index.ts";
import { KINDS, kindNumber } from "../kinds.ts";
import type { Hit, HitSession } from "../types.ts";
import type { Selection } from "./selection.ts";

/** A document with what its file says of it. */
export interface Found {
  id: number;
  row: FileRow;
  start: number;
  entryId: string;
  text: string;
  time: number;
  tokens?: number;
  cost?: number;
}

interface Place {
  row: FileRow;
  start: number;
  length: number;
  part: number;
}

/** Turns numbers of documents into what is shown of them. Close it after use. */
export class HitReader {
  readonly #index: HistoryIndex;
  readonly #directories: Directories;
  readonly #selection: Selection;
  readonly #back = new ReadBack();
  readonly #ranges = new Map<number, [number, number][]>();
  readonly #prompts = new Map<number, { start: number; length: number }[]>();
  readonly #mask: (text: string) => string;

  constructor(
    index: HistoryIndex,
    directories: Directories,
    selection: Selection,
    mask: (text: string) => string,
  ) {
    this.#index = index;
    this.#directories = directories;
    this.#selection = selection;
    this.#mask = mask;
  }

  close(): void {
    this.#back.close();
  }

  /** The text of a document alone. */
  text(id: number): string | undefined {
    const place = this.#place(id);
    return place === undefined ? undefined : this.#part(place)?.text;
  }

  /** Undefined when its file has changed since it was read. */
  read(id: number): Found | undefined {
    const place = this.#place(id);
    const part = place === undefined ? undefined : this.#part(place);
    if (place === undefined || part === undefined) return undefined;
    const { row, start } = place;
    const { entry, text } = part;
    const usage = usageOf(asObject(entry.message)?.usage ?? entry.usage);
    return {
      id,
      row,
      start,
      entryId: this.#back.idOf(row.path, entry, start),
      text,
      time: parseTime(entry.timestamp) ?? (this.#index.columns.time[id] ?? 0) * 1000,
      ...(usage === undefined
        ? {}
        : { tokens: usage.input + usage.output + usage.cacheRead + usage.cacheWrite, cost: usage.cost }),
    };
  }

  /** All that is told of a hit but for its score and snippet. */
  describe(found: Found): Omit<Hit, "score" | "snippet"> {
    const { columns } = this.#index;
    const { id, row, start, entryId, time, tokens, cost } = found;
    const [tool, model] = [this.#name(columns.tool[id] ?? 0), this.#name(columns.model[id] ?? 0)];
    const active = isActive(this.#rangesOf(row), start);
    const forkAt = active ? this.#forkPoint(found) : undefined;
    const copies = [columns.file[id] ?? 0, ...(columns.copies.get(id) ?? [])]
      .filter((file) => file !== row.id && this.#index.files.get(file)?.problem === undefined)
      .flatMap((file) => this.#index.files.get(file) ?? [])
      .map((other) => this.session(other));
    return {
      ...this.session(row),
      entryId,
      kind: KINDS[(columns.kind[id] ?? 1) - 1] ?? "custom",
      ...(tool === "" ? {} : { tool }),
      ...(model === "" ? {} : { model }),
      time,
      branch: active ? "active" : "abandoned",
      ...(tokens === undefined ? {} : { tokens }),
      ...(cost === undefined ? {} : { cost }),
      ...(copies.length === 0 ? {} : { copies }),
      ...(forkAt === undefined ? {} : { forkAt }),
    };
  }

  session(row: FileRow): HitSession {
    const { session = "", name, cwd = "" } = row.state ?? {};
    return {
      sessionId: session,
      ...(name === undefined ? {} : { sessionName: this.#mask(name) }),
      cwd,
      project: this.#directories.project(cwd),
      file: row.path,
    };
  }

  /** Where a document is shown: of several sessions in the oldest that it still leads somewhere in. */
  #place(id: number): Place | undefined {
    const doc = this.#index.db.sql("SELECT file, start, length, part FROM docs WHERE id = ?").get(id) as
      | { file: number; start: number; length: number; part: number }
      | undefined;
    if (doc === undefined) return undefined;
    const places = this.#selection.filesOf(id).flatMap((file): Place[] => {
      const row = this.#index.files.get(file);
      const at = file === doc.file ? doc : this.#copy(id, file);
      return row === undefined || at === undefined
        ? []
        : [{ row, start: at.start, length: at.length, part: doc.part }];
    });
    if (places.length <= 1) return places[0];
    const age = ({ row }: Place) => row.state?.createdAt ?? 0;
    const left = ({ row, start }: Place) => (isActive(this.#rangesOf(row), start) ? 0 : 1);
    return places.sort((a, b) => left(a) - left(b) || age(a) - age(b))[0];
  }

  #copy(id: number, file: number): { start: number; length: number } | undefined {
    return this.#index.db.sql("SELECT start, length FROM copies WHERE doc = ? AND file = ?").get(id, file) as
      | { start: number; length: number }
      | undefined;
  }

  #part({ row, start, length, part }: Place) {
    const entry = this.#back.entry(row.path, start, length);
    const text = entry === undefined ? undefined : partsOf(entry)[part]?.text;
    return entry === undefined || text === undefined ? undefined : { entry, text };
  }

  #rangesOf(row: FileRow): [number, number][] {
    let ranges = this.#ranges.get(row.id);
    if (ranges === undefined) {
      ranges = row.state === undefined ? [] : activeRanges(row.state);
      this.#ranges.set(row.id, ranges);
    }
    return ranges;
  }

  /** pi forks from prompts: the one that is found, or the one that led to what is found. */
  #forkPoint({ row, start, id }: Found): string | undefined {
    const near = this.#nearestPrompt(row, id);
    if (near !== undefined) return asString(this.#back.entry(row.path, near.start, near.length)?.id);
    const ranges = this.#rangesOf(row);
    const prompts = this.#promptsOf(row).filter(
      (prompt) => prompt.start <= start && isActive(ranges, prompt.start),
    );
    const last = prompts.at(-1);
    if (last === undefined) return undefined;
    // pi gives the entries of a file without ids new ones whenever it opens it; their number stays.
    if ((row.state?.version ?? 1) < 2) return String(prompts.length);
    return asString(this.#back.entry(row.path, last.start, last.length)?.id);
  }

  /** The prompt before a document, where it is surely the one that led to it: in a session without branches and copies. */
  #nearestPrompt({ id: file, state }: FileRow, doc: number): { start: number; length: number } | undefined {
    const { db, columns } = this.#index;
    if (state === undefined || state.version < 2 || state.jumps.length > 0) return undefined;
    if (columns.file[doc] !== file || db.sql("SELECT 1 FROM copies WHERE file = ? LIMIT 1").get(file))
      return undefined;
    return db
      .sql("SELECT start, length FROM docs WHERE file = ? AND kind = ? AND id <= ? ORDER BY id DESC LIMIT 1")
      .get(file, kindNumber("user"), doc) as { start: number; length: number } | undefined;
  }

  /** Where the prompts of a file stand, its own and those that it shares. */
  #promptsOf(row: FileRow): { start: number; length: number }[] {
    let prompts = this.#prompts.get(row.id);
    if (prompts === undefined) {
      const user = kindNumber("user");
      prompts = (
        this.#index.db
          .sql(`SELECT start, length FROM docs WHERE file = ? AND kind = ? UNION ALL
            SELECT copies.start, copies.length FROM copies JOIN docs ON docs.id = copies.doc
              WHERE copies.file = ? AND kind = ?`)
          .all(row.id, user, row.id, user) as { start: number; length: number }[]
      ).sort((a, b) => a.start - b.start);
      this.#prompts.set(row.id, prompts);
    }
    return prompts;
  }

  #name(id: number): string {
    const row = this.#index.db.sql("SELECT name FROM names WHERE id = ?").get(id) as
      | { name: string }
      | undefined;
    return row?.name ?? "";
  }
}
