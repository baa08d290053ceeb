/** Between two looks. What ends work (turns, compactions, commands, starts) has no one place that could tell. */
const LOOK_MS = 50;

/**
 * Waits until nothing is busy. Resolves within the tick of the look that found it so: what is then done at once
 * comes before anything new.
 *
 * @throws the signal's reason when that fires first
 */
export async function untilQuiet(isBusy: () => boolean, signal: AbortSignal): Promise<void> {
  if (!isBusy()) return;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = setInterval(() => {
    if (!isBusy()) resolve();
  }, LOOK_MS);
  const giveUp = () => reject(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await promise;
  } finally {
    clearInterval(look);
    signal.removeEventListener("abort", giveUp);
  }
}
