import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { EventLog } from "../../../../src/lib/session/event-log.ts";
import { type Sink, Subscribers } from "../../../../src/lib/session/subscribers.ts";

interface Received {
  type: string;
  sessionId: string;
  seq?: number;
  fromSeq?: number;
  toSeq?: number;
}

/** A connection whose reader can be stopped. */
class FakeSink implements Sink {
  readonly received: Received[] = [];
  /** Takes this many more records before it asks for a pause. */
  room = Number.POSITIVE_INFINITY;
  #drained: (() => void)[] = [];

  write(frame: Buffer): boolean {
    this.received.push(JSON.parse(frame.toString()) as Received);
    this.room -= 1;
    return this.room > 0;
  }

  onDrain(callback: () => void): void {
    this.#drained.push(callback);
  }

  drain(room = Number.POSITIVE_INFINITY): void {
    this.room = room;
    for (const callback of this.#drained.splice(0)) callback();
  }

  get pendingDrains(): number {
    return this.#drained.length;
  }

  get seqs(): (number | undefined)[] {
    return this.received.map((record) => record.seq);
  }
}

describe("Subscribers", () => {
  let log: EventLog;
  let subscribers: Subscribers;

  beforeEach(() => {
    log = new EventLog("s1");
    subscribers = new Subscribers("s1", log);
  });

  function emit(count: number, bytes = 0): void {
    for (let i = 0; i < count; i++) {
      log.appendEvent(Buffer.from(JSON.stringify({ type: "x", text: "x".repeat(bytes) })));
      subscribers.flush();
    }
  }

  test("two subscribers get the same records in the same order", () => {
    const [a, b] = [new FakeSink(), new FakeSink()];
    subscribers.add(a);
    subscribers.add(b);
    emit(3);
    assert.deepEqual(a.seqs, [1, 2, 3]);
    assert.deepEqual(a.received, b.received);
  });

  test("begins at now, after what was seen, or with all that is kept", () => {
    emit(3);
    const [fresh, back, all] = [new FakeSink(), new FakeSink(), new FakeSink()];
    subscribers.add(fresh);
    subscribers.add(back, 2);
    subscribers.add(all, 0);
    assert.deepEqual([fresh.seqs, back.seqs, all.seqs], [[], [3], [1, 2, 3]]);
    emit(1);
    assert.deepEqual([fresh.seqs, back.seqs, all.seqs], [[4], [3, 4], [1, 2, 3, 4]]);
  });

  test("a place beyond the end or before the start counts as the end or the start", () => {
    emit(2);
    const [future, negative] = [new FakeSink(), new FakeSink()];
    subscribers.add(future, 99);
    subscribers.add(negative, -5);
    emit(1);
    assert.deepEqual([future.seqs, negative.seqs], [[3], [1, 2, 3]]);
  });

  test("one that doesn't read is passed over, slows nobody, and has everything once it drains", () => {
    const [slow, quick] = [new FakeSink(), new FakeSink()];
    slow.room = 2;
    subscribers.add(slow);
    subscribers.add(quick);
    emit(10);
    assert.deepEqual(slow.seqs, [1, 2]);
    assert.equal(slow.pendingDrains, 1);
    assert.equal(quick.received.length, 10);
    slow.drain(3);
    assert.deepEqual(slow.seqs, [1, 2, 3, 4, 5]);
    slow.drain();
    assert.deepEqual(slow.received, quick.received);
  });

  test("one that was away for too long is told which records it missed", () => {
    const [slow, quick] = [new FakeSink(), new FakeSink()];
    slow.room = 1;
    subscribers.add(slow);
    subscribers.add(quick);
    emit(20, 1024 * 1024);
    assert.deepEqual(slow.seqs, [1]);
    assert.equal(quick.received.length, 20);
    slow.drain();
    const [, gap, next] = slow.received;
    assert.equal(gap?.type, "gap");
    assert.equal(gap?.sessionId, "s1");
    assert.equal(gap?.fromSeq, 2);
    assert.equal(next?.seq, (gap?.toSeq ?? 0) + 1);
    assert.equal(slow.received.at(-1)?.seq, 20);
  });

  test("gets nothing more once removed, also when it drains later", () => {
    const sink = new FakeSink();
    sink.room = 1;
    subscribers.add(sink);
    emit(2);
    subscribers.remove(sink);
    assert.equal(subscribers.size, 0);
    sink.drain();
    emit(1);
    assert.deepEqual(sink.seqs, [1]);
  });

  test("subscribing again moves it and doesn't double its records", () => {
    const sink = new FakeSink();
    subscribers.add(sink);
    emit(2);
    subscribers.add(sink, 1);
    emit(1);
    assert.equal(subscribers.size, 1);
    assert.deepEqual(sink.seqs, [1, 2, 2, 3]);
  });
});
