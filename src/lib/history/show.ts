import { closeSync } from "node:fs";
import { PictlError } from "../core/errors.ts";
import { asObject, asString, type JsonObject, parseTime } from "../core/session-files/json.ts";
import { forEachLine } from "../core/session-files/line-reader.ts";
import { openSessionFile } from "../core/session-files/open.ts";
import { readEntryLine } from "./files/entry-line.ts";
import { modelName, partsOf } from "./files/parts.ts";
import { activeRanges, isActive } from "./index/file-state.ts";
import type { FileRow } from "./index/history-index.ts";
import type { ShownPart } from "./types.ts";

/** A part for each line of a screen that nobody reads to its end. */
const MAX_PARTS = 20_000;

/**
 * The entries of a session, or those around one of them. What a tool gave back is cut as in the index.
 *
 * @throws PictlError ENTRY_NOT_FOUND, SESSION_NOT_FOUND for a file that is gone
 */
export function showSession(
  row: FileRow,
  {
    at,
    context = 5,
    mask,
  }: { at?: string | undefined; context?: number | undefined; mask: (text: string) => string },
): { parts: ShownPart[]; truncated: boolean } {
  const ranges = row.state === undefined ? [] : activeRanges(row.state);
  const shown: ShownPart[][] = [];
  let number = 0;
  let left = Number.POSITIVE_INFINITY;
  let count = 0;
  let model: string | undefined;
  const visit = (entry: JsonObject, start: number): boolean => {
    // As the index counts them: of headers only the first.
    if (entry.type === "session" && number > 0) return true;
    const entryId = asString(entry.id) ?? String(number).padStart(8, "0");
    number++;
    if (entry.type === "session") return true;
    model = modelOf(entry) ?? model;
    const isAt = at !== undefined && (entryId === at || entryId.startsWith(at));
    const parts = partsOf(entry).map(
      ({ kind, tool, text }): ShownPart => ({
        entryId,
        kind,
        ...(tool ? { tool } : {}),
        ...(kind === "assistant" && model !== undefined ? { model } : {}),
        time: parseTime(entry.timestamp) ?? 0,
        branch: isActive(ranges, start) ? "active" : "abandoned",
        text: mask(text),
        ...(isAt ? { at: true } : {}),
      }),
    );
    if (parts.length === 0 && !isAt) return true;
    shown.push(parts);
    count += parts.length;
    if (at !== undefined && left === Number.POSITIVE_INFINITY) {
      if (isAt) left = context;
      else if (shown.length > context) shown.shift();
      return left > 0;
    }
    left--;
    return left > 0 && count < MAX_PARTS;
  };
  readEntries(row, visit);
  if (at !== undefined && left === Number.POSITIVE_INFINITY) {
    throw new PictlError("ENTRY_NOT_FOUND", `Session ${row.state?.session} has no entry "${at}".`, {
      hint: "See `pictl history show` without --at for the ids of its entries.",
      details: { sessionId: row.state?.session, at },
    });
  }
  return { parts: shown.flat(), truncated: count >= MAX_PARTS };
}

function modelOf(entry: JsonObject): string | undefined {
  const message = asObject(entry.message);
  return modelName(message?.provider, message?.model);
}

function readEntries(row: FileRow, visit: (entry: JsonObject, start: number) => boolean): void {
  let fd: number;
  try {
    fd = openSessionFile(row.path);
  } catch (error) {
    throw new PictlError("SESSION_NOT_FOUND", `The session file ${row.path} can't be read any more.`, {
      hint: "It may have been deleted or moved: pictl history list --all shows what there is.",
      details: { path: row.path },
      cause: error,
    });
  }
  try {
    forEachLine(fd, 0, row.offset, (line) => {
      const entry = readEntryLine(line);
      return entry === undefined || visit(entry, line.start);
    });
  } finally {
    closeSync(fd);
  }
}
