import type { Client } from "../client/client.ts";
import type { PushRecord } from "../protocol/records.ts";

/**
 * The output of one shell command as pi tells it, piece by piece, to the subscribers of its session. Pieces
 * come in order and once, also when the daemon had to pass this connection over for a while.
 */
export class BashStream {
  readonly #executionId: string;
  readonly #onOutput: (text: string) => void;
  #lastSeq: number | undefined;
  #waiting: { seq: number; resolve: () => void } | undefined;
  /** Characters of output that came. */
  length = 0;
  /** Records of the session that the daemon dropped before this connection had read them. */
  missed = 0;

  /** @param executionId the caller's own name for the command, sent along with it */
  constructor(executionId: string, onOutput: (text: string) => void) {
    this.#executionId = executionId;
    this.#onOutput = onOutput;
  }

  record(record: PushRecord): void {
    if (record.type === "gap") this.#gap(record.fromSeq, record.toSeq);
    else this.#next(record);
    if (this.#waiting !== undefined && (this.#lastSeq ?? 0) >= this.#waiting.seq) this.#waiting.resolve();
  }

  /**
   * Waits for all records that the session has told so far. The answer to a command may overtake its last
   * events, when they wait for this connection to drain.
   *
   * @throws PictlError when the connection ends
   */
  async catchUp(client: Client, sessionId: string): Promise<void> {
    const { seq } = await client.request("subscribe", { sessionId });
    const since = this.#lastSeq;
    if (since === undefined || since >= seq) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { seq, resolve };
    const stopClose = client.onClose(reject);
    try {
      // Asking for the newest record has moved the subscription to it.
      await client.request("subscribe", { sessionId, since });
      await promise;
    } finally {
      stopClose();
    }
  }

  #next(record: Exclude<PushRecord, { type: "gap" }>): void {
    this.#lastSeq ??= record.seq - 1;
    // Any other one has been here before, or comes again in its turn.
    if (record.seq !== this.#lastSeq + 1) return;
    this.#lastSeq = record.seq;
    if (record.type !== "event" || record.event.type !== "bash_execution_update") return;
    const { id, delta } = record.event;
    if (typeof delta !== "string" || !this.#isOwn(id)) return;
    this.length += delta.length;
    this.#onOutput(delta);
  }

  #gap(fromSeq: number, toSeq: number): void {
    this.#lastSeq ??= fromSeq - 1;
    if (fromSeq > this.#lastSeq + 1 || toSeq <= this.#lastSeq) return;
    this.missed += toSeq - this.#lastSeq;
    this.#lastSeq = toSeq;
  }

  /** pi repeats the id that the daemon gave the command; one that names another execution isn't ours. */
  #isOwn(id: unknown): boolean {
    if (typeof id !== "string" || !/-[0-9a-f-]{36}$/.test(id)) return true;
    return id.endsWith(this.#executionId);
  }
}
