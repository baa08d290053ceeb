import type { HistoryIndex } from "../index/history-index.ts";

/**
 * The documents that the index finds, in order. As one text: a row for each of some hundred thousand would take longer
 * than finding them.
 */
export function matching({ db }: HistoryIndex, match: string): number[] {
  const { ids } = db
    .sql("SELECT json_group_array(rowid) AS ids FROM words WHERE words MATCH ?")
    .get(match) as { ids: string };
  return JSON.parse(ids) as number[];
}
