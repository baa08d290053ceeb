import type { PiCommand } from "../pi-data.ts";
import type { Colors } from "./color.ts";
import { widthOfText } from "./columns.ts";
import { oneLine } from "./entry-line.ts";
import { tableLines } from "./table.ts";
import { clip } from "./text-width.ts";

const HEADING = ["NAME", "SOURCE", "DESCRIPTION"] as const;
const GAPS = 4;
/** Narrower than this a description says nothing. */
const MIN_DESCRIPTION_COLUMNS = 20;

/** pi's commands, templates and skills as a table; on a terminal a description is cut to the line. */
export async function renderCommands(
  commands: readonly PiCommand[],
  { colors, width }: { colors: Colors; width: number | undefined },
): Promise<string> {
  const cells = commands.map(({ name, source, description = "" }) =>
    [`/${name}`, source, description].map((text) => oneLine(text)),
  );
  const widest = (column: number) =>
    Math.max(...[[...HEADING], ...cells].map((row) => widthOfText(row[column] ?? "")));
  const limit =
    width === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(MIN_DESCRIPTION_COLUMNS, width - widest(0) - widest(1) - GAPS);
  const rows = [
    HEADING.map((title) => colors.bold(title)),
    ...cells.map(([name = "", source = "", description = ""]) => [
      colors.cyan(name),
      source,
      clip(description, limit),
    ]),
  ];
  const lines = await tableLines(rows, new Set(), width !== undefined);
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
