import type { TranscriptMessage } from "../../protocol/transcript.ts";
import { sanitize } from "../render/text-width.ts";
import type { Block, ToolBlock } from "./blocks.ts";

/** A screen or two of what was said last: enough to remember by, and quick to draw. */
const MAX_EXCHANGES = 4;
const MAX_MESSAGES = 40;

/** The end of a saved conversation, and how many messages came before it. */
export interface RecentBlocks {
  blocks: Block[];
  earlier: number;
}

/** The last few exchanges of a session, as blocks. */
export function recentBlocks(messages: readonly TranscriptMessage[]): RecentBlocks {
  const first = firstShown(messages);
  return { blocks: blocksOf(messages.slice(first)), earlier: first };
}

/** Begins with a message of the user, so that no answer stands there without its question. */
function firstShown(messages: readonly TranscriptMessage[]): number {
  const users = messages.flatMap(({ role }, index) => (role === "user" ? [index] : []));
  const within = users.filter((index) => messages.length - index <= MAX_MESSAGES);
  return within.at(-MAX_EXCHANGES) ?? within[0] ?? Math.max(0, messages.length - MAX_MESSAGES);
}

function blocksOf(messages: readonly TranscriptMessage[]): Block[] {
  const blocks: Block[] = [];
  const tools = new Map<string, ToolBlock>();
  for (const message of messages) {
    for (const block of blocksOfMessage(message, tools)) blocks.push(block);
  }
  return blocks;
}

function blocksOfMessage(message: TranscriptMessage, tools: Map<string, ToolBlock>): Block[] {
  const text = sanitize(message.text);
  switch (message.role) {
    case "user":
      return [{ kind: "user", revision: 0, text, images: message.images ?? 0 }];
    case "assistant":
      return fromAssistant(message, text, tools);
    case "tool": {
      const call = tools.get(message.toolCallId ?? "");
      const result = { output: text, state: message.isError ? ("failed" as const) : ("completed" as const) };
      if (call === undefined) return [toolBlock({ id: "", name: message.toolName ?? "tool", ...result })];
      Object.assign(call, result);
      return [];
    }
    case "bash":
      return [
        {
          kind: "shell",
          revision: 0,
          command: sanitize(message.command ?? ""),
          output: text,
          open: false,
          ...(message.exitCode === undefined ? {} : { exitCode: message.exitCode }),
        },
      ];
    case "summary":
      return [{ kind: "notice", revision: 0, level: "quiet", text: "Earlier messages were summarized" }];
    case "custom":
      return [{ kind: "custom", revision: 0, text, thinking: "", open: false, cut: false }];
  }
}

function fromAssistant(message: TranscriptMessage, text: string, tools: Map<string, ToolBlock>): Block[] {
  const thinking = sanitize(message.thinking ?? "");
  const blocks: Block[] = [];
  if (text.trim() !== "" || thinking.trim() !== "") {
    blocks.push({ kind: "assistant", revision: 0, text, thinking, open: false, cut: false });
  }
  for (const { id, name, args } of message.toolCalls ?? []) {
    const block = toolBlock({ id, name, args, state: "cut" });
    tools.set(id, block);
    blocks.push(block);
  }
  if (message.errorMessage !== undefined) {
    const level = message.stopReason === "aborted" ? "quiet" : "error";
    blocks.push({ kind: "notice", revision: 0, level, text: sanitize(message.errorMessage) });
  }
  return blocks;
}

/** A tool call with what is known of it. */
export function toolBlock(known: Pick<ToolBlock, "id" | "name"> & Partial<ToolBlock>): ToolBlock {
  return {
    kind: "tool",
    revision: 0,
    args: undefined,
    state: "running",
    output: "",
    ...known,
    name: sanitize(known.name),
  };
}
