import { asObject, parseTime } from "../../core/session-files/json.ts";
import { usageOf } from "../../core/session-files/usage.ts";
import type { Directories } from "../exclusion.ts";
import { partsOf } from "../files/parts.ts";
import { ReadBack } from "../files/read-back.ts";
import type { FileRow, HistoryIndex } from "../index/history-index.ts";
import { KINDS } from "../kinds.ts";
import type { Hit, HitSession } from "../types.ts";
import { ForkPoints } from "./fork-points.ts";
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
  readonly #forkPoints: ForkPoints;
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
    this.#forkPoints = new ForkPoints(index, this.#back);
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
    const forkAt = this.#forkPoints.at(row, start, id);
    const copies = [columns.file[id] ?? 0, ...(columns.copies.get(id) ?? [])]
      .flatMap((file) => this.#index.files.get(file) ?? [])
      .filter((other) => other !== row && this.#selection.isInScope(other))
      .map((other) => this.#session(other));
    return {
      ...this.#session(row),
      entryId,
      kind: KINDS[(columns.kind[id] ?? 1) - 1] ?? "custom",
      ...(tool === "" ? {} : { tool }),
      ...(model === "" ? {} : { model }),
      time,
      branch: this.#forkPoints.isActive(row, start) ? "active" : "abandoned",
      ...(tokens === undefined ? {} : { tokens }),
      ...(cost === undefined ? {} : { cost }),
      ...(copies.length === 0 ? {} : { copies }),
      ...(forkAt === undefined ? {} : { forkAt }),
    };
  }

  /** Where a document is shown. */
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
    return this.#forkPoints.first(places);
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

  #session(row: FileRow): HitSession {
    return hitSession(row, this.#directories, this.#mask);
  }

  #name(id: number): string {
    const row = this.#index.db.sql("SELECT name FROM names WHERE id = ?").get(id) as
      | { name: string }
      | undefined;
    return row?.name ?? "";
  }
}

/** What is told of a session that holds a hit. */
export function hitSession(
  { path, state }: FileRow,
  directories: Directories,
  mask: (text: string) => string,
): HitSession {
  const { session = "", name, cwd = "" } = state ?? {};
  return {
    sessionId: session,
    ...(name === undefined ? {} : { sessionName: mask(name) }),
    cwd,
    project: directories.project(cwd),
    file: path,
  };
}
