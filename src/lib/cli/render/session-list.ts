import { basename } from "node:path";
import { formatAge } from "../../core/duration.ts";
import type { SessionInfo } from "../../protocol/session.ts";
import type { Colors } from "./color.ts";
import { fitColumns } from "./fit-columns.ts";
import { compactNumber, dollars, shortPath } from "./numbers.ts";
import { paintState, stateText } from "./session-state.ts";
import { shortIds } from "./short-ids.ts";
import { tableLines } from "./table.ts";
import { sanitize } from "./text-width.ts";

export interface SessionListOptions {
  colors: Colors;
  /** Columns to fit into; undefined: nothing is cut. */
  width: number | undefined;
  /** Show each session's directory. */
  directories: boolean;
  /** Ids that a shown prefix must not fit, beside those of the sessions shown. */
  otherIds?: readonly string[];
  now?: number;
  home?: string;
}

const HEADING = ["", "ID", "NAME", "STATE", "MODEL", "MSGS", "TOKENS", "COST", "AGE", "DIRECTORY"];
const [NAME, STATE, MODEL, DIRECTORY] = [2, 3, 4, 9];
const NUMBERS = new Set([5, 6, 7, 8]);

/** First words of a session without a name, where nothing is cut: enough to know it by. */
const MAX_FIRST_MESSAGE = 60;

/** Sessions as a table, one a line; the current one of its directory is marked with `*`. */
export async function renderSessionList(
  sessions: readonly SessionInfo[],
  options: SessionListOptions,
): Promise<string> {
  const { colors, width, now = Date.now() } = options;
  const ids = shortIds([...sessions.map(({ id }) => id), ...(options.otherIds ?? [])]);
  const columns = options.directories ? HEADING.length : DIRECTORY;
  const rows = [
    HEADING.slice(0, columns),
    ...sessions.map((session) =>
      [
        session.current ? "*" : "",
        ids.get(session.id) ?? session.id,
        titleOf(session),
        stateText(session),
        oneLine(session.model ?? "-"),
        String(session.messages),
        compactNumber(session.tokens.total),
        dollars(session.cost),
        formatAge(Math.max(0, now - session.modifiedAt)),
        oneLine(shortPath(session.cwd, options.home)),
      ].slice(0, columns),
    ),
  ];
  if (width !== undefined) fitColumns(rows, width, { name: NAME, model: MODEL, directory: DIRECTORY });
  for (const [index, session] of sessions.entries()) {
    const row = rows[index + 1];
    if (row === undefined) continue;
    row[0] = colors.green(row[0] ?? "");
    if (session.name === undefined) row[NAME] = colors.dim(row[NAME] ?? "");
    row[STATE] = paintState(session, row[STATE] ?? "", colors);
  }
  rows[0] = (rows[0] ?? []).map((title) => colors.bold(title));
  const lines = await tableLines(rows, NUMBERS, width !== undefined);
  return lines.map((line) => `${line}\n`).join("");
}

/** A session in one line, for a question about it. */
export function describeSession(session: SessionInfo): string {
  return `${session.id} (${titleOf(session)}, ${session.messages} ${session.messages === 1 ? "message" : "messages"})`;
}

function titleOf(session: SessionInfo): string {
  const { copyOf, file } = session;
  return copyOf === undefined || file === undefined
    ? ownTitleOf(session)
    : `${ownTitleOf(session)} (same id, file ${oneLine(basename(file))})`;
}

function ownTitleOf({ name, firstMessage }: SessionInfo): string {
  if (name !== undefined) return oneLine(name);
  const text = oneLine(firstMessage ?? "");
  if (text === "") return "-";
  return text.length > MAX_FIRST_MESSAGE ? `${text.slice(0, MAX_FIRST_MESSAGE - 1)}…` : text;
}

function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
