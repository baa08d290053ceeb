import assert from "node:assert/strict";
import { test } from "node:test";
import { Chalk } from "chalk";
import { lastRecords } from "../../../../src/lib/cli/log-records.ts";
import { renderLogRecord } from "../../../../src/lib/cli/render/log-line.ts";

const lines = [
  '{"time":"2026-11-21T05:00:00.000Z","level":"debug","message":"a"}',
  '{"time":"2026-11-21T05:00:00.000Z","level":"warn","pid":7,"message":"b","code":"X","error":"two words"}',
  "",
  "node: out of memory",
  '{"level":"info","message":"c"}',
];

test("the last records at a level, with the last words of a crash", () => {
  const messages = (count: number, level: "debug" | "warn") =>
    lastRecords(lines, count, level).map((r) => r.message);
  assert.deepEqual(messages(10, "debug"), ["a", "b", "node: out of memory", "c"]);
  assert.deepEqual(messages(10, "warn"), ["b", "node: out of memory"]);
  assert.deepEqual(messages(1, "warn"), ["node: out of memory"]);
  assert.deepEqual(messages(0, "debug"), []);
});

test("a record is one readable line", () => {
  const colors = new Chalk({ level: 0 });
  const [warning, crash] = lastRecords(lines, 10, "warn");
  assert.match(
    renderLogRecord(warning ?? { message: "" }, colors),
    /^2026-11-2\d .*\.000 warn {2}b code=X error="two words"\n$/,
  );
  assert.equal(renderLogRecord(crash ?? { message: "" }, colors), "node: out of memory\n");
  assert.equal(renderLogRecord({ message: "a\nb\u001b[2J" }, colors), "a\\nb\n");
});
