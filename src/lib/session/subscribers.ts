import { encodeFrame } from "../protocol/framing.ts";
import type { EventLog } from "./event-log.ts";

/** Where a subscriber's records go: a connection, as far as the session knows it. */
export interface Sink {
  /** @returns false when no more should be written until `onDrain` runs */
  write(frame: Buffer): boolean;
  /** Calls back once when there is room again. */
  onDrain(callback: () => void): void;
}

interface Subscriber {
  nextSeq: number;
  blocked: boolean;
}

/**
 * Hands out a session's log. Each subscriber has its own place in the log and nothing else: one that doesn't
 * read is passed over until it drains, and is then told what it missed. It slows nobody.
 */
export class Subscribers {
  readonly #log: EventLog;
  readonly #sessionId: string;
  readonly #subscribers = new Map<Sink, Subscriber>();

  constructor(sessionId: string, log: EventLog) {
    this.#sessionId = sessionId;
    this.#log = log;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  /** Adds a subscriber after the given `seq` (default: from now on). A second call moves it there. */
  add(sink: Sink, since: number = this.#log.lastSeq): void {
    const nextSeq = Math.min(Math.max(since, 0), this.#log.lastSeq) + 1;
    this.#subscribers.set(sink, { nextSeq, blocked: false });
    this.#pump(sink);
  }

  remove(sink: Sink): void {
    this.#subscribers.delete(sink);
  }

  /** Gives every subscriber what is new. */
  flush(): void {
    for (const sink of this.#subscribers.keys()) this.#pump(sink);
  }

  #pump(sink: Sink): void {
    const subscriber = this.#subscribers.get(sink);
    if (subscriber === undefined) return;
    while (!subscriber.blocked) {
      const item = this.#log.at(subscriber.nextSeq);
      if (item === undefined) return;
      const frame =
        "gap" in item
          ? Buffer.from(encodeFrame({ type: "gap", sessionId: this.#sessionId, ...item.gap }))
          : item.frame;
      subscriber.nextSeq = "gap" in item ? item.gap.toSeq + 1 : item.seq + 1;
      if (sink.write(frame)) continue;
      subscriber.blocked = true;
      sink.onDrain(() => {
        subscriber.blocked = false;
        this.#pump(sink);
      });
    }
  }
}
