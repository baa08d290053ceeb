import type { HistoryHit, HistorySearchResult } from "../../protocol/history.ts";
import type { Colors } from "../render/color.ts";
import { widthOfText } from "../render/columns.ts";
import { highlighted, totals, whoOf } from "../render/history-hits.ts";
import { knownAge, knownTime } from "../render/history-times.ts";
import { shortPath } from "../render/numbers.ts";
import { clip, sanitize, wrap } from "../render/text-width.ts";

export interface FinderState {
  query: string;
  result: HistorySearchResult | undefined;
  selected: number;
  problem: string;
}

interface Screen {
  columns: number;
  rows: number;
  colors: Colors;
  now?: number;
}

/** Below it there is no room for a preview beside the list. */
const MIN_COLUMNS_FOR_PREVIEW = 60;
/** The list's share of the width. */
const LIST_SHARE = 0.45;
const BORDER = " │ ";

/** What the screen shows, a line each: the query, what was found, and beside it the chosen one in full. */
export function screenLines(state: FinderState, screen: Screen): string[] {
  const { columns, rows, colors } = screen;
  const hits = state.result?.hits ?? [];
  const height = Math.max(1, rows - 2);
  const withPreview = columns >= MIN_COLUMNS_FOR_PREVIEW;
  const listWidth = withPreview ? Math.floor(columns * LIST_SHARE) : columns;
  const first = Math.max(0, Math.min(state.selected - Math.floor(height / 2), hits.length - height));
  const list = hits.slice(first, first + height).map((hit, index) => {
    const line = clip(hitLine(hit, screen.now ?? Date.now()), listWidth - 2);
    return first + index === state.selected ? colors.bold(colors.cyan(`› ${line}`)) : `  ${line}`;
  });
  const chosen = hits[state.selected];
  const preview =
    withPreview && chosen !== undefined
      ? previewLines(chosen, columns - listWidth - BORDER.length, colors)
      : [];
  const body = Array.from({ length: height }, (_, row) => {
    const left = list[row] ?? "";
    if (!withPreview) return left;
    return `${left}${" ".repeat(Math.max(0, listWidth - widthOfText(left)))}${colors.dim(BORDER)}${preview[row] ?? ""}`;
  });
  return [clip(`> ${sanitize(state.query)}▏`, columns), ...body, colors.dim(clip(footer(state), columns))];
}

function footer({ result, problem, query }: FinderState): string {
  if (problem !== "") return sanitize(problem).replaceAll("\n", " ");
  if (result === undefined) return query.trim() === "" ? "Type to search · esc leaves" : "…";
  const state = result.index.complete ? "" : " · still indexing";
  return `${totals(result)}${state} · ↑↓ choose · enter continues the session · esc leaves`;
}

function hitLine(hit: HistoryHit, now: number): string {
  const text = hit.snippet.text.slice(hit.snippet.highlights[0]?.[0] ?? 0);
  const title = hit.sessionName === undefined ? "" : `${hit.sessionName}: `;
  const line = `${knownAge(hit.time, now).padStart(4)} ${whoOf(hit.kind)} ${title}${text}`;
  return sanitize(line).replace(/\s+/g, " ");
}

function previewLines(hit: HistoryHit, width: number, colors: Colors): string[] {
  const facts = [
    hit.sessionName ?? hit.sessionId,
    shortPath(hit.cwd),
    `${whoOf(hit.kind)}${hit.tool === undefined ? "" : ` ${hit.tool}`} · ${knownTime(hit.time)}`,
  ];
  const heading = facts.map((fact) => colors.dim(clip(sanitize(fact).replace(/\s+/g, " "), width)));
  return [...heading, "", ...wrapHighlighted(hit, width, colors)];
}

/** Wrapped first and marked then: a mark must not be counted, nor cut. */
function wrapHighlighted(hit: HistoryHit, width: number, colors: Colors): string[] {
  const [OPEN, CLOSE] = ["\uE000", "\uE001"];
  const marks = { ...colors, bold: (text: string) => text, yellow: (text: string) => OPEN + text + CLOSE };
  let open = false;
  return wrap(highlighted(hit, marks), Math.max(10, width - 2)).map((line) => {
    const parts = line.split(/([\uE000\uE001])/);
    return parts
      .map((part) => {
        if (part === OPEN || part === CLOSE) {
          open = part === OPEN;
          return "";
        }
        return open && part !== "" ? colors.bold(colors.yellow(part)) : part;
      })
      .join("");
  });
}
