import type { HistoryHit, HistorySearchResult } from "../../protocol/history.ts";
import { shellCommand } from "../shell-words.ts";
import type { Colors } from "./color.ts";
import { knownAge, knownTime } from "./history-times.ts";
import { counted, shortPath } from "./numbers.ts";
import { sanitize } from "./text-width.ts";

export interface HitsOptions {
  colors: Colors;
  /** Whether to show the commands that lead back. */
  commands?: boolean;
  now?: number;
}

/** What was found, by session, the one with the best hit first. */
export function renderHits(result: HistorySearchResult, options: HitsOptions): string {
  const groups = Map.groupBy(result.hits, ({ sessionId }) => sessionId);
  const blocks = [...groups.values()].map((hits) => `${renderSession(hits, options)}\n`);
  return `${blocks.join("")}${options.colors.dim(totals(result))}\n`;
}

/** `12 of 57 hits in 8 sessions, 6.3 ms`. */
export function totals({ hits, total, totalIsExact, sessions, tookMs }: HistorySearchResult): string {
  const all = `${totalIsExact ? "" : "at least "}${total}`;
  const shown = hits.length === total ? all : `${hits.length} of ${all}`;
  return `${shown} ${total === 1 ? "hit" : "hits"} in ${counted(sessions, "session")}, ${tookMs.toFixed(1)} ms`;
}

function renderSession(hits: readonly HistoryHit[], options: HitsOptions): string {
  const [first] = hits;
  if (first === undefined) return "";
  const { colors, now = Date.now(), commands = true } = options;
  const { sessionId, sessionName, cwd } = first;
  const newest = Math.max(...hits.map(({ time }) => time));
  const title = [sessionName ?? [], sessionId].flat().map(oneLine).join(" · ");
  const heading = `${colors.bold(title)}  ${colors.dim(`${oneLine(shortPath(cwd))} · ${ageText(newest, now)}`)}\n`;
  const back = first.outside
    ? shellCommand(["pi", "--session", oneLine(first.file)])
    : `${shellCommand(["pictl", "prompt", "-s", oneLine(sessionId)])} …`;
  const lead = commands ? colors.dim(`  continue: ${back}\n`) : "";
  return heading + lead + hits.map((hit) => renderHit(hit, options)).join("");
}

function ageText(time: number, now: number): string {
  const age = knownAge(time, now);
  return age === "now" || age === "-" ? age : `${age} ago`;
}

function renderHit(hit: HistoryHit, { colors, commands = true }: HitsOptions): string {
  const { kind, tool, time, branch, copies, forkAt, entryId, sessionId, outside } = hit;
  const facts = [
    `${whoOf(kind)}${tool === undefined ? "" : ` ${oneLine(tool)}`}`,
    knownTime(time),
    ...(branch === "abandoned" ? ["abandoned branch"] : []),
    ...(copies === undefined
      ? []
      : [`also in ${copies.map((copy) => oneLine(copy.sessionName ?? copy.sessionId)).join(", ")}`]),
  ];
  const text = highlighted(hit, colors)
    .split("\n")
    .map((line) => `    ${line}\n`)
    .join("");
  const fork = ["pictl", "session", "fork", oneLine(sessionId), "--at", oneLine(forkAt ?? "")];
  const lead =
    commands && forkAt !== undefined && !outside ? colors.dim(`    fork: ${shellCommand(fork)}\n`) : "";
  return `  ${colors.cyan(facts.join(" · "))} ${colors.dim(oneLine(entryId))}\n${text}${lead}`;
}

/** Nothing of a session reaches the terminal as a command to it. */
export function highlighted({ snippet: { text, highlights } }: HistoryHit, colors: Colors): string {
  let shown = "";
  let at = 0;
  for (const [from, to] of highlights) {
    shown += sanitize(text.slice(at, from)) + colors.bold(colors.yellow(sanitize(text.slice(from, to))));
    at = to;
  }
  return shown + sanitize(text.slice(at));
}

const WHO: Readonly<Record<HistoryHit["kind"], string>> = {
  user: "user",
  assistant: "assistant",
  thinking: "thinking",
  call: "call of",
  result: "result of",
  bash: "shell",
  summary: "summary",
  custom: "extension",
  name: "name",
  label: "label",
};

export function whoOf(kind: HistoryHit["kind"]): string {
  return WHO[kind];
}

function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
