import { type Component, Markdown, truncateToWidth, wrapTextWithAnsi } from "@earendil-works/pi-tui";
import type { AssistantBlock, Block, NoticeBlock, ShellBlock, ToolBlock, UserBlock } from "./blocks.ts";
import type { Theme } from "./theme.ts";
import { describeArguments, summarizeArguments, summarizeOutput } from "./tool-summary.ts";

/** What is unfolded, for all blocks at once. */
export interface Folds {
  tools: boolean;
  thinking: boolean;
}

/** A pasted or attached file in a message. */
const MAX_USER_LINES = 30;
/** Of a shell command's output while it is folded. */
const MAX_SHELL_LINES = 15;
/** Unfolded, a tool's output still has to leave room for the rest of the conversation. */
const MAX_OUTPUT_LINES = 200;

/** Draws one block, and draws it again only when it, the width or the folds have changed. */
export class BlockView implements Component {
  readonly #block: Block;
  readonly #theme: Theme;
  readonly #folds: Folds;
  readonly #markdown: Markdown;
  #drawn: { key: string; lines: string[] } | undefined;

  constructor(block: Block, theme: Theme, folds: Folds) {
    this.#block = block;
    this.#theme = theme;
    this.#folds = folds;
    this.#markdown = new Markdown("", 0, 0, theme.markdown);
  }

  invalidate(): void {
    this.#drawn = undefined;
    this.#markdown.invalidate();
  }

  render(width: number): string[] {
    const { tools, thinking } = this.#folds;
    const pending = this.#block.kind === "user" && this.#block.pending !== undefined;
    const key = `${this.#block.revision} ${width} ${tools} ${thinking} ${pending}`;
    if (this.#drawn?.key !== key) this.#drawn = { key, lines: this.#draw(width) };
    return this.#drawn.lines;
  }

  #draw(width: number): string[] {
    const block = this.#block;
    switch (block.kind) {
      case "user":
        return this.#user(block, width);
      case "assistant":
      case "custom":
        return this.#assistant(block, width);
      case "tool":
        return this.#tool(block, width);
      case "shell":
        return this.#shell(block, width);
      case "notice":
        return this.#notice(block, width);
    }
  }

  #user({ text, images, pending }: UserBlock, width: number): string[] {
    const { accent, bold, dim } = this.#theme;
    const pictures = images === 0 ? "" : `\n[${images === 1 ? "a picture" : `${images} pictures`}]`;
    const lines = headOf(text.trimEnd() + pictures, MAX_USER_LINES);
    const style = pending === undefined ? bold : dim;
    return ["", ...prefixed(lines.join("\n"), width, accent("› "), style)];
  }

  #assistant({ text, thinking, open, cut }: AssistantBlock, width: number): string[] {
    const lines = [""];
    if (thinking.trim() !== "") lines.push(...this.#thinking(thinking.trim(), open && text === "", width));
    if (text.trim() === "") return lines;
    if (lines.length > 1) lines.push("");
    this.#markdown.setText(cut ? `…${text}` : text);
    return [...lines, ...this.#markdown.render(width)];
  }

  #thinking(thinking: string, running: boolean, width: number): string[] {
    const { dim } = this.#theme;
    if (this.#folds.thinking) return prefixed(thinking, width, dim("│ "), dim, dim("│ "));
    // While it thinks the last line says most, afterwards the first.
    const said = thinking.split("\n").filter((line) => line.trim() !== "");
    const line = (running ? said.at(-1) : said[0]) ?? "";
    return [dim(truncateToWidth(`${running ? "Thinking" : "Thought"}: ${line}`, width, "…"))];
  }

  #tool({ name, args, state, output }: ToolBlock, width: number): string[] {
    const { accent, success, error, bold, dim } = this.#theme;
    const signs = { running: accent("•"), completed: success("✓"), failed: error("✗"), cut: dim("–") };
    const failure = state === "failed" ? (output.trim().split("\n").at(-1) ?? "") : summarizeOutput(output);
    const end = failure === "" ? "" : dim(` · ${failure}`);
    const head = `${signs[state]} ${bold(name)} ${summarizeArguments(args)}`;
    if (!this.#folds.tools) return [truncateToWidth(fitted(head, end, width), width, "…")];
    const rest = output.trim() === "" ? [] : tailOf(output.trimEnd(), MAX_OUTPUT_LINES);
    return [
      truncateToWidth(head, width, "…"),
      ...describeArguments(args).flatMap((line) => prefixed(line, width, "    ", dim)),
      ...rest.flatMap((line) => prefixed(line, width, dim("  │ "), dim, dim("  │ "))),
    ];
  }

  #shell({ command, output, open, exitCode }: ShellBlock, width: number): string[] {
    const { accent, bold, dim, error } = this.#theme;
    const max = this.#folds.tools ? MAX_OUTPUT_LINES : MAX_SHELL_LINES;
    const lines = output.trimEnd() === "" ? [] : tailOf(output.trimEnd(), max);
    const failed = !open && exitCode !== undefined && exitCode !== 0;
    return [
      "",
      ...prefixed(command ?? "", width, accent("$ "), bold),
      ...lines.flatMap((line) => prefixed(line, width, "  ", dim)),
      ...(failed ? [truncateToWidth(error(`  exit code ${exitCode}`), width, "…")] : []),
    ];
  }

  #notice({ level, text }: NoticeBlock, width: number): string[] {
    const { dim, error, warning } = this.#theme;
    switch (level) {
      case "error":
        return prefixed(text, width, error("✗ "), error);
      case "warning":
        return prefixed(text, width, warning("! "), warning);
      case "info":
        return prefixed(text, width, dim("· "));
      case "quiet":
        return prefixed(text, width, dim("· "), dim);
      case "help":
        return ["", ...text.split("\n").flatMap((line) => prefixed(line, width, "  "))];
    }
  }
}

/** Wrapped lines with a prefix of some columns before the first, and as many spaces (or `rest`) before the others. */
function prefixed(
  text: string,
  width: number,
  first: string,
  style: (text: string) => string = (plain) => plain,
  rest?: string,
): string[] {
  const columns = stripLength(first);
  const lines = text.split("\n").flatMap((line) => wrapTextWithAnsi(line, Math.max(1, width - columns)));
  const indent = rest ?? " ".repeat(columns);
  return lines.map((line, index) => (index === 0 ? first : indent) + (line === "" ? "" : style(line)));
}

/** Our prefixes are of single-column characters. */
function stripLength(prefix: string): number {
  return [...prefix.replace(new RegExp(`${"\u001b"}\\[[0-9;]*m`, "g"), "")].length;
}

/** A line that keeps its end: the middle gives way. */
function fitted(head: string, end: string, width: number): string {
  return truncateToWidth(head, Math.max(10, width - stripLength(end)), "…") + end;
}

function headOf(text: string, max: number): string[] {
  const lines = text.split("\n");
  return lines.length <= max ? lines : [...lines.slice(0, max), `… ${lines.length - max} more lines`];
}

function tailOf(text: string, max: number): string[] {
  const lines = text.replace(/\n{3,}/g, "\n\n").split("\n");
  return lines.length <= max ? lines : [`… ${lines.length - max} lines before`, ...lines.slice(-max)];
}
