import assert from "node:assert/strict";
import { test } from "node:test";
import { inDaemonsWords, parseRecord } from "../../../../src/lib/cli/record-to-send.ts";

test("a record is a JSON object with a type", () => {
  assert.deepEqual(parseRecord('{"type":"x","a":1}'), { type: "x", a: 1 });
  for (const text of ["", "{", "null", "[]", '"x"', "{}", '{"type":""}', '{"type":null}']) {
    assert.throws(() => parseRecord(text), { name: "PictlError", code: "USAGE" }, text);
  }
});

test("where the daemon's words differ from pi's they are put for them", () => {
  assert.deepEqual(inDaemonsWords({ type: "prompt", message: "m", streamingBehavior: "steer" }), {
    type: "prompt",
    message: "m",
    whenBusy: "steer",
  });
  assert.deepEqual(inDaemonsWords({ type: "fork", entryId: "a1" }), { type: "fork", at: "a1" });
  assert.deepEqual(inDaemonsWords({ type: "extension_ui_response", id: "q1", value: "v" }), {
    type: "extension_ui_response",
    requestId: "q1",
    value: "v",
  });
});

test("the rest stays, without an id, which is the request's own", () => {
  assert.deepEqual(inDaemonsWords({ type: "get_entries", id: "1", since: "a1" }), {
    type: "get_entries",
    since: "a1",
  });
  assert.deepEqual(inDaemonsWords({ type: "fork", at: 2 }), { type: "fork", at: 2 });
});
