import type { HistoryResults, IndexNotice } from "../../protocol/history.ts";
import { writeStderr } from "../output.ts";

/** Says on stderr that an answer doesn't rest on everything yet. */
export async function writeIndexNotice({ complete, progress }: IndexNotice): Promise<void> {
  if (complete) return;
  await writeStderr(`Still indexing (${progressText(progress)}): there may be more.\n`);
}

/** Says on stderr that sums begin or end with a whole day, and not with the moment that was given. */
export async function writeDaysNotice(days: HistoryResults["get_history_stats"]["days"]): Promise<void> {
  const { from, to } = days ?? {};
  const parts = [...(from === undefined ? [] : [`from ${from}`]), ...(to === undefined ? [] : [`to ${to}`])];
  if (parts.length > 0) await writeStderr(`Counted in whole days of UTC, ${parts.join(" ")}.\n`);
}

export function progressText(progress: IndexNotice["progress"]): string {
  const { done = 0, total = 0 } = progress?.bytes ?? {};
  const percent = total === 0 ? 0 : Math.floor((100 * done) / total);
  return `${percent} % of ${(total / 1e6).toFixed(total < 1e8 ? 1 : 0)} MB`;
}
