import type { StreamRecord } from "../../protocol/stream.ts";
import { PieceSanitizer, sanitize } from "../render/text-width.ts";
import type { AssistantBlock, Block, NoticeLevel, ShellBlock, ToolBlock, UserBlock } from "./blocks.ts";
import { toolBlock } from "./transcript-blocks.ts";

type RecordOf<T extends StreamRecord["type"]> = Extract<StreamRecord, { type: T }>;

/** The blocks of a conversation in order, and how records become, change and end them. */
export class BlockList {
  readonly blocks: Block[] = [];
  /** Joined while something was being said, so that the next piece is not the beginning of it. */
  #midway = false;
  #pieces = { text: new PieceSanitizer(), thinking: new PieceSanitizer(), shell: new PieceSanitizer() };

  get openShell(): ShellBlock | undefined {
    return this.blocks.findLast((block): block is ShellBlock => block.kind === "shell" && block.open);
  }

  /** What was said before; `working` when the turn that said the last of it still runs. */
  load(blocks: readonly Block[], working: boolean): void {
    this.blocks.push(...blocks);
    this.#midway = working;
    if (working) for (const block of this.#tools()) if (block.state === "cut") block.state = "running";
  }

  /** Shows a message at once that was sent from here; the agent's own record of it takes its place. */
  addPending(turnId: string, text: string): void {
    this.blocks.push({ kind: "user", revision: 0, text: sanitize(text), images: 0, pending: turnId });
  }

  /** The message was not taken. */
  dropPending(turnId: string): void {
    const index = this.blocks.findIndex((block) => block.kind === "user" && block.pending === turnId);
    if (index !== -1) this.blocks.splice(index, 1);
  }

  /** Something that is to be seen and that nobody said. */
  notice(level: NoticeLevel, text: string): void {
    this.#closeAssistant();
    const last = this.blocks.at(-1);
    const safe = sanitize(text);
    // Two ways to learn of one thing, such as a failed turn's error.
    if (last?.kind === "notice" && last.text === safe) return;
    this.blocks.push({ kind: "notice", revision: 0, level, text: safe });
  }

  startShell(command: string): ShellBlock {
    const safe = sanitize(command);
    const block: ShellBlock = { kind: "shell", revision: 0, command: safe, output: "", open: true };
    this.blocks.push(block);
    this.#pieces.shell = new PieceSanitizer();
    return block;
  }

  addShell(piece: string): void {
    // Somebody else's command: what it was isn't told.
    const block = this.openShell ?? this.startShell("");
    block.output += this.#pieces.shell.next(piece);
    block.revision++;
  }

  endShell(block: ShellBlock, result: { output?: string | undefined; exitCode?: number | undefined }): void {
    block.open = false;
    // The result is whole, and comes also where the pieces were missed.
    if (result.output !== undefined) block.output = sanitize(result.output);
    if (result.exitCode !== undefined) block.exitCode = result.exitCode;
    block.revision++;
  }

  /** A piece of what the assistant says or thinks. */
  add(part: "text" | "thinking", piece: string): void {
    const block = this.#openAssistant() ?? this.#newAssistant();
    block[part] += this.#pieces[part].next(piece);
    block.revision++;
  }

  /** @param turnId the running turn, to which a message belongs that is worded differently from what was typed */
  addMessage(record: RecordOf<"message">, turnId: string | undefined): void {
    const text = sanitize(record.text);
    if (record.role === "assistant") {
      const block = this.#openAssistant() ?? this.#newAssistant();
      block.text = text;
      block.thinking = sanitize(record.thinking ?? "");
      block.cut = false;
      this.#closeAssistant();
      return;
    }
    this.#closeAssistant();
    if (record.role === "user") this.#addUserMessage(text, record.images ?? 0, turnId);
    else this.blocks.push({ kind: "custom", revision: 0, text, thinking: "", open: false, cut: false });
  }

  addTool(record: RecordOf<"tool">): void {
    const known = this.#tools().findLast(({ id }) => id === record.id);
    const began = record.state === "started";
    // An agent may count its calls anew in each turn.
    const block = known === undefined || (began && known.state !== "running") ? this.#newTool(record) : known;
    block.state = record.state === "started" ? "running" : record.state;
    if (record.output !== undefined) block.output = sanitize(record.output);
    block.revision++;
  }

  endTurn(turnId: string): void {
    this.#closeAssistant();
    for (const block of this.blocks) {
      // Taken by an extension's command, which says nothing of it.
      if (block.kind === "user" && block.pending === turnId) delete block.pending;
      else if (block.kind === "tool" && block.state === "running") block.state = "cut";
      else continue;
      block.revision++;
    }
    this.#midway = false;
  }

  #openAssistant(): AssistantBlock | undefined {
    const last = this.blocks.findLast((block) => block.kind === "assistant");
    return last?.kind === "assistant" && last.open ? last : undefined;
  }

  #newAssistant(): AssistantBlock {
    const [kind, cut] = ["assistant" as const, this.#midway];
    const block: AssistantBlock = { kind, revision: 0, text: "", thinking: "", open: true, cut };
    this.#midway = false;
    this.#pieces = { ...this.#pieces, text: new PieceSanitizer(), thinking: new PieceSanitizer() };
    this.blocks.push(block);
    return block;
  }

  #closeAssistant(): void {
    const open = this.#openAssistant();
    if (open === undefined) return;
    open.open = false;
    open.revision++;
    const empty = open.text.trim() === "" && open.thinking.trim() === "";
    if (empty) this.blocks.splice(this.blocks.indexOf(open), 1);
  }

  /** A template or a skill is longer than what was typed for it: what was typed stays. */
  #addUserMessage(text: string, images: number, turnId: string | undefined): void {
    const pending = this.blocks.filter(
      (block): block is UserBlock => block.kind === "user" && block.pending !== undefined,
    );
    const own =
      pending.find((block) => block.text === text) ?? pending.find((block) => block.pending === turnId);
    if (own === undefined) {
      this.blocks.push({ kind: "user", revision: 0, text, images });
      return;
    }
    this.blocks.splice(this.blocks.indexOf(own), 1);
    delete own.pending;
    own.images = images;
    own.revision++;
    this.blocks.push(own);
  }

  #tools(): ToolBlock[] {
    return this.blocks.filter((block): block is ToolBlock => block.kind === "tool");
  }

  #newTool({ id, name, args }: RecordOf<"tool">): ToolBlock {
    this.#closeAssistant();
    const block = toolBlock({ id, name, args });
    this.blocks.push(block);
    return block;
  }
}
