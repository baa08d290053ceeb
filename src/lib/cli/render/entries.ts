import { parseTime } from "../../core/session-files/json.ts";
import type { PiEntry } from "../pi-data.ts";
import type { Colors } from "./color.ts";
import { alignColumns, widthOfText } from "./columns.ts";
import { describeEntry, MAX_ENTRY_COLUMNS } from "./entry-line.ts";
import { timeOf } from "./numbers.ts";
import { readEntry } from "./pi-entries.ts";
import { clip } from "./text-width.ts";

export interface EntriesOptions {
  /** The entry that the session is at. */
  leafId: string | null;
  colors: Colors;
  /** Columns of the terminal; undefined: texts are cut at a length that still says something. */
  width: number | undefined;
}

/** Narrower than this a text says nothing. */
const MIN_TEXT_COLUMNS = 20;
/** A last column that is cut off again, so that the one before it keeps its width. */
const END = "|";

/** Entries a line each: id, time, what it is, and the beginning of its text. */
export function renderEntries(entries: readonly PiEntry[], options: EntriesOptions): string {
  const { leafId, colors, width } = options;
  const described = entries.map(readEntry).map((entry) => ({ entry, ...describeEntry(entry) }));
  const heads = alignColumns(
    described.map(({ entry, kind }) => [
      entry.id === leafId ? "*" : " ",
      entry.id,
      timeText(entry.timestamp),
      kind,
      END,
    ]),
  ).map((head) => head.slice(0, -END.length));
  const left = width === undefined ? MAX_ENTRY_COLUMNS : width - widthOfText(heads[0] ?? "");
  return described
    .map(({ text }, index) => {
      const line = `${colors.dim(heads[index] ?? "")}${clip(text, Math.max(MIN_TEXT_COLUMNS, left))}`;
      return `${line.trimEnd()}\n`;
    })
    .join("");
}

function timeText(timestamp: string | undefined): string {
  const ms = parseTime(timestamp);
  return ms === undefined ? "-" : timeOf(ms);
}
