import { asObject, type JsonObject } from "../../core/session-files/json.ts";

/**
 * Brings the records of a file (header first) to format 3 in memory, as pi's session manager does on disk.
 *
 * Version 1 had no ids. pi makes up random ones when it opens such a file; here an entry's id is its position,
 * so that two readings agree. Such an id is of no use to pi: an entry that pi is to fork from must be found
 * again, by its number, once pi has opened (and so rewritten) the file.
 */
export function migrateInMemory(records: JsonObject[]): void {
  const version = typeof records[0]?.version === "number" ? records[0].version : 1;
  if (version < 2) addIds(records);
  if (version < 3) renameHookMessages(records);
}

function addIds(records: JsonObject[]): void {
  let parentId: string | null = null;
  for (const [index, record] of records.entries()) {
    if (record.type === "session") continue;
    record.id = positionId(index);
    record.parentId = parentId;
    parentId = positionId(index);
    // An index into the file's records, the header being 0.
    if (record.type === "compaction" && typeof record.firstKeptEntryIndex === "number") {
      record.firstKeptEntryId = positionId(record.firstKeptEntryIndex);
      delete record.firstKeptEntryIndex;
    }
  }
}

function positionId(index: number): string {
  return String(index).padStart(8, "0");
}

function renameHookMessages(records: JsonObject[]): void {
  for (const record of records) {
    const message = record.type === "message" ? asObject(record.message) : undefined;
    if (message?.role === "hookMessage") message.role = "custom";
  }
}
