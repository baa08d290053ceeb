import assert from "node:assert/strict";
import { test } from "node:test";
import type { PiEntry, PiMessage } from "../../../../../src/lib/cli/pi-data.ts";
import { plainColors } from "../../../../../src/lib/cli/render/color.ts";
import { widthOfText } from "../../../../../src/lib/cli/render/columns.ts";
import { renderEntries } from "../../../../../src/lib/cli/render/entries.ts";
import { describeEntry } from "../../../../../src/lib/cli/render/entry-line.ts";

import { renderMessages } from "../../../../../src/lib/cli/render/pi-messages.ts";
import { renderTree } from "../../../../../src/lib/cli/render/session-tree.ts";

const options = { leafId: "b", colors: plainColors(), width: undefined };
const text = (content: string) => [{ type: "text", text: content }];

test("entries stand one a line in columns, the last one that counts is marked", () => {
  const entries: PiEntry[] = [
    { type: "thinking_level_change", id: "a", timestamp: "2026-11-21T04:50:00", thinkingLevel: "high" },
    {
      type: "message",
      id: "b",
      timestamp: "2026-11-21T04:50:01",
      message: { role: "user", content: "hi\nyou" },
    },
    { type: "message", id: "cc", message: { role: "system", content: "" } },
  ];
  assert.equal(
    renderEntries(entries, options),
    `   a   2026-11-21 04:50:00  thinking  high
*  b   2026-11-21 04:50:01  user      hi you
   cc  -                    system
`,
  );
  assert.equal(renderEntries([], options), "");
});

test("lines fit the terminal", () => {
  const entries: PiEntry[] = [{ type: "compaction", id: "a", summary: "語".repeat(100) }];
  const [line = ""] = renderEntries(entries, { ...options, width: 50 }).split("\n");
  assert.ok(widthOfText(line) <= 50 && line.endsWith("語…"), line);
});

test("each kind of entry tells what it holds", () => {
  const described = (entry: Partial<PiEntry>) => {
    const { kind, text } = describeEntry({ type: "message", id: "e", ...entry });
    return `${kind}: ${text}`;
  };
  assert.equal(described({ type: "model_change", provider: "acme", modelId: "m" }), "model: acme/m");
  assert.equal(described({ type: "label", label: "x", targetId: "a1" }), "label: x on a1");
  assert.equal(described({ type: "label", targetId: "a1" }), "label: (removed) on a1");
  assert.equal(described({ type: "session_info", name: "talk" }), "name: talk");
  assert.equal(described({ type: "custom", customType: "todo" }), "todo: ");
  assert.equal(described({ type: "custom_message", customType: "todo", content: text("buy") }), "todo: buy");
  assert.equal(described({ type: "usage", kind: "cache_warm" }), "usage: cache_warm");
  assert.equal(described({ type: "of_a_newer_pi" }), "of_a_newer_pi: ");
  assert.equal(
    described({ message: { role: "toolResult", toolName: "bash", isError: true, content: text("no") } }),
    "tool: bash failed: no",
  );
  assert.equal(described({ message: { role: "bashExecution", command: "ls\n-la" } }), "shell: $ ls -la");
  assert.equal(
    described({ message: { role: "assistant", content: [], stopReason: "aborted" } }),
    "assistant: (aborted)",
  );
  assert.equal(described({ message: { role: "user", content: "\u001b]0;x\u0007hi" } }), "user: hi");
});

test("what isn't as pi writes it is left out, whatever is in the session's file", () => {
  const values = [null, 7, 1e308, true, "text", [], [null, 7, { type: 3, text: {} }], { type: "text" }];
  const types = ["message", "compaction", "model_change", "label", "session_info", "custom", "odd", 5, null];
  const roles = ["assistant", "toolResult", "bashExecution", "compactionSummary", "system", "odd", 5, null];
  for (const value of values) {
    const names = ["content", "timestamp", "provider", "modelId", "name", "summary", "label", "exitCode"];
    const fields = Object.fromEntries(names.map((name) => [name, value]));
    const entries = types.flatMap((type) =>
      roles.map((role) => ({ ...fields, type, id: value, message: { ...fields, role, sections: value } })),
    ) as unknown as PiEntry[];
    assert.equal(renderEntries(entries, options).split("\n").length, entries.length + 1);
    const messages = entries.map(({ message }) => message as PiMessage);
    assert.ok(renderMessages(messages, { colors: plainColors(), width: undefined }) !== undefined);
    const tree = entries.map((entry) => ({ entry, children: [], label: value as unknown as string }));
    assert.ok(renderTree(tree, { ...options, all: true }).includes("\n"));
  }
});
