/** Those who wait for a session to come to some state. Each looks again after every change. */
export class Waits {
  readonly #looks = new Set<() => void>();

  /** Something changed that somebody may wait for. */
  changed(): void {
    for (const look of [...this.#looks]) look();
  }

  /**
   * Resolves with what `find` finds, which may be at once.
   *
   * @throws the signal's reason when that fires first
   */
  async until<T>(find: () => T | undefined, signal: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      const found = find();
      if (found !== undefined) resolve(found);
    };
    const onAbort = () => reject(signal.reason);
    this.#looks.add(look);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal.aborted) onAbort();
      look();
      return await promise;
    } finally {
      this.#looks.delete(look);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
