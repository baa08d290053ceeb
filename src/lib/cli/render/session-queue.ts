import { alignColumns } from "./columns.ts";
import { MAX_ENTRY_COLUMNS, oneLine } from "./entry-line.ts";
import { clip } from "./text-width.ts";

/** What waits in a session: in pi's own queues, and for a turn of its own. */
export interface Queue {
  steering: readonly string[];
  followUp: readonly string[];
  waiting: readonly { turnId: string; message: string }[];
}

/** The longest word of the first column, and the gap behind it. */
const LEAD_COLUMNS = 11;
const MIN_TEXT_COLUMNS = 20;

/** What waits, a line each, in the order in which it is taken. */
export function renderQueue({ steering, followUp, waiting }: Queue, width: number | undefined): string {
  const limit = width === undefined ? MAX_ENTRY_COLUMNS : Math.max(MIN_TEXT_COLUMNS, width - LEAD_COLUMNS);
  const rows = [
    ...steering.map((text) => ["steer", text]),
    ...followUp.map((text) => ["follow-up", text]),
    ...waiting.map(({ message }) => ["prompt", message]),
  ].map(([kind = "", text = ""]) => [kind, clip(oneLine(text), limit)]);
  return alignColumns(rows)
    .map((line) => `${line}\n`)
    .join("");
}
