import { columnsOf } from "./text-width.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences begin with one
const COLOR = /\u001b\[[\d;]*m/g;
/** Printable ASCII takes a column each; nearly every cell is that. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Terminal columns of a cell, which may hold colour sequences and wide characters. */
export function widthOfText(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const character of text.replace(COLOR, "")) columns += columnsOf(character);
  return columns;
}

/** Rows of cells with two spaces between the columns; no space at the end of a line. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  alignRight: ReadonlySet<number> = new Set(),
): string[] {
  const measured = rows.map((cells) => cells.map((text) => ({ text, width: widthOfText(text) })));
  const widths: number[] = [];
  for (const cells of measured) {
    for (const [column, { width }] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, width);
  }
  return measured.map((cells) =>
    cells
      .map(({ text, width }, column) => {
        const space = " ".repeat((widths[column] ?? 0) - width);
        return alignRight.has(column) ? space + text : text + space;
      })
      .join("  ")
      .trimEnd(),
  );
}
