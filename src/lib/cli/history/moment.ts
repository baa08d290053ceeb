import { PictlError } from "../../core/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/**
 * A moment as `--since` and `--until` take it: an age (`90m`, `12h`, `7d`, `2w`), `today`, `yesterday`, a day
 * (`2026-11-01`) or a time (`2026-11-01T10:00`), in the machine's own zone.
 *
 * @param end which end of a day is meant
 * @returns milliseconds since the epoch
 * @throws PictlError USAGE
 */
export function parseMoment(text: string, flag: string, end: "start" | "end", now = Date.now()): number {
  const age = /^(\d+)([mhdw])$/.exec(text);
  if (age !== null) return now - Number(age[1]) * (UNIT_MS[age[2] ?? ""] ?? 0);
  const day = dayOf(text, now);
  if (day !== undefined) {
    if (end === "end") day.setDate(day.getDate() + 1);
    return day.getTime() - (end === "end" ? 1 : 0);
  }
  const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new PictlError("USAGE", `${flag} can't be "${text}".`, {
    hint: "Write an age (90m, 12h, 7d, 2w), a day (2026-11-01), a time (2026-11-01T10:00), today or yesterday.",
    details: { flag, value: text },
  });
}

/** The first moment of a day. */
function dayOf(text: string, now: number): Date | undefined {
  const today = new Date(now);
  today.setHours(0, 0, 0, 0);
  if (text === "today") return today;
  if (text === "yesterday") {
    today.setDate(today.getDate() - 1);
    return today;
  }
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const date = new Date(year, month - 1, day);
  return date.getMonth() === month - 1 && date.getDate() === day ? date : undefined;
}
