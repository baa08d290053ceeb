import assert from "node:assert/strict";
import { test } from "node:test";
import { colorsFor } from "../../../../../src/lib/cli/render/color.ts";
import { renderHits } from "../../../../../src/lib/cli/render/history-hits.ts";
import { renderHistoryList } from "../../../../../src/lib/cli/render/history-list.ts";
import { renderHistorySession } from "../../../../../src/lib/cli/render/history-session.ts";
import type {
  HistoryEntry,
  HistoryHit,
  HistorySearchResult,
  HistorySession,
} from "../../../../../src/lib/protocol/history.ts";

const colors = await colorsFor({ isTTY: false } as NodeJS.WriteStream);

const SESSION: HistorySession = {
  sessionId: "01a1",
  cwd: "/p",
  project: "/p",
  file: "/s/01a1.jsonl",
  createdAt: 0,
  modifiedAt: 0,
  messages: 1,
  turns: 1,
  tokens: 1,
  cost: 0,
};

function hits(of: Partial<HistoryHit>): string {
  const hit: HistoryHit = {
    ...{ sessionId: "01a1", cwd: "/p", project: "/p", file: "/s/01a1.jsonl" },
    ...{ entryId: "67591047", kind: "user", time: 0, branch: "active", score: 1, forkAt: "67591047" },
    snippet: { text: "found", highlights: [[0, 5]] },
    ...of,
  };
  const result: HistorySearchResult = {
    ...{ query: "found", hits: [hit], total: 1, totalIsExact: true, sessions: 1, tookMs: 1 },
    ...{ searched: { sessions: 1 }, suggestions: [], index: { complete: true } },
  };
  return renderHits(result, { colors });
}

test("the commands that lead back can be given to a shell as they are", () => {
  const plain = hits({});
  assert.ok(plain.includes("  continue: pictl prompt -s 01a1 …\n"), plain);
  assert.ok(plain.includes("    fork: pictl session fork 01a1 --at 67591047\n"), plain);
  const hostile = hits({ sessionId: "a; rm -rf ~", forkAt: "$(id)" });
  assert.ok(hostile.includes("pictl prompt -s 'a; rm -rf ~' …\n"), hostile);
  assert.ok(hostile.includes("pictl session fork 'a; rm -rf ~' --at '$(id)'\n"), hostile);
});

test("no id in a session file commands the terminal", async () => {
  const id = "\u001b]0;title\u0007\u001b[2Jid\u009b1m\nline";
  const session = { ...SESSION, sessionId: id };
  const entry: HistoryEntry = { entryId: id, kind: "user", time: 0, branch: "active", text: "text" };
  for (const shown of [
    hits({ sessionId: id, entryId: id, forkAt: id, copies: [{ ...SESSION, sessionId: id }] }),
    await renderHistoryList([session], { colors, width: 100, directories: true }),
    renderHistorySession({ session, entries: [entry], truncated: false }, { colors, width: 100 }),
  ]) {
    assert.doesNotMatch(shown.replaceAll("\n", ""), /\p{Cc}/u);
    assert.doesNotMatch(shown, /^line/m);
  }
});
