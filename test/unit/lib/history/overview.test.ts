import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HistoryService, type OperationName, type Operations } from "../../../../src/lib/history/service.ts";

/** A session with an answer of each of these models, at these times. */
function open(t: TestContext, answers: { model: string; timestamp?: string }[]) {
  const root = mkdtempSync(join(tmpdir(), "pictl-history-"));
  mkdirSync(join(root, "sessions"));
  const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: { total: 1 } };
  const entries = answers.flatMap(({ model, timestamp }, i) => [
    { type: "message", id: `u${i}`, timestamp, message: { role: "user", content: "needle" } },
    {
      type: "message",
      id: `a${i}`,
      timestamp,
      message: {
        role: "assistant",
        provider: "test",
        model,
        usage,
        content: [{ type: "text", text: "hay" }],
      },
    },
  ]);
  const header = { type: "session", version: 3, id: "s", timestamp: answers[0]?.timestamp, cwd: "/p" };
  const lines = [header, ...entries].map((line) => `${JSON.stringify(line)}\n`);
  writeFileSync(join(root, "sessions", "s.jsonl"), lines.join(""));
  const service = new HistoryService(join(root, "history.db"));
  t.after(() => {
    service.close();
    rmSync(root, { recursive: true });
  });
  const scope = { roots: [{ path: join(root, "sessions"), nested: false }], exclude: [] };
  const stats = (params: Operations["stats"]["params"]) => service.run("stats", scope, params);
  return {
    stats,
    run: <N extends OperationName>(name: N, params: Operations[N]["params"]) =>
      service.run(name, scope, params),
    names: async (params: Operations["stats"]["params"]) =>
      (await stats(params)).rows.map(({ name, turns }) => [name, turns]),
  };
}

const TWO = [
  { model: "Big-1", timestamp: "2026-11-01T10:00:00.000Z" },
  { model: "small", timestamp: "2026-11-02T10:00:00.000Z" },
];

test("sums by day and project are narrowed by model as those by model are, whatever the case", async (t) => {
  const { names, stats } = open(t, TWO);
  assert.deepEqual(await names({ by: "model", model: "bIG" }), [["test/Big-1", 1]]);
  assert.deepEqual(await names({ by: "day", model: "big" }), [["2026-11-01", 1]]);
  assert.deepEqual(await names({ by: "project", model: "big" }), [["/p", 1]]);
  assert.deepEqual(await names({ by: "project" }), [["/p", 2]]);
  await assert.rejects(stats({ by: "tool", model: "big" }), { code: "INVALID_INPUT" });
});

test("a day that is counted whole, though only a part of it was asked for, is told", async (t) => {
  const { stats } = open(t, TWO);
  const [noon, midnight] = ["2026-11-01T12:00:00Z", "2026-11-02T00:00:00Z"].map(Date.parse) as [
    number,
    number,
  ];
  const late = await stats({ by: "day", since: noon, until: noon });
  assert.deepEqual([late.rows.length, late.days], [1, { from: "2026-11-01", to: "2026-11-01" }]);
  assert.equal(
    (await stats({ by: "day", since: midnight, until: midnight + 86_400_000 - 1 })).days,
    undefined,
  );
  assert.equal((await stats({ by: "day" })).days, undefined);
});

test("answers without a time have no day", async (t) => {
  const { names, run } = open(t, [{ model: "small" }]);
  assert.deepEqual(await names({ by: "day" }), [["", 1]]);
  const { from, to, sessions } = await run("status", {});
  assert.deepEqual([sessions, from, to], [1, undefined, undefined]);
});
