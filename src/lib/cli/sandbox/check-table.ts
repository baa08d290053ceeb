import type { CheckReport, ListedRow } from "../../client/sandbox/check.ts";
import type { Colors } from "../render/color.ts";
import { alignColumns, widthOfText } from "../render/columns.ts";
import { clip, sanitize } from "../render/text-width.ts";

type Row = CheckReport["rows"][number];

const STATUS: Readonly<Record<Row["status"], { mark: string; paint: "green" | "red" | "yellow" | "dim" }>> = {
  held: { mark: "✔ held", paint: "green" },
  failed: { mark: "✖ FAILED", paint: "red" },
  inconclusive: { mark: "? inconclusive", paint: "yellow" },
  "not promised": { mark: "- not promised", paint: "dim" },
};
/** Below it a cell says nothing. */
const MIN_CELL = 16;
const GAPS = 8;

/**
 * What was tried, expected and seen, a line each; then why some of it isn't promised here, what is weaker, and the sum.
 *
 * @param width of the terminal; cells are cut to fit it. Without it nothing is cut
 */
export function renderCheck(report: CheckReport, colors: Colors, width?: number): string {
  const { rows, notes, profile, user, ok } = report;
  const cells = rows.map((row) => [
    STATUS[row.status].mark,
    row.id,
    sanitize(row.tried),
    row.status === "not promised" ? "no promise" : sanitize(row.expected),
    sanitize(row.seen),
  ]);
  const head = ["RESULT", "ROW", "TRIED", "EXPECTED", "SEEN"];
  if (width !== undefined) fit([head, ...cells], width);
  const painted = cells.map(([mark = "", ...rest], index) => {
    const status = rows[index]?.status ?? "held";
    return [colors[STATUS[status].paint](mark), ...rest];
  });
  const table = alignColumns([head.map((title) => colors.bold(title)), ...painted]);
  const count = (status: Row["status"]) => rows.filter((row) => row.status === status).length;
  const sum = Object.keys(STATUS)
    .map((status) => `${count(status as Row["status"])} ${status}`)
    .join(", ");
  const lines = [
    ...table,
    "",
    ...rows.filter(({ status }) => status === "not promised").map((row) => reasonLine(row, colors)),
    ...notes.map((note) => `${colors.yellow("Note")}: ${note}`),
    `${ok ? colors.green("✔") : colors.red("✖")} Profile ${profile} as ${user}: ${sum}.`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** The rows there are, and what each of them guards. */
export function renderRowList(rows: readonly ListedRow[]): string {
  const cells = rows.map(({ id, concern, tried, guard }) => [id, concern, tried, guard]);
  return alignColumns([["ROW", "CONCERN", "TRIED", "GUARDS"], ...cells])
    .map((line) => `${line}\n`)
    .join("");
}

function reasonLine({ id, expected }: Row, colors: Colors): string {
  return colors.dim(`${id}: ${sanitize(expected)}`);
}

/** Cuts what was tried, and what was seen, to what the other columns leave. */
function fit(rows: string[][], width: number): void {
  const fixed = [0, 1, 3].map((column) => Math.max(...rows.map((cells) => widthOfText(cells[column] ?? ""))));
  const left = Math.max(2 * MIN_CELL, width - GAPS - fixed.reduce((sum, one) => sum + one, 0));
  const seen = Math.max(MIN_CELL, Math.floor(left * 0.4));
  for (const cells of rows) {
    cells[2] = clip(cells[2] ?? "", left - seen);
    cells[4] = clip(cells[4] ?? "", seen);
  }
}
