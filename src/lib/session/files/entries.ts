import { closeSync, fstatSync } from "node:fs";
import type { SessionEntry, SessionHeader } from "@earendil-works/pi-coding-agent";
import { agentFileProblem, isUnfit } from "../../core/agent-file.ts";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { isObject, type JsonObject, parseObject } from "../../core/session-files/json.ts";
import { forEachLine } from "../../core/session-files/line-reader.ts";
import { openSessionFile } from "../../core/session-files/open.ts";
import { migrateInMemory } from "./migrate.ts";

/** Parsed entries take a few times their size in memory, so a file beyond this would take the daemon down. */
export const DEFAULT_MAX_FILE_BYTES = 1024 * 1024 * 1024;

export interface SessionContents {
  header: SessionHeader;
  /** In append order, all branches, in the current format whatever the file's. */
  entries: SessionEntry[];
  /** The entry that pi goes on from when it opens the file: the last one. Null for a session without entries. */
  leafId: string | null;
  /** Lines that hold no entry. */
  brokenLines: number;
}

/**
 * Reads a whole session file of any version without touching it; older formats are brought to the current one in
 * memory. Lines that aren't entries are left out and counted, as pi leaves them out.
 *
 * @throws PictlError SESSION_NOT_FOUND (no such file), LIMIT_EXCEEDED (larger than `maxBytes`), INVALID_INPUT
 *   (not a pi session), STORAGE_UNAVAILABLE (can't be read)
 */
export function readEntries(path: string, maxBytes: number = DEFAULT_MAX_FILE_BYTES): SessionContents {
  try {
    const fd = openSessionFile(path);
    try {
      return readOpen(fd, path, maxBytes);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw toReadError(error, path);
  }
}

/**
 * The entries from the root to `leafId`, in order. An unknown or absent leaf means the last entry, null an empty
 * branch, and a parent that is missing ends the walk: all as in pi's session manager. Takes the entries of a
 * file as well as those of pi's `get_entries`.
 */
export function activeBranch(entries: readonly SessionEntry[], leafId?: string | null): SessionEntry[] {
  if (leafId === null) return [];
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const branch: SessionEntry[] = [];
  let current = (leafId === undefined ? undefined : byId.get(leafId)) ?? entries.at(-1);
  while (current !== undefined) {
    branch.push(current);
    // Taken entries leave the map: a file whose parents form a ring must not hang a reader.
    byId.delete(current.id);
    current = current.parentId ? byId.get(current.parentId) : undefined;
  }
  return branch.reverse();
}

function readOpen(fd: number, path: string, maxBytes: number): SessionContents {
  const { size } = fstatSync(fd);
  if (size > maxBytes) {
    throw new PictlError(
      "LIMIT_EXCEEDED",
      `${path} has ${size} bytes; the limit for reading a session is ${maxBytes}.`,
      {
        details: { path, size, limit: maxBytes },
      },
    );
  }
  const records: JsonObject[] = [];
  let brokenLines = 0;
  forEachLine(fd, 0, size, (line) => {
    const text = line.text();
    const record = text === undefined ? undefined : parseObject(text);
    if (record !== undefined) records.push(record);
    else if (text?.trim() !== "") brokenLines++;
    return records.length > 0 ? isHeader(records[0]) : true;
  });
  const header = records[0];
  if (!isHeader(header)) {
    throw new PictlError("INVALID_INPUT", `${path} is not a pi session file.`, { details: { path } });
  }
  migrateInMemory(records);
  const entries = records.slice(1).filter((record) => record.type !== "session");
  const sound = entries.filter(isEntry);
  return {
    header,
    entries: sound,
    leafId: sound.at(-1)?.id ?? null,
    brokenLines: brokenLines + entries.length - sound.length,
  };
}

// What the types promise beyond this, pi doesn't check either; who reads an entry's other fields must.
function isHeader(record: JsonObject | undefined): record is JsonObject & SessionHeader {
  return record?.type === "session" && typeof record.id === "string";
}

function isEntry(record: JsonObject): record is JsonObject & SessionEntry {
  if (typeof record.type !== "string" || typeof record.id !== "string") return false;
  return record.type !== "message" || isObject(record.message);
}

/**
 * Refuses a file that pi must not be given as a session: it would wait for a pipe, and follow a link.
 *
 * @throws PictlError STORAGE_UNAVAILABLE, SESSION_NOT_FOUND
 */
export function refuseOtherFile(path: string): void {
  closeSync(openSaved(path));
}

/** Opens a session file. Throws as {@link readEntries} does. */
export function openSaved(path: string): number {
  try {
    return openSessionFile(path);
  } catch (error) {
    throw toReadError(error, path);
  }
}

function toReadError(error: unknown, path: string): unknown {
  // A PictlError has a `code` too.
  const code = error instanceof PictlError ? undefined : systemErrorCode(error);
  if (code === undefined) return error;
  if (code === "ENOENT") {
    return new PictlError("SESSION_NOT_FOUND", `There is no session file ${path}.`, {
      hint: "It may have been deleted or moved: pictl session list --all shows what there is.",
      details: { path },
      cause: error,
    });
  }
  if (isUnfit(error) || code === "ELOOP") {
    return new PictlError(
      "STORAGE_UNAVAILABLE",
      `${path} ${agentFileProblem(error)}, and so not read as a session.`,
      {
        hint: "Something else was put in the place of the session's file: look at it, and take it away.",
        details: { path },
        cause: error,
      },
    );
  }
  return new PictlError("STORAGE_UNAVAILABLE", `Cannot read the session file ${path} (${code}).`, {
    hint: "Check the permissions of the file and of the directories above it.",
    details: { path, errno: code },
    cause: error,
  });
}
