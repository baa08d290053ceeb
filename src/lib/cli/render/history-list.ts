import type { HistorySession } from "../../protocol/history.ts";
import type { Colors } from "./color.ts";
import { fitColumns } from "./fit-columns.ts";
import { knownAge } from "./history-times.ts";
import { compactNumber, dollars, shortPath } from "./numbers.ts";
import { shortIds } from "./short-ids.ts";
import { tableLines } from "./table.ts";
import { sanitize } from "./text-width.ts";

const HEADING = ["ID", "NAME", "MODEL", "TURNS", "TOKENS", "COST", "AGE", "DIRECTORY"];
const [NAME, MODEL, DIRECTORY] = [1, 2, 7];
const NUMBERS = new Set([3, 4, 5, 6]);
/** Of a session without a name, where nothing is cut. */
const MAX_TITLE = 60;

/** Sessions as a table, one a line. */
export async function renderHistoryList(
  sessions: readonly HistorySession[],
  options: { colors: Colors; width: number | undefined; directories: boolean; now?: number },
): Promise<string> {
  const { colors, width, now = Date.now() } = options;
  const ids = shortIds(sessions.map(({ sessionId }) => sessionId));
  const columns = options.directories ? HEADING.length : DIRECTORY;
  const rows = [
    HEADING.slice(0, columns),
    ...sessions.map((session) =>
      [
        oneLine(ids.get(session.sessionId) ?? session.sessionId),
        oneLine(session.sessionName ?? session.firstMessage ?? "-").slice(0, MAX_TITLE),
        oneLine(session.model ?? "-"),
        String(session.turns),
        compactNumber(session.tokens),
        dollars(session.cost),
        knownAge(session.modifiedAt, now),
        oneLine(shortPath(session.cwd)),
      ].slice(0, columns),
    ),
  ];
  if (width !== undefined) fitColumns(rows, width, { name: NAME, model: MODEL, directory: DIRECTORY });
  const [heading = "", ...lines] = await tableLines(rows, NUMBERS, width !== undefined);
  return [colors.dim(heading), ...lines].map((line) => `${line}\n`).join("");
}

function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
