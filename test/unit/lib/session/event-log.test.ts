import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EventLog } from "../../../../src/lib/session/event-log.ts";

const MIB = 1024 * 1024;

/** The record at a place of the log, which must be there. */
function recordAt(log: EventLog, seq: number): unknown {
  const item = log.at(seq);
  if (item === undefined || "gap" in item) throw new Error(`no record at ${seq}: ${JSON.stringify(item)}`);
  assert.equal(item.seq, seq);
  return JSON.parse(item.frame.toString());
}

function event(bytes: number): string {
  return JSON.stringify({ type: "message_update", text: "x".repeat(bytes) });
}

describe("EventLog", () => {
  test("numbers records of both kinds from 1, one after the other", () => {
    const log = new EventLog("s1");
    assert.equal(log.lastSeq, 0);
    log.appendEvent(Buffer.from('{"type":"agent_start"}'));
    log.append("turn", { turn: { id: "t", state: "started" } });
    log.append("state", { state: "working" });
    assert.equal(log.lastSeq, 3);
    assert.deepEqual(
      [1, 2, 3].map((seq) => recordAt(log, seq)),
      [
        { type: "event", sessionId: "s1", seq: 1, event: { type: "agent_start" } },
        { type: "turn", sessionId: "s1", seq: 2, turn: { id: "t", state: "started" } },
        { type: "state", sessionId: "s1", seq: 3, state: "working" },
      ],
    );
    assert.equal(log.at(4), undefined);
  });

  test("passes pi's text on byte for byte, spacing and key order included", () => {
    const log = new EventLog('id with "quotes"');
    const raw = '{ "b" : 1.50, "type":"x", "a":"\\u00e9\u2028" }';
    log.appendEvent(Buffer.from(raw));
    const item = log.at(1);
    assert.ok(item !== undefined && "frame" in item);
    assert.ok(item.frame.includes(raw));
    assert.ok(item.frame.toString().endsWith("}\n"));
    assert.equal((JSON.parse(item.frame.toString()) as { sessionId: string }).sessionId, 'id with "quotes"');
  });

  test("drops the oldest when it holds too many bytes, and tells the gap", () => {
    const log = new EventLog("s1");
    for (let i = 0; i < 20; i++) log.appendEvent(Buffer.from(event(MIB)));
    assert.equal(log.lastSeq, 20);
    const gone = log.at(1);
    assert.ok(gone !== undefined && "gap" in gone, "nothing was dropped");
    assert.equal(gone.gap.fromSeq, 1);
    const { toSeq } = gone.gap;
    assert.ok(toSeq >= 4 && toSeq < 19, `dropped up to ${toSeq}`);
    assert.deepEqual(log.at(toSeq), { gap: { fromSeq: toSeq, toSeq } });
    recordAt(log, toSeq + 1);
    recordAt(log, 20);
  });

  test("drops the oldest when it holds too many records", () => {
    const log = new EventLog("s1");
    for (let i = 0; i < 200_001; i++) log.appendEvent(Buffer.from("{}"));
    assert.equal(log.lastSeq, 200_001);
    assert.deepEqual(log.at(1), { gap: { fromSeq: 1, toSeq: 50_001 } });
    recordAt(log, 50_002);
  });

  test("keeps the newest record, however large it is", () => {
    const log = new EventLog("s1");
    log.appendEvent(Buffer.from(event(10)));
    log.appendEvent(Buffer.from(event(17 * MIB)));
    assert.deepEqual(log.at(1), { gap: { fromSeq: 1, toSeq: 1 } });
    recordAt(log, 2);
  });

  test("clear forgets the records and goes on with the numbers", () => {
    const log = new EventLog("s1");
    log.appendEvent(Buffer.from("{}"));
    log.appendEvent(Buffer.from("{}"));
    log.clear();
    assert.equal(log.lastSeq, 2);
    assert.deepEqual(log.at(1), { gap: { fromSeq: 1, toSeq: 2 } });
    assert.equal(log.at(3), undefined);
    log.appendEvent(Buffer.from('{"type":"agent_start"}'));
    assert.equal((recordAt(log, 3) as { seq: number }).seq, 3);
  });
});
