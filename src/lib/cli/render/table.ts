import { alignColumns } from "./columns.ts";

/** cli-table3 takes 15 ms to load and 0.3 ms a row; beyond this the same layout is made without it. */
const MAX_TABLE_ROWS = 100;

const BORDERS = [
  ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
  ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
] as const;

/**
 * A table without borders, two spaces between its columns.
 *
 * @param rows of cells that already have their final text; the first is the heading
 * @param alignRight columns of numbers, counted from 0
 * @param isTerminal whether somebody watches; a pipe gets the same lines without loading anything for them
 * @returns its lines
 */
export async function tableLines(
  rows: readonly (readonly string[])[],
  alignRight: ReadonlySet<number>,
  isTerminal: boolean,
): Promise<string[]> {
  if (!isTerminal || rows.length > MAX_TABLE_ROWS) return alignColumns(rows, alignRight);
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    chars: Object.fromEntries(BORDERS.map((name) => [name, ""])),
    style: { "padding-left": 0, "padding-right": 2, head: [], border: [], compact: true },
    colAligns: (rows[0] ?? []).map((_, column) => (alignRight.has(column) ? "right" : "left")),
  });
  table.push(...rows.map((cells) => [...cells]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}
