import type { Colors } from "./color.ts";
import { alignColumns } from "./columns.ts";
import { sanitize } from "./text-width.ts";

/** `Label:  value` lines with the values one below the other; what is undefined is left out. */
export function renderDetails(details: Record<string, string | undefined>, colors: Colors): string {
  const rows = Object.entries(details).flatMap(([label, value]) =>
    value === undefined ? [] : [[colors.bold(`${label}:`), sanitize(value).replaceAll("\n", " ")]],
  );
  return alignColumns(rows)
    .map((line) => `${line}\n`)
    .join("");
}
