import { type Component, truncateToWidth } from "@earendil-works/pi-tui";
import { sanitize } from "../render/text-width.ts";
import { BlockView, type Folds } from "./block-view.ts";
import type { Block } from "./blocks.ts";
import type { Talk } from "./talk.ts";
import type { Theme } from "./theme.ts";

/** All that was said, from the first block that is kept to what is being said now. */
export class ConversationView implements Component {
  readonly folds: Folds = { tools: false, thinking: false };
  readonly #talk: Talk;
  readonly #theme: Theme;
  #views = new WeakMap<Block, BlockView>();

  constructor(talk: Talk, theme: Theme) {
    this.#talk = talk;
    this.#theme = theme;
  }

  invalidate(): void {
    this.#views = new WeakMap();
  }

  render(width: number): string[] {
    const { blocks, earlier, info } = this.#talk.conversation;
    const { dim } = this.#theme;
    const lines: string[] = [];
    const title = info === undefined ? "A new session begins with your first message." : sessionTitle(info);
    lines.push(dim(truncateToWidth(`${title} · /help`, width, "…")));
    if (earlier > 0) {
      const what = earlier === 1 ? "1 earlier message" : `${earlier} earlier messages`;
      lines.push(dim(truncateToWidth(`… ${what} (pictl session show --messages)`, width, "…")));
    }
    let previous: Block | undefined;
    for (const block of blocks) {
      // Tools and notices stand together; they begin a paragraph after anything else.
      const small = block.kind === "tool" || block.kind === "notice";
      if (small && previous?.kind !== "tool" && previous?.kind !== "notice") lines.push("");
      for (const line of this.#view(block).render(width)) lines.push(line);
      previous = block;
    }
    return lines;
  }

  #view(block: Block): BlockView {
    let view = this.#views.get(block);
    if (view === undefined) {
      view = new BlockView(block, this.#theme, this.folds);
      this.#views.set(block, view);
    }
    return view;
  }
}

function sessionTitle({ id, name }: { id: string; name?: string | undefined }): string {
  return name === undefined ? `Session ${id.slice(0, 8)}` : `Session ${sanitize(name)} (${id.slice(0, 8)})`;
}
