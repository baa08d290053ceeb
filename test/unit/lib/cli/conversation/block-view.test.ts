import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { visibleWidth } from "@earendil-works/pi-tui";
import { BlockView, type Folds } from "../../../../../src/lib/cli/conversation/block-view.ts";
import type { Block } from "../../../../../src/lib/cli/conversation/blocks.ts";
import { createTheme } from "../../../../../src/lib/cli/conversation/theme.ts";

const plain = createTheme(0);
const folded: Folds = { tools: false, thinking: false };
const unfolded: Folds = { tools: true, thinking: true };

function draw(block: Block, folds = folded, width = 40): string[] {
  return new BlockView(block, plain, folds)
    .render(width)
    .map((line) => stripVTControlCharacters(line).trimEnd());
}

const tool: Block = {
  kind: "tool",
  revision: 0,
  id: "c1",
  name: "bash",
  args: { command: "wc -l \u001b[31mnotes.txt\nand more" },
  state: "completed",
  output: "1\n2\n3\n",
};

describe("BlockView", () => {
  test("a tool is one line that unfolds", () => {
    assert.deepEqual(draw(tool), ["✓ bash wc -l notes.txt and mo… · 3 lines"]);
    assert.deepEqual(draw(tool, unfolded), [
      "✓ bash wc -l notes.txt and more",
      "    command:",
      "      wc -l notes.txt",
      "      and more",
      "  │ 1",
      "  │ 2",
      "  │ 3",
    ]);
  });

  test("a failed tool says why without being unfolded", () => {
    const failed: Block = {
      ...tool,
      args: { path: "x" },
      name: "read",
      state: "failed",
      output: "no such file",
    };
    assert.deepEqual(draw(failed), ["✗ read x · no such file"]);
  });

  test("thinking is one line that unfolds", () => {
    const block: Block = {
      kind: "assistant",
      revision: 0,
      thinking: "First.\nThen.",
      text: "Done.",
      open: false,
      cut: false,
    };
    assert.deepEqual(draw(block), ["", "Thought: First.", "", "Done."]);
    assert.deepEqual(draw({ ...block, text: "", open: true }), ["", "Thinking: Then."]);
    assert.deepEqual(draw(block, unfolded), ["", "│ First.", "│ Then.", "", "Done."]);
  });

  test("Markdown is rendered, and without colour it is text alone", () => {
    const text = "# Title\n\n- **bold** `code`\n\n| a | b |\n|---|---|\n| 1 | 日本 |";
    const block: Block = { kind: "assistant", revision: 0, thinking: "", text, open: false, cut: false };
    const lines = draw(block);
    assert.ok(lines.includes("Title") && lines.includes("- bold code"), lines.join("\n"));
    assert.ok(
      lines.some((line) => line.includes("│ 1")),
      lines.join("\n"),
    );
    const raw = new BlockView(block, plain, folded).render(40).join("");
    assert.ok(!raw.replaceAll("\u001b[0m", "").includes("\u001b"), JSON.stringify(raw));
  });

  test("a long message of the user is cut in the middle of nothing", () => {
    const text = Array.from({ length: 50 }, (_, n) => `line ${n}`).join("\n");
    const lines = draw({ kind: "user", revision: 0, text, images: 2 });
    assert.equal(lines[1], "› line 0");
    assert.equal(lines.at(-1), "  … 21 more lines");
  });

  test("a change is drawn, and only a change", () => {
    const block: Block = { kind: "user", revision: 0, text: "a", images: 0 };
    const view = new BlockView(block, plain, folded);
    const first = view.render(40);
    assert.equal(view.render(40), first);
    block.text = "b";
    block.revision++;
    assert.deepEqual(view.render(40), ["", "› b"]);
  });

  test("no line is wider than the screen, whatever is in it", () => {
    const text = `日本語のとても長い文章🎉👨‍👩‍👧‍👦 ${"x".repeat(90)} \`code ${"y".repeat(70)}\``;
    const blocks: Block[] = [
      { kind: "user", revision: 0, text, images: 1 },
      {
        kind: "assistant",
        revision: 0,
        text: `# ${text}\n\n- ${text}\n\n> ${text}`,
        thinking: text,
        open: true,
        cut: true,
      },
      { ...tool, args: { command: text, other: { nested: text } }, output: text, name: "n".repeat(50) },
      { kind: "shell", revision: 0, command: text, output: text, open: false, exitCode: 1 },
      { kind: "notice", revision: 0, level: "error", text },
      { kind: "notice", revision: 0, level: "help", text },
    ];
    for (const theme of [plain, createTheme(1)]) {
      for (const folds of [folded, unfolded]) {
        for (const width of [12, 20, 59, 60, 80, 133]) {
          for (const block of blocks) {
            for (const line of new BlockView(block, theme, folds).render(width)) {
              assert.ok(
                visibleWidth(line) <= width,
                `${block.kind} at ${width}: ${visibleWidth(line)} ${line}`,
              );
            }
          }
        }
      }
    }
  });
});
