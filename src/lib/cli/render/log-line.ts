import type { LogRecord } from "../log-records.ts";
import type { Colors } from "./color.ts";
import { timeOf } from "./numbers.ts";
import { sanitize } from "./text-width.ts";

/** A record of the log for a person: `2026-11-21 04:50:12.345 info  listening socket=/run/…`. */
export function renderLogRecord(
  { time, level, pid: _, message, ...fields }: LogRecord,
  colors: Colors,
): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${colors.dim(`${name}=`)}${fieldText(value)}`);
  const when = time === undefined ? "" : `${colors.dim(sanitize(localTime(time)))} `;
  const text = sanitize(message).replaceAll("\n", "\\n");
  return `${when}${level === undefined ? "" : `${paintLevel(level, colors)} `}${text}${rest.join("")}\n`;
}

function fieldText(value: unknown): string {
  const plain = typeof value === "string" && /^[^\s"=]+$/.test(value);
  return sanitize(plain ? value : (JSON.stringify(value) ?? ""));
}

/** The machine's own time, which is what somebody looking for "just now" compares with. */
function localTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const milliseconds = String(date.getMilliseconds()).padStart(3, "0");
  return `${timeOf(date.getTime())}.${milliseconds}`;
}

function paintLevel(level: NonNullable<LogRecord["level"]>, colors: Colors): string {
  const text = level.padEnd(5);
  switch (level) {
    case "error":
      return colors.red(text);
    case "warn":
      return colors.yellow(text);
    case "debug":
      return colors.dim(text);
    default:
      return text;
  }
}
