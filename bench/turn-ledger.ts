import type { PushRecord } from "../src/lib/protocol/records.ts";

/** Which turns were accepted and how each ended, as a subscriber of every session sees it. */
export class TurnLedger {
  readonly #accepted = new Set<string>();
  readonly #ends = new Map<string, string[]>();
  readonly #waiting = new Map<string, () => void>();
  readonly #gaps: string[] = [];

  see(record: PushRecord): void {
    if (record.type === "gap") this.#gaps.push(`${record.sessionId} ${record.fromSeq}–${record.toSeq}`);
    if (record.type !== "turn" || record.turn.state !== "ended") return;
    const { id, outcome = "none" } = record.turn;
    this.#ends.set(id, [...(this.#ends.get(id) ?? []), outcome]);
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }

  accepted(turnId: string): void {
    this.#accepted.add(turnId);
  }

  get acceptedCount(): number {
    return this.#accepted.size;
  }

  /** Resolves when the turn has ended, or when the time is over: `problems` tells of it then. */
  async ended(turnId: string, timeoutMs: number): Promise<void> {
    if (this.#ends.has(turnId)) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
      this.#waiting.set(turnId, resolve);
    });
    clearTimeout(timer);
  }

  async allEnded(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (const turnId of this.#accepted) await this.ended(turnId, Math.max(1, deadline - Date.now()));
  }

  /** How often accepted prompts ended in each way. */
  outcomes(): Record<string, number> {
    const tally: Record<string, number> = {};
    for (const id of this.#accepted)
      for (const end of this.#ends.get(id) ?? []) tally[end] = (tally[end] ?? 0) + 1;
    return tally;
  }

  problems(): string[] {
    const never = [...this.#accepted].filter((id) => !this.#ends.has(id));
    const often = [...this.#ends].filter(([, ends]) => ends.length > 1);
    return [
      ...never.map((id) => `turn ${id} was accepted and never ended`),
      ...often.map(([id, ends]) => `turn ${id} ended ${ends.length} times: ${ends.join(", ")}`),
      ...this.#gaps.map((gap) => `a subscriber that reads missed records: ${gap}`),
    ];
  }
}
