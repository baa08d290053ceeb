import { asObject, contentBlocks, contentText, type JsonObject } from "../core/session-files/json.ts";
import type { Command } from "./commands.ts";
import { activeBranch, type readEntries } from "./files/entries.ts";
import type { SessionSummary } from "./files/summary.ts";

type Entries = ReturnType<typeof readEntries>["entries"];

/**
 * What pi would answer to one of its reading commands, from the session's file: for a session in whose directory no pi
 * can be started (pi's docs/rpc-commands.md). `summary` is that of the same file.
 *
 * @returns undefined for a command that needs an agent
 */
export function answerFromFile(
  { type, since }: Command,
  { entries, leafId }: { entries: Entries; leafId: string | null },
  summary: SessionSummary | undefined,
): unknown {
  switch (type) {
    case "get_last_assistant_text":
      return { text: lastAnswer(entries) };
    case "get_messages":
      return { messages: messagesOf(activeBranch(entries)) };
    case "get_entries": {
      const from = typeof since === "string" ? entries.findIndex(({ id }) => id === since) + 1 : 0;
      return { entries: entries.slice(from), leafId };
    }
    case "get_tree":
      return { tree: treeOf(entries), leafId };
    case "get_session_stats":
      return statsOf(entries, summary);
    default:
      return undefined;
  }
}

function messagesOf(entries: Entries): JsonObject[] {
  return entries.flatMap((entry) => {
    const message = entry.type === "message" ? asObject(entry.message) : undefined;
    return message === undefined ? [] : [message];
  });
}

function lastAnswer(entries: Entries): string | null {
  const answers = messagesOf(activeBranch(entries)).filter(({ role }) => role === "assistant");
  const text = answers.map(({ content }) => contentText(content)).findLast((each) => each !== "");
  return text ?? null;
}

function statsOf(entries: Entries, summary: SessionSummary | undefined): object {
  const messages = messagesOf(entries);
  const count = (role: string) => messages.filter((message) => message.role === role).length;
  const calls = messages
    .flatMap(({ content }) => contentBlocks(content))
    .filter(({ type }) => type === "toolCall");
  return {
    sessionId: summary?.id,
    userMessages: count("user"),
    assistantMessages: count("assistant"),
    toolResults: count("toolResult"),
    toolCalls: calls.length,
    totalMessages: messages.length,
    tokens: summary?.tokens ?? { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
    cost: summary?.cost ?? 0,
  };
}

interface Node {
  entry: Entries[number];
  children: Node[];
}

/** As pi's `getTree`: an entry whose parent is missing is a root. Children are in the order of the file. */
function treeOf(entries: Entries): Node[] {
  const nodes = new Map(entries.map((entry) => [entry.id, { entry, children: [] as Node[] }]));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const { id, parentId } = node.entry;
    const parent = parentId === null || parentId === id ? undefined : nodes.get(parentId);
    (parent?.children ?? roots).push(node);
  }
  return roots;
}
