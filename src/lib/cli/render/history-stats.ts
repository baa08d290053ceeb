import type { HistoryResults } from "../../protocol/history.ts";
import type { Colors } from "./color.ts";
import { compactNumber, dollars, shortPath } from "./numbers.ts";
import { tableLines } from "./table.ts";
import { sanitize } from "./text-width.ts";

/** Columns of the longest bar. */
const BAR = 24;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const NUMBERS = new Set([1, 2, 3, 4]);

/** Sums as a table, with bars on a terminal: of the cost, or of tokens where nothing cost anything. */
export async function renderHistoryStats(
  { by, rows }: HistoryResults["get_history_stats"],
  { colors, width }: { colors: Colors; width: number | undefined },
): Promise<string> {
  const byCost = rows.some(({ cost }) => cost > 0);
  const amountOf = (row: (typeof rows)[number]) => (byCost ? row.cost : row.tokens.total);
  const most = Math.max(...rows.map(amountOf));
  const count = by === "tool" ? "CALLS" : "ANSWERS";
  const table = [
    [by.toUpperCase(), "TURNS", count, "TOKENS", "COST", ...(width === undefined ? [] : [""])],
    ...rows.map((row) => [
      nameOf(row.name, by),
      String(row.turns),
      String(row.count),
      compactNumber(row.tokens.total),
      dollars(row.cost),
      ...(width === undefined ? [] : [colors.cyan(bar(most === 0 ? 0 : amountOf(row) / most))]),
    ]),
  ];
  const [heading = "", ...lines] = await tableLines(table, NUMBERS, width !== undefined);
  return [colors.dim(heading), ...lines].map((line) => `${line}\n`).join("");
}

function nameOf(name: string, by: string): string {
  const text = sanitize(by === "project" ? shortPath(name) : name).replace(/\s+/g, " ");
  return text === "" ? "(unknown)" : text;
}

/** A bar as long as a share of {@link BAR} columns, in eighths; what isn't nothing is seen. */
function bar(share: number): string {
  const eighths = share > 0 ? Math.max(1, Math.round(share * BAR * 8)) : 0;
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}
