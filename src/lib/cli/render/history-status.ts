import type { HistoryStatusResult } from "../../protocol/history.ts";
import { progressText } from "../history/notice.ts";
import type { Colors } from "./color.ts";
import { renderDetails } from "./details.ts";
import { knownTime } from "./history-times.ts";
import { counted, megabytes, shortPath } from "./numbers.ts";
import { sanitize } from "./text-width.ts";

/** Of fewer bytes, what an empty database takes says nothing. */
const MIN_SHARED_BYTES = 1_000_000;
/** Files named of each problem; --json has more. */
const SHOWN = 5;

/** The state of the history index as aligned lines, and its problems below. */
export function renderHistoryStatus(status: HistoryStatusResult, colors: Colors): string {
  const { index, database, bytes, leftOut, problems, from, to } = status;
  const share =
    bytes < MIN_SHARED_BYTES ? "" : ` (${((100 * database.bytes) / bytes).toFixed(1)} % of the files)`;
  const details = renderDetails(
    {
      Index: index.complete ? "complete" : `indexing, ${progressText(index.progress)}`,
      Sessions: `${status.sessions} in ${counted(status.files, "file")} of ${counted(status.projects, "project")}, ${megabytes(bytes)}`,
      Entries: `${status.entries} (${status.copies} of them in several sessions)`,
      Dates: from === undefined || to === undefined ? undefined : `${knownTime(from)} to ${knownTime(to)}`,
      Database: `${shortPath(database.path)}, ${megabytes(database.bytes)}${share}`,
      "Left out": leftOutText(leftOut),
    },
    colors,
  );
  const lines = [
    ...problemLines("can't be read", problems.unreadable),
    ...problemLines("is no session of pi's", problems.foreign),
    ...problemLines("was passed over (a link, a directory that can't be read)", problems.skipped),
    ...problems.brokenLines
      .slice(0, SHOWN)
      .map(({ file, lines: count }) => `${sanitize(file)}: ${counted(count, "broken line")}`),
    ...problems.tooLongLines
      .slice(0, SHOWN)
      .map(({ file, lines: count }) => `${sanitize(file)}: ${counted(count, "line")} too long to read`),
  ];
  return details + lines.map((line) => `${colors.yellow(line)}\n`).join("");
}

function leftOutText({
  byConfig,
  byWorkspace,
  forgotten,
}: HistoryStatusResult["leftOut"]): string | undefined {
  const parts = [
    ...(byConfig > 0 ? [`${byConfig} by history.exclude`] : []),
    ...(byWorkspace > 0 ? [`${byWorkspace} by their workspace`] : []),
    ...(forgotten > 0 ? [`${forgotten} forgotten`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}

function problemLines(what: string, files: readonly string[]): string[] {
  const shown = files.slice(0, SHOWN).map((file) => `${sanitize(file)} ${what}`);
  return files.length > SHOWN ? [...shown, `… and ${files.length - SHOWN} more`] : shown;
}
