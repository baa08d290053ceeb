import { PictlError } from "./errors.ts";

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Timers of Node overflow above 2^31 - 1 ms and then fire at once. */
const MAX_DURATION_MS = 2 ** 31 - 1;

/**
 * Milliseconds of `1500ms`, `30s`, `5m`, `2h`, `1d`, or of a plain number of seconds.
 *
 * @throws PictlError USAGE
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  const ms = match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? "s"] ?? Number.NaN);
  if (Number.isFinite(ms) && ms <= MAX_DURATION_MS) return Math.round(ms);
  const problem = Number.isNaN(ms) ? "is not a duration" : "is longer than the longest duration, 24 days";
  throw new PictlError("USAGE", `"${text}" ${problem}.`, {
    hint: "Write it as 1500ms, 30s, 5m or 2h (24 days at most).",
    details: { value: text },
  });
}

/** The two largest units of a duration, as in `3m 20s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  const seconds = Math.floor(ms / 1_000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`)
    .join(" ");
}

/** The largest unit of an age, as in `3m`; `now` under five seconds. */
export function formatAge(ms: number): string {
  return ms < 5_000 ? "now" : (formatDuration(ms).split(" ", 1)[0] ?? "now");
}
