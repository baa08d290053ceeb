import { asString } from "../../core/session-files/json.ts";
import type { ReadBack } from "../files/read-back.ts";
import { activeRanges, isActive } from "../index/file-state.ts";
import type { FileRow, HistoryIndex } from "../index/history-index.ts";
import { kindNumber } from "../kinds.ts";

interface Prompt {
  start: number;
  length: number;
}

/** Knows of places in session files whether they lead to the session's end, and from where pi can fork them. */
export class ForkPoints {
  readonly #index: HistoryIndex;
  readonly #back: ReadBack;
  readonly #ranges = new Map<number, [number, number][]>();
  readonly #prompts = new Map<number, Prompt[]>();

  constructor(index: HistoryIndex, back: ReadBack) {
    this.#index = index;
    this.#back = back;
  }

  isActive(row: FileRow, start: number): boolean {
    return isActive(this.#rangesOf(row), start);
  }

  /** Of the places of one entry, that which is shown: in the oldest session that it still leads somewhere in. */
  first<P extends { row: FileRow; start: number }>(places: readonly P[]): P | undefined {
    if (places.length <= 1) return places[0];
    const age = ({ row }: P) => row.state?.createdAt ?? 0;
    const left = ({ row, start }: P) => (this.isActive(row, start) ? 0 : 1);
    return places.toSorted((a, b) => left(a) - left(b) || age(a) - age(b))[0];
  }

  /**
   * pi forks from prompts: the one that stands there, or the one that led to what stands there. None on an abandoned branch.
   *
   * @param doc the document that stands there, where it is known
   */
  at(row: FileRow, start: number, doc?: number): string | undefined {
    if (!this.isActive(row, start)) return undefined;
    const near = doc === undefined ? undefined : this.#nearestPrompt(row, doc);
    if (near !== undefined) return this.#idOf(row, near);
    const prompts = this.#promptsOf(row).filter(
      (prompt) => prompt.start <= start && this.isActive(row, prompt.start),
    );
    const last = prompts.at(-1);
    if (last === undefined) return undefined;
    // pi gives the entries of a file without ids new ones whenever it opens it; their number stays.
    return (row.state?.version ?? 1) < 2 ? String(prompts.length) : this.#idOf(row, last);
  }

  #idOf({ path }: FileRow, { start, length }: Prompt): string | undefined {
    return asString(this.#back.entry(path, start, length)?.id);
  }

  #rangesOf(row: FileRow): [number, number][] {
    let ranges = this.#ranges.get(row.id);
    if (ranges === undefined) {
      ranges = row.state === undefined ? [] : activeRanges(row.state);
      this.#ranges.set(row.id, ranges);
    }
    return ranges;
  }

  /** The prompt before a document, where it is surely the one that led to it: in a session without branches and copies. */
  #nearestPrompt({ id: file, state }: FileRow, doc: number): Prompt | undefined {
    const { db, columns } = this.#index;
    if (state === undefined || state.version < 2 || state.jumps.length > 0) return undefined;
    if (columns.file[doc] !== file || db.sql("SELECT 1 FROM copies WHERE file = ? LIMIT 1").get(file))
      return undefined;
    return db
      .sql("SELECT start, length FROM docs WHERE file = ? AND kind = ? AND id <= ? ORDER BY id DESC LIMIT 1")
      .get(file, kindNumber("user"), doc) as Prompt | undefined;
  }

  /** Where the prompts of a file stand, its own and those that it shares. */
  #promptsOf(row: FileRow): Prompt[] {
    let prompts = this.#prompts.get(row.id);
    if (prompts === undefined) {
      const user = kindNumber("user");
      prompts = (
        this.#index.db
          .sql(`SELECT start, length FROM docs WHERE file = ? AND kind = ? UNION ALL
            SELECT copies.start, copies.length FROM copies JOIN docs ON docs.id = copies.doc
              WHERE copies.file = ? AND kind = ?`)
          .all(row.id, user, row.id, user) as unknown as Prompt[]
      ).sort((a, b) => a.start - b.start);
      this.#prompts.set(row.id, prompts);
    }
    return prompts;
  }
}
