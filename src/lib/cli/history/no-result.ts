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

function placeOf(where: Where, sessions: number): string {
  if (where.session !== undefined) return `the session ${where.session}`;
  return `${counted(sessions, "session")} ${whoseOf(where)}`;
}

/** Whose sessions were asked for: `of this project`. */
export function whoseOf({ all, cwd, project }: Pick<Where, "all" | "cwd" | "project">): string {
  if (project !== undefined) return `of the project ${project}`;
  if (cwd !== undefined) return `that began in ${cwd}`;
  return all ? "of all projects" : "of this project";
}
