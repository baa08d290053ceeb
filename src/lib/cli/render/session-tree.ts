import { asString } from "../../core/session-files/json.ts";
import type { PiEntry, PiTreeNode } from "../pi-data.ts";
import type { Colors } from "./color.ts";
import { widthOfText } from "./columns.ts";
import { describeEntry, MAX_ENTRY_COLUMNS, oneLine } from "./entry-line.ts";
import { readEntry } from "./pi-entries.ts";
import { clip } from "./text-width.ts";

export interface TreeOptions {
  /** The entry that the session is at. */
  leafId: string | null;
  /** Every entry, not only what was said. */
  all: boolean;
  colors: Colors;
  /** Columns of the terminal; undefined: texts are cut at a length that still says something. */
  width: number | undefined;
}

/** An entry that is shown, with those of its descendants that are shown next. */
interface ShownNode {
  entry: PiEntry;
  label: string | undefined;
  /** On the way from the root to where the session is. */
  active: boolean;
  /** The last of those. */
  here: boolean;
  children: ShownNode[];
}

/** Narrower than this a text says nothing: deep in a narrow terminal, lines are wrapped by it instead. */
const MIN_TEXT_COLUMNS = 16;

/**
 * A session's entries as a tree: a line each, indented only where the conversation branches, so that a long
 * conversation stays at the margin.
 *
 * @param roots of pi's `get_tree`
 */
export function renderTree(roots: readonly PiTreeNode[], options: TreeOptions): string {
  const shown = shownNodes(roots, options);
  const lines: string[] = [];
  drawSiblings(shown, "", (prefix, node) => lines.push(lineOf(prefix, node, options)));
  return lines.map((line) => `${line}\n`).join("");
}

function drawSiblings(
  siblings: readonly ShownNode[],
  prefix: string,
  draw: (prefix: string, node: ShownNode) => void,
): void {
  // Recursion only where it branches: a chain can be longer than a stack.
  let chain = siblings;
  while (chain.length === 1) {
    for (const node of chain) draw(prefix, node);
    chain = chain[0]?.children ?? [];
  }
  for (const [index, node] of chain.entries()) {
    const isLast = index === chain.length - 1;
    draw(`${prefix}${isLast ? "└─ " : "├─ "}`, node);
    drawSiblings(node.children, `${prefix}${isLast ? "   " : "│  "}`, draw);
  }
}

function lineOf(
  prefix: string,
  { entry, label, active, here }: ShownNode,
  { colors, width }: TreeOptions,
): string {
  const { kind, text } = describeEntry(entry);
  const mark = active ? colors.green("*") : " ";
  const id = colors.dim(entry.id);
  const name = active ? colors.bold(kind) : kind;
  const tag = label === undefined ? "" : ` ${colors.yellow(`[${oneLine(label)}]`)}`;
  const end = here ? ` ${colors.green("← here")}` : "";
  const head = `${colors.dim(prefix)}${mark} ${id} ${name}${tag}`;
  const left = width === undefined ? MAX_ENTRY_COLUMNS : width - widthOfText(head) - widthOfText(end) - 2;
  const shown = text === "" ? "" : `: ${clip(text, Math.max(MIN_TEXT_COLUMNS, left))}`;
  return `${head}${shown}${end}`;
}

/** The forest of shown entries: what isn't shown leaves its children to the nearest shown entry above it. */
function shownNodes(roots: readonly PiTreeNode[], { leafId, all }: TreeOptions): ShownNode[] {
  const top: ShownNode[] = [];
  const parents = new Map<string, string | null>();
  const byId = new Map<string, ShownNode>();
  const pending = [...roots]
    .reverse()
    .map((node) => ({ node, siblings: top, parent: null as string | null }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, siblings, parent } = next;
    const entry = readEntry(node.entry);
    parents.set(entry.id, parent);
    let below = siblings;
    const label = asString(node.label);
    if (all || label !== undefined || isSaid(entry)) {
      const shown: ShownNode = {
        entry,
        label,
        active: false,
        here: false,
        children: [],
      };
      siblings.push(shown);
      byId.set(entry.id, shown);
      below = shown.children;
    }
    for (const child of [...node.children].reverse()) {
      pending.push({ node: child, siblings: below, parent: entry.id });
    }
  }
  let isNearest = true;
  for (let id: string | null = leafId; id !== null; id = parents.get(id) ?? null) {
    const node = byId.get(id);
    if (node === undefined) continue;
    node.active = true;
    node.here = isNearest;
    isNearest = false;
  }
  return top;
}

/** What one of the two said, and the summaries that stand for it. */
function isSaid({ type, message }: PiEntry): boolean {
  if (type === "message") return message?.role === "user" || message?.role === "assistant";
  return type === "compaction" || type === "branch_summary";
}
