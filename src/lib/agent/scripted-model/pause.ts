import { setImmediate } from "node:timers/promises";

/** Thrown out of a reply that its reader has cancelled. */
export class ReplyAborted extends Error {
  constructor() {
    super("Request was aborted");
    this.name = "ReplyAborted";
  }
}

/**
 * Waits, or throws {@link ReplyAborted} as soon as the signal fires.
 *
 * @param ms milliseconds; 0 only lets other work in pi go first
 */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw new ReplyAborted();
  if (ms > 0) await abortableTimer(ms, signal);
  else await setImmediate();
  if (signal?.aborted) throw new ReplyAborted();
}

/** Ends early on abort, without an error; the caller looks at the signal. */
function abortableTimer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
