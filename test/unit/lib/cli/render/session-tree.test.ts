import assert from "node:assert/strict";
import { test } from "node:test";
import type { PiEntry, PiTreeNode } from "../../../../../src/lib/cli/pi-data.ts";
import { plainColors } from "../../../../../src/lib/cli/render/color.ts";
import { widthOfText } from "../../../../../src/lib/cli/render/columns.ts";
import { renderTree, type TreeOptions } from "../../../../../src/lib/cli/render/session-tree.ts";

const options: TreeOptions = { leafId: null, all: false, colors: plainColors(), width: undefined };

function node(entry: Partial<PiEntry> & { id: string }, ...children: PiTreeNode[]): PiTreeNode {
  return { entry: { type: "message", ...entry }, children };
}
const says = (role: string, id: string, text: string, ...children: PiTreeNode[]) =>
  node({ id, message: { role, content: [{ type: "text", text }] } }, ...children);
const user = says.bind(undefined, "user");
const assistant = says.bind(undefined, "assistant");
const model = (id: string, ...children: PiTreeNode[]) =>
  node({ id, type: "model_change", provider: "acme", modelId: "m" }, ...children);

const lines = (roots: PiTreeNode[], more: Partial<TreeOptions> = {}) =>
  renderTree(roots, { ...options, ...more })
    .split("\n")
    .slice(0, -1);

test("a conversation without branches stays at the margin", () => {
  const tree = [user("u1", "one", assistant("a1", "two", user("u2", "three")))];
  assert.deepEqual(lines(tree, { leafId: "a1" }), [
    "* u1 user: one",
    "* a1 assistant: two ← here",
    "  u2 user: three",
  ]);
});

test("branches are indented, the active one marked to where the session is", () => {
  const tree = [
    user(
      "u1",
      "one",
      assistant(
        "a1",
        "two",
        user("u2", "left", assistant("a2", "ok", user("u4", "x"), user("u5", "y"))),
        user("u3", "right", assistant("a3", "fine")),
      ),
    ),
  ];
  assert.deepEqual(lines(tree, { leafId: "u5" }), [
    "* u1 user: one",
    "* a1 assistant: two",
    "├─ * u2 user: left",
    "│  * a2 assistant: ok",
    "│  ├─   u4 user: x",
    "│  └─ * u5 user: y ← here",
    "└─   u3 user: right",
    "     a3 assistant: fine",
  ]);
});

test("several roots are branches of nothing", () => {
  assert.deepEqual(lines([user("u1", "one"), user("u2", "two")], { leafId: "u2" }), [
    "├─   u1 user: one",
    "└─ * u2 user: two ← here",
  ]);
});

test("what isn't shown hands its children up, and where the session is to what stands above it", () => {
  const tree = [model("m1", user("u1", "one", model("m2", assistant("a1", "x"), model("m3"))))];
  assert.deepEqual(lines(tree, { leafId: "m3" }), ["* u1 user: one ← here", "  a1 assistant: x"]);
  assert.deepEqual(lines(tree, { leafId: "m3", all: true }), [
    "* m1 model: acme/m",
    "* u1 user: one",
    "* m2 model: acme/m",
    "├─   a1 assistant: x",
    "└─ * m3 model: acme/m ← here",
  ]);
});

test("a labelled entry is always shown, with its label", () => {
  const labelled: PiTreeNode = { ...model("m1"), label: "before\n\u001b[2Jit" };
  assert.deepEqual(lines([labelled]), ["  m1 model [before it]: acme/m"]);
});

test("summaries, tool calls and errors say what they are", () => {
  const call = { role: "assistant", content: [{ type: "toolCall", name: "bash" }] };
  const failed = { role: "assistant", content: [], stopReason: "error", errorMessage: "too much" };
  const tree = [
    node(
      { id: "c1", type: "compaction", summary: "so far" },
      node(
        { id: "b1", type: "branch_summary", summary: "over there" },
        node({ id: "a1", message: call }, node({ id: "a2", message: failed })),
      ),
    ),
  ];
  assert.deepEqual(lines(tree), [
    "  c1 compaction: so far",
    "  b1 summary: over there",
    "  a1 assistant: → bash",
    "  a2 assistant: (too much)",
  ]);
});

test("texts are one line, without escape sequences, and fit the terminal", () => {
  const tree = [
    user("u1", "one\n\u001b[31mtwo\u0007 日本語日本語日本語日本語日本語", user("u2", "x".repeat(200))),
  ];
  for (const width of [40, 55]) {
    const [first = "", second = ""] = lines(tree, { width, leafId: "u1" });
    assert.ok(widthOfText(first) <= width && widthOfText(second) <= width, first + second);
    assert.match(first, /^\* u1 user: one two 日.*… ← here$/);
    assert.match(second, /x…$/);
  }
});

test("a conversation of many thousand entries is drawn", () => {
  let tree = user("u0", "last");
  for (let index = 1; index < 50_000; index++) tree = user(`u${index}`, "x", tree);
  assert.equal(lines([tree]).length, 50_000);
});

test("ids are told whole: other commands take them as they are", () => {
  const id = "0199aaaa-0000-7000-8000-000000000001";
  assert.deepEqual(lines([user(id, "x")]), [`  ${id} user: x`]);
});
