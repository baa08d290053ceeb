import assert from "node:assert/strict";
import { test } from "node:test";
import type { PiStats } from "../../../../../src/lib/cli/pi-data.ts";
import { plainColors } from "../../../../../src/lib/cli/render/color.ts";
import { renderStats } from "../../../../../src/lib/cli/render/session-stats.ts";

const stats: PiStats = {
  sessionId: "s1",
  userMessages: 2,
  assistantMessages: 3,
  toolCalls: 4,
  toolResults: 3,
  totalMessages: 9,
  tokens: { input: 50_000, output: 10_000, cacheRead: 0, cacheWrite: 5, total: 60_005 },
  cost: 0.456,
  contextUsage: { tokens: 60_000, contextWindow: 200_000, percent: 30.4 },
};

test("a session's numbers as lines", () => {
  assert.equal(
    renderStats(stats, plainColors()),
    `Session:     s1
Messages:    9 (user 2, assistant 3)
Tool calls:  4 (results 3)
Tokens:      60.0k (input 50.0k, output 10.0k, cache read 0, cache write 5)
Cost:        $0.46
Context:     60.0k of 200.0k (30 %)
`,
  );
});

test("the context is told as far as pi knows it", () => {
  const context = (contextUsage: PiStats["contextUsage"]) => {
    const { contextUsage: _, ...rest } = stats;
    const text = renderStats(contextUsage === undefined ? rest : { ...rest, contextUsage }, plainColors());
    return /^Context: +(.*)$/m.exec(text)?.[1];
  };
  assert.equal(context(undefined), undefined);
  assert.equal(
    context({ tokens: null, contextWindow: 200_000, percent: null }),
    "not known before the next answer (of 200.0k)",
  );
  assert.equal(context({ tokens: 5, contextWindow: 200_000, percent: 0.0025 }), "5 of 200.0k (<1 %)");
  assert.equal(context({ tokens: 0, contextWindow: 1_000, percent: 0 }), "0 of 1.0k (0 %)");
});
