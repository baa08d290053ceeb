import { setImmediate } from "node:timers/promises";

/** Work for as long at a time: the daemon serves others in between. */
const SLICE_MS = 4;

/**
 * Does work step by step.
 *
 * @param limitMs after which the rest is left out
 * @returns whether all was done
 */
export async function inSlices(work: Generator<void, void>, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  try {
    for (let slice = performance.now() + SLICE_MS; ; ) {
      if (work.next().done) return true;
      const now = performance.now();
      if (now < slice) continue;
      if (now >= end) return false;
      await setImmediate();
      slice = performance.now() + SLICE_MS;
    }
  } finally {
    // Closes what is open.
    work.return();
  }
}
