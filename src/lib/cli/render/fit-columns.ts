import { widthOfText } from "./columns.ts";
import { clip } from "./text-width.ts";

const GAP = 2;

/** Columns of the table whose cells may be cut, by their place. */
export interface FlexibleColumns {
  name: number;
  model: number;
  directory: number;
}

/**
 * Cuts the cells of a table in place until its lines fit: a model loses its provider, then the name, the
 * directory (at its front, where paths are alike) and the model shrink, in this order, to widths that still say something and then to
 * less. What can't be cut stays: a table wider than a very narrow terminal is wrapped by it.
 */
export function fitColumns(
  rows: string[][],
  width: number,
  { name, model, directory }: FlexibleColumns,
): void {
  const widths = (rows[0] ?? []).map((_, column) => widthOfColumn(rows, column));
  const excess = () => widths.reduce((sum, columns) => sum + columns + GAP, -GAP) - width;
  if (excess() > 0) {
    for (const row of rows) row[model] = (row[model] ?? "").replace(/^.*\//, "");
    widths[model] = widthOfColumn(rows, model);
  }
  const steps: [column: number, least: number][] = [
    [name, 16],
    [directory, 14],
    [model, 12],
    [name, 8],
    [directory, 9],
    [model, 6],
  ];
  for (const [column, least] of steps) {
    const now = widths[column];
    if (now === undefined || excess() <= 0 || now <= least) continue;
    widths[column] = Math.max(least, now - excess());
  }
  for (const row of rows) {
    for (const column of [name, model]) row[column] = clip(row[column] ?? "", widths[column] ?? 0);
    const limit = widths[directory];
    if (limit !== undefined) row[directory] = clipFront(row[directory] ?? "", limit);
  }
}

function widthOfColumn(rows: readonly (readonly string[])[], column: number): number {
  return rows.reduce((most, row) => Math.max(most, widthOfText(row[column] ?? "")), 0);
}

/** The end of a text, in `width` columns. */
function clipFront(text: string, width: number): string {
  if (widthOfText(text) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && widthOfText(characters.join("")) > width - 1) characters.shift();
  return `…${characters.join("")}`;
}
