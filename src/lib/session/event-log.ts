import { encodeFrame } from "../protocol/framing.ts";

/** What a session keeps for subscribers that were away or are slow: whichever is reached first. */
export interface HistoryBounds {
  maxRecords: number;
  maxBytes: number;
}

/** As the configuration's defaults. */
const BOUNDS: HistoryBounds = { maxRecords: 200_000, maxBytes: 16 * 1024 * 1024 };
/** Dropping in steps keeps `append` from shifting a long array for every record. */
const DROP_SHARE = 0.25;

const EVENT_END = Buffer.from("}\n");

/** What a subscriber is given: a frame ready to be written, or the news that some are gone. */
export type LogItem = { seq: number; frame: Buffer } | { gap: { fromSeq: number; toSeq: number } };

/**
 * The last records of one session, each already serialized: it is written to every subscriber as it is.
 * `seq` grows by one with each record and never restarts while the daemon lives.
 */
export class EventLog {
  readonly #sessionId: string;
  readonly #eventStart: string;
  readonly #bounds: HistoryBounds;
  #frames: Buffer[] = [];
  #bytes = 0;
  #firstSeq = 1;

  constructor(sessionId: string, bounds: HistoryBounds = BOUNDS) {
    this.#sessionId = sessionId;
    this.#bounds = bounds;
    this.#eventStart = `{"type":"event","sessionId":${JSON.stringify(sessionId)},"seq":`;
  }

  /** `seq` of the newest record; 0 before the first. */
  get lastSeq(): number {
    return this.#firstSeq + this.#frames.length - 1;
  }

  /** Adds pi's record, whose bytes go out unchanged: neither decoding nor encoding them is worth its time. */
  appendEvent(raw: Buffer): void {
    const start = `${this.#eventStart}${this.lastSeq + 1},"event":`;
    const startBytes = Buffer.byteLength(start);
    const frame = Buffer.allocUnsafe(startBytes + raw.length + EVENT_END.length);
    frame.write(start);
    raw.copy(frame, startBytes);
    EVENT_END.copy(frame, startBytes + raw.length);
    this.#push(frame);
  }

  /** Adds a record of the daemon's own: `type` and one field with its body. */
  append(type: "turn" | "state" | "question", body: object): void {
    const record = { type, sessionId: this.#sessionId, seq: this.lastSeq + 1, ...body };
    this.#push(Buffer.from(encodeFrame(record)));
  }

  /** The record with this `seq`, the gap before the oldest kept one, or undefined when there is none yet. */
  at(seq: number): LogItem | undefined {
    if (seq < this.#firstSeq) return { gap: { fromSeq: seq, toSeq: this.#firstSeq - 1 } };
    const frame = this.#frames[seq - this.#firstSeq];
    return frame === undefined ? undefined : { seq, frame };
  }

  /** Forgets everything but the numbering: a parked session must not hold memory. */
  clear(): void {
    this.#firstSeq = this.lastSeq + 1;
    this.#frames = [];
    this.#bytes = 0;
  }

  #push(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    const { maxRecords, maxBytes } = this.#bounds;
    if (this.#frames.length > maxRecords || this.#bytes > maxBytes) this.#drop();
  }

  #drop(): void {
    let count = 0;
    let bytes = this.#bytes;
    const maxBytes = this.#bounds.maxBytes * (1 - DROP_SHARE);
    const maxRecords = this.#bounds.maxRecords * (1 - DROP_SHARE);
    // The newest record always stays: it has not been given to anybody yet.
    while (
      count < this.#frames.length - 1 &&
      (bytes > maxBytes || this.#frames.length - count > maxRecords)
    ) {
      bytes -= this.#frames[count]?.length ?? 0;
      count += 1;
    }
    this.#frames.splice(0, count);
    this.#firstSeq += count;
    this.#bytes = bytes;
  }
}
