import { formatAge } from "../../core/duration.ts";
import { timeOf } from "./numbers.ts";

/** The age of what the history has, `3d`; `-` for what has no time in its file, which the index has as 0. */
export function knownAge(time: number, now: number): string {
  return time > 0 ? formatAge(Math.max(0, now - time)) : "-";
}

/** Its time up to minutes, or `-`. */
export function knownTime(time: number): string {
  return time > 0 ? timeOf(time, 5) : "-";
}
