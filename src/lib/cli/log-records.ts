/** Levels of the daemon's log, from the least to the most urgent. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One line of the log. What isn't a record (the last words of a crash) has only a message, and no level. */
export interface LogRecord {
  time?: string;
  level?: LogLevel;
  pid?: number;
  message: string;
  [field: string]: unknown;
}

/** A line of the log as a record; undefined for an empty one. */
export function parseLogLine(line: string): LogRecord | undefined {
  if (line.trim() === "") return undefined;
  try {
    const record: unknown = JSON.parse(line);
    if (
      typeof record === "object" &&
      record !== null &&
      "message" in record &&
      typeof record.message === "string"
    ) {
      return record as LogRecord;
    }
  } catch {
    // Written by node or by the operating system.
  }
  return { message: line };
}

/** Whether a record is at least as urgent as this; what has no level always is. */
export function isAtLeast(record: LogRecord, level: LogLevel): boolean {
  return record.level === undefined || logLevels.indexOf(record.level) >= logLevels.indexOf(level);
}

/** The last `count` records of these lines that are at least as urgent as this, in their order. */
export function lastRecords(lines: readonly string[], count: number, level: LogLevel): LogRecord[] {
  const records: LogRecord[] = [];
  for (let i = lines.length - 1; i >= 0 && records.length < count; i--) {
    const record = parseLogLine(lines[i] ?? "");
    if (record !== undefined && isAtLeast(record, level)) records.push(record);
  }
  return records.reverse();
}
