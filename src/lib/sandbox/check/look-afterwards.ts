import { realPath } from "../../core/real-path.ts";
import { compareSnapshots } from "../runs-later/compare.ts";
import { takeSnapshot } from "../runs-later/snapshot.ts";
import type { Place } from "./place.ts";
import type { Outside } from "./row.ts";

/** The stand-in of a project has some dozen files. */
const SNAPSHOT_MS = 2_000;

/**
 * Looks at a place as pictl does before a sandbox is made there.
 *
 * @returns looks at it again, when the sandboxes have ended
 */
export async function lookAfterwards({
  standIns,
  policy,
}: Place): Promise<() => Promise<Pick<Outside, "agentPlaces" | "reviewed">>> {
  const roots = [realPath(standIns.places.workspace)];
  const agentPlaces = [...roots, ...policy.allowWrite.map(realPath)];
  const before = await takeSnapshot({ roots, limitMs: SNAPSHOT_MS });
  return async () => {
    const now = await takeSnapshot({ roots, since: before.takenAt, limitMs: SNAPSHOT_MS });
    const { changes } = compareSnapshots(before, now);
    return { agentPlaces, reviewed: new Set(changes.map(({ path }) => path)) };
  };
}
