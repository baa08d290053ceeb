/** Exit code of a process that was ended by Ctrl-C, by convention 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;

/**
 * Runs work that Ctrl-C ends in an orderly way: the first one aborts the signal, a second one leaves at once.
 *
 * @returns what the work resolves to; throws what it rejects with
 */
export async function interruptible<T>(work: (interrupted: AbortSignal) => Promise<T>): Promise<T> {
  const interrupt = new AbortController();
  const onInterrupt = () => {
    if (interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupt.abort();
  };
  process.on("SIGINT", onInterrupt);
  try {
    return await work(interrupt.signal);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
