import type { GateRecord } from "./record.ts";

/** Records of one session that are taken at once: a big install makes some hundred connections. */
const BURST = 1_000;
/** Records of one session per second after that: with it a session that only makes records fills a file in half an hour. */
const PER_SECOND = 10;

interface Share {
  /** Records that may still be written now. */
  left: number;
  countedAt: number;
  /** The last record that was too many, with how many were before it. */
  held: GateRecord | undefined;
}

/** Bounds how many records each session writes, so that none crowds out the others'. What is left out is counted. */
export class LogShares {
  readonly #shares = new Map<string, Share>();

  /** The record to write now, which says how many were left out before it; undefined for one that is too many. */
  take(record: GateRecord, now: number): GateRecord | undefined {
    const share = this.#shareOf(record.session ?? "", now);
    const next = withOmitted(record, share.held);
    const isTaken = share.left >= 1;
    share.held = isTaken ? undefined : next;
    if (isTaken) share.left -= 1;
    return isTaken ? next : undefined;
  }

  /**
   * The held records whose time has come, and forgets sessions that have their whole share again.
   *
   * @param all whether all of them are to be written, because nothing is written afterwards
   */
  due(now: number, all: boolean): GateRecord[] {
    return [...this.#shares.keys()].flatMap((session) => {
      const share = this.#shareOf(session, now);
      const { held } = share;
      if (held !== undefined && (all || share.left >= 1)) {
        share.held = undefined;
        share.left -= 1;
        return [held];
      }
      if (share.left >= BURST) this.#shares.delete(session);
      return [];
    });
  }

  /** Whether a record waits for its time. */
  get hasHeld(): boolean {
    return [...this.#shares.values()].some(({ held }) => held !== undefined);
  }

  #shareOf(session: string, now: number): Share {
    const share = this.#shares.get(session) ?? { left: BURST, countedAt: now, held: undefined };
    share.left = Math.min(BURST, share.left + ((now - share.countedAt) / 1_000) * PER_SECOND);
    share.countedAt = now;
    this.#shares.set(session, share);
    return share;
  }
}

function withOmitted(record: GateRecord, before: GateRecord | undefined): GateRecord {
  if (before === undefined) return record;
  return { ...record, omitted: (record.omitted ?? 0) + (before.omitted ?? 0) + 1 };
}

/** A session with less than this of the log is no crowd; one of which less could stay has gone quiet long ago. */
const LEAST_BYTES = 16 * 1024;

/**
 * The newest records of a log that fit a size, the same share for each session: what one leaves over goes to those with
 * more. Where there are too many sessions for that, those that wrote last stay. The oldest record that is kept of a
 * session says how many were left out before it.
 *
 * @param records oldest first
 * @param maxBytes as lines of JSON
 */
export function keepShares(records: readonly GateRecord[], maxBytes: number): GateRecord[] {
  const sessions = new Map<string, { index: number; bytes: number }[]>();
  for (const [index, record] of records.entries()) {
    const session = record.session ?? "";
    const mine = sessions.get(session) ?? [];
    mine.push({ index, bytes: Buffer.byteLength(JSON.stringify(record)) + 1 });
    // Those that wrote last are at the end.
    sessions.delete(session);
    sessions.set(session, mine);
  }
  const most = Math.max(1, Math.floor(maxBytes / LEAST_BYTES));
  const groups = [...sessions.values()]
    .slice(-most)
    .map((lines) => ({ lines, bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0) }))
    .sort((a, b) => a.bytes - b.bytes);
  let free = maxBytes;
  const kept = groups.flatMap(({ lines }, index) => {
    const share = Math.floor(free / (groups.length - index));
    const { mine, bytes } = newest(lines, share);
    free -= bytes;
    return mine.map((line, at) => ({
      index: line.index,
      before: at === 0 ? lines.slice(0, -mine.length) : [],
    }));
  });
  return kept
    .sort((a, b) => a.index - b.index)
    .flatMap(({ index, before }) => {
      const record = records[index];
      if (record === undefined) return [];
      const omitted = before.reduce((sum, line) => sum + 1 + (records[line.index]?.omitted ?? 0), 0);
      return [omitted === 0 ? record : { ...record, omitted: (record.omitted ?? 0) + omitted }];
    });
}

function newest<Line extends { bytes: number }>(lines: readonly Line[], share: number) {
  let bytes = 0;
  let from = lines.length;
  while (from > 0 && bytes + (lines[from - 1]?.bytes ?? 0) <= share) {
    from -= 1;
    bytes += lines[from]?.bytes ?? 0;
  }
  return { mine: lines.slice(from), bytes };
}
