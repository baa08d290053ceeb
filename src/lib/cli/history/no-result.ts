import type { HistorySearchResult } from "../../protocol/history.ts";
import { writeStderr } from "../output.ts";
import { counted, timeOf } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";

/** Where was looked, by the flags of a search. */
interface Where {
  all: boolean;
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
      : `, ${timeOf(from, 5).slice(0, 10)} to ${timeOf(to, 5).slice(0, 10)}`;
  const scope = where.all ? "of all projects" : "of this project";
  const lines = [
    `Nothing found for ${sanitize(query)} in ${counted(entries, "entry", "entries")} of ${counted(sessions, "session")} ${scope}${dates}.`,
  ];
  if (suggestions.length > 0)
    lines.push(`Did you mean ${suggestions.map((word) => `"${sanitize(word)}"`).join(" or ")}?`);
  const wider = [
    ...(where.all ? [] : ["--all looks into every project"]),
    ...(where["include-thinking"] ? [] : ["--include-thinking into thinking"]),
    ...(where.deep || where.regex ? [] : ["--deep into all of long tool outputs"]),
  ];
  if (wider.length > 0) lines.push(`${wider.join(", ")}.`);
  await writeStderr(`${lines.join("\n")}\n`);
}
