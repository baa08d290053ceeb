import type { HistorySearchResult } from "../../protocol/history.ts";
import { writeStderr } from "../output.ts";
import { knownTime } from "../render/history-times.ts";
import { counted } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";

/** Where was looked, by the flags of a search. */
interface Where {
  all: boolean;
  cwd?: string | undefined;
  project?: string | undefined;
  session?: string | undefined;
  "include-thinking": boolean;
  deep: boolean;
  regex: boolean;
}

/** Says on stderr what was looked through in vain, and what else could be tried. */
export async function explainNoResult(
  { query, searched, suggestions }: HistorySearchResult,
  where: Where,
): Promise<void> {
  const { sessions, entries = 0, from, to } = searched;
  const dates =
    from === undefined || to === undefined
      ? ""
      : `, ${knownTime(from).slice(0, 10)} to ${knownTime(to).slice(0, 10)}`;
  const lines = [
    `Nothing found for ${sanitize(query)} in ${counted(entries, "entry", "entries")} of ${sanitize(placeOf(where, sessions))}${dates}.`,
  ];
  if (suggestions.length > 0)
    lines.push(`Did you mean ${suggestions.map((word) => `"${sanitize(word)}"`).join(" or ")}?`);
  const wider = [
    ...(where.all || where.session !== undefined ? [] : [["--all", "into every project"]]),
    ...(where["include-thinking"] ? [] : [["--include-thinking", "into thinking"]]),
    ...(where.deep || where.regex ? [] : [["--deep", "into all of long tool outputs"]]),
  ].map(([flag, what], index) => `${flag}${index === 0 ? " looks" : ""} ${what}`);
  if (wider.length > 0) lines.push(`${wider.join(", ")}.`);
  await writeStderr(`${lines.join("\n")}\n`);
}

function placeOf({ all, cwd, project, session }: Where, sessions: number): string {
  if (session !== undefined) return `the session ${session}`;
  const some = counted(sessions, "session");
  if (project !== undefined) return `${some} of the project ${project}`;
  if (cwd !== undefined) return `${some} that began in ${cwd}`;
  return `${some} of ${all ? "all projects" : "this project"}`;
}
