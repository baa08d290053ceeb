import type { IndexNotice } from "../../protocol/history.ts";
import { writeStderr } from "../output.ts";

/** Says on stderr that an answer doesn't rest on everything yet. */
export async function writeIndexNotice({ complete, progress }: IndexNotice): Promise<void> {
  if (complete) return;
  await writeStderr(`Still indexing (${progressText(progress)}): there may be more.\n`);
}

export function progressText(progress: IndexNotice["progress"]): string {
  const { done = 0, total = 0 } = progress?.bytes ?? {};
  const percent = total === 0 ? 0 : Math.floor((100 * done) / total);
  return `${percent} % of ${(total / 1e6).toFixed(total < 1e8 ? 1 : 0)} MB`;
}
