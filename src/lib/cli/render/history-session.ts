import type { HistoryEntry, HistoryResults } from "../../protocol/history.ts";
import type { Colors } from "./color.ts";
import { whoOf } from "./history-hits.ts";
import { knownTime } from "./history-times.ts";
import { compactNumber, dollars, shortPath, timeOf } from "./numbers.ts";
import { sanitize, wrap } from "./text-width.ts";

/** Narrower than this, wrapping gives columns of single words. */
const MIN_WIDTH = 20;
/** Lines kept of what a tool was given or gave back, on a terminal. */
const TOOL_LINES = 12;

/** A session's entries for a person. Nothing of them reaches the terminal as a command to it. */
export function renderHistorySession(
  { session, entries, truncated }: HistoryResults["show_history"],
  { colors, width }: { colors: Colors; width: number | undefined },
): string {
  const { sessionId, sessionName, cwd, turns, tokens, cost, createdAt } = session;
  const title = [sessionName ?? [], sessionId].flat().map(oneLine).join(" · ");
  const facts = `${oneLine(shortPath(cwd))} · ${knownTime(createdAt)} · ${turns} turns · ${compactNumber(tokens)} tokens · ${dollars(cost)}`;
  const blocks = entries.map((entry) => renderEntry(entry, colors, width));
  const end = truncated ? `\n${colors.dim("There is more: narrow it with --at.")}\n` : "";
  return `${colors.bold(title)}\n${colors.dim(facts)}\n\n${blocks.join("\n")}${end}`;
}

function renderEntry(entry: HistoryEntry, colors: Colors, width: number | undefined): string {
  const { entryId, kind, tool, model, time, branch, text, at } = entry;
  const facts = [
    `${whoOf(kind)}${tool === undefined ? "" : ` ${oneLine(tool)}`}`,
    ...(model === undefined ? [] : [oneLine(model)]),
    ...(time > 0 ? [timeOf(time, 5)] : []),
    ...(branch === "abandoned" ? ["abandoned branch"] : []),
  ];
  const heading = `${at ? "▶ " : ""}${facts.join(" · ")}`;
  const columns = width === undefined ? Number.POSITIVE_INFINITY : Math.max(MIN_WIDTH, width) - 2;
  const lines = wrap(sanitize(text).trimEnd(), columns);
  const isTool = kind === "call" || kind === "result" || kind === "bash";
  const kept = isTool && width !== undefined ? lines.slice(0, TOOL_LINES) : lines;
  const rest = lines.length - kept.length;
  const more = rest > 0 ? [`… ${rest} more ${rest === 1 ? "line" : "lines"}`] : [];
  const paint = isTool || kind === "thinking" ? colors.dim : (line: string) => line;
  const body = [...kept, ...more].map((line) => (line === "" ? "\n" : `  ${paint(line)}\n`)).join("");
  return `${at ? colors.bold(colors.yellow(heading)) : colors.bold(heading)} ${colors.dim(oneLine(entryId))}\n${body}`;
}

function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
