import type { ForkPoint } from "../../protocol/requests.ts";
import { alignColumns } from "./columns.ts";
import { clip, sanitize } from "./text-width.ts";

/** First line of a message that is long enough to know it by, where no terminal sets a width. */
const MAX_TEXT_COLUMNS = 100;
/** Number, entry id and the gaps between them take about this much of a terminal's line. */
const LEAD_COLUMNS = 16;

/** The user messages that a fork can start from: number, entry id and first line of each. */
export function renderForkPoints(points: readonly ForkPoint[], width: number | undefined): string {
  const limit = width === undefined ? MAX_TEXT_COLUMNS : Math.max(20, width - LEAD_COLUMNS);
  const rows = points.map(({ number, entryId, text }) => [
    String(number),
    entryId,
    clip(sanitize(text).trimStart().split("\n", 1)[0] ?? "", limit),
  ]);
  return alignColumns(rows, new Set([0]))
    .map((line) => `${line}\n`)
    .join("");
}
