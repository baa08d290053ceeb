import assert from "node:assert/strict";
import { test } from "node:test";
import { screenLines } from "../../../../../src/lib/cli/history/interactive-screen.ts";
import { plainColors } from "../../../../../src/lib/cli/render/color.ts";
import { renderHits } from "../../../../../src/lib/cli/render/history-hits.ts";
import { renderHistoryList } from "../../../../../src/lib/cli/render/history-list.ts";
import { renderHistorySession } from "../../../../../src/lib/cli/render/history-session.ts";
import type { HistorySearchResult, HistorySession } from "../../../../../src/lib/protocol/history.ts";

const place = { sessionId: "aaaa", cwd: "/p", project: "/p", file: "/s/aaaa.jsonl" };
const session: HistorySession = {
  ...place,
  createdAt: 0,
  modifiedAt: 0,
  messages: 1,
  turns: 1,
  tokens: 0,
  cost: 0,
};
const result: HistorySearchResult = {
  query: "needle",
  hits: [
    {
      ...place,
      entryId: "e1",
      kind: "user",
      time: 0,
      branch: "active",
      score: 1,
      snippet: { text: "needle", highlights: [[0, 6]] },
    },
  ],
  total: 1,
  totalIsExact: true,
  sessions: 1,
  tookMs: 1,
  searched: { sessions: 1 },
  suggestions: [],
  index: { complete: true },
};

test("what has no time shows a dash, and no age of half a century", async () => {
  const colors = plainColors();
  const list = await renderHistoryList([session], { colors, width: undefined, directories: false });
  const screen = { columns: 100, rows: 10, colors };
  const shown = [
    list,
    renderHits(result, { colors }),
    renderHistorySession({ session, entries: [], truncated: false }, { colors, width: undefined }),
    screenLines({ query: "needle", result, selected: 0, problem: "" }, screen).join("\n"),
  ];
  for (const text of shown) {
    assert.doesNotMatch(text, /1970|\d{4,}d/);
    assert.match(text, /(^|\s)-(\s|$)/m);
  }
});
