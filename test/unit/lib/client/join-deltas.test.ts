import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DeltaJoiner } from "../../../../src/lib/client/join-deltas.ts";
import { toStreamRecords } from "../../../../src/lib/client/stream-records.ts";
import type { PushRecord } from "../../../../src/lib/protocol/records.ts";

const message = (type: string, delta?: string, contentIndex = 0): PushRecord => {
  const assistantMessageEvent = { type, contentIndex, ...(delta === undefined ? {} : { delta }) };
  return { type: "event", sessionId: "s", seq: 1, event: { type: "message_update", assistantMessageEvent } };
};
const shell = (id: string, delta: string): PushRecord => {
  return { type: "event", sessionId: "s", seq: 1, event: { type: "bash_execution_update", id, delta } };
};

/** The texts of the stream records, after their kinds. */
function joined(records: readonly PushRecord[]): string[] {
  const joiner = new DeltaJoiner();
  return records.flatMap((record) => {
    joiner.join(record);
    return toStreamRecords(record).map((each) => `${each.type} ${"text" in each ? each.text : ""}`);
  });
}

describe("DeltaJoiner", () => {
  it("joins a pair that two deltas halve, for each text by itself", () => {
    const records = [
      message("thinking_delta", "a\ud83d", 0),
      message("text_delta", "b\ud83d", 1),
      shell("1", "c\ud83d"),
      message("thinking_delta", "\ude00", 0),
      shell("1", "\ude02d"),
      message("text_delta", "\ude01", 1),
    ];
    assert.deepEqual(joined(records), [
      ...["thinking a", "text b", "shell c"],
      ...["thinking 😀", "shell 😂d", "text 😁"],
    ]);
  });

  it("gives U+FFFD for a half that stays alone", () => {
    const records = [
      message("text_delta", "a\ud83d"),
      message("text_delta", "b\ude00"),
      message("text_delta", "c\ud83d"),
      message("text_end"),
    ];
    assert.deepEqual(joined(records), ["text a", "text \ufffdb\ufffd", "text c", "text \ufffd"]);
  });

  it("forgets a half when records were missed", () => {
    const gap: PushRecord = { type: "gap", sessionId: "s", fromSeq: 2, toSeq: 3 };
    const records = [message("text_delta", "a\ud83d"), gap, message("text_delta", "\ude00b")];
    assert.deepEqual(joined(records), ["text a", "gap ", "text \ufffdb"]);
  });
});
