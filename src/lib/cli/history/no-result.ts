import type { HistorySearchResult } from "../../protocol/history.ts";
import { timeOf } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";

/** What was looked through in vain, and what else could be tried. */
export function noResultText(
  { query, searched, suggestions }: HistorySearchResult,
  where: { all: boolean; thinking: boolean; deep: boolean },
): string {
  const { sessions, entries, from, to } = searched;
  const dates =
    from === undefined || to === undefined
      ? ""
      : `, ${timeOf(from, 5).slice(0, 10)} to ${timeOf(to, 5).slice(0, 10)}`;
  const scope = where.all ? "of all projects" : "of this project";
  const lines = [
    `Nothing found for ${sanitize(query)} in ${entries} entries of ${sessions} ${sessions === 1 ? "session" : "sessions"} ${scope}${dates}.`,
  ];
  if (suggestions.length > 0)
    lines.push(`Did you mean ${suggestions.map((word) => `"${sanitize(word)}"`).join(" or ")}?`);
  const wider = [
    ...(where.all ? [] : ["--all looks into every project"]),
    ...(where.thinking ? [] : ["--include-thinking into thinking"]),
    ...(where.deep ? [] : ["--deep into all of long tool outputs"]),
  ];
  if (wider.length > 0) lines.push(`${wider.join(", ")}.`);
  return `${lines.join("\n")}\n`;
}
