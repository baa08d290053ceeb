import type { PiEntry, PiMessage } from "../pi-data.ts";
import { contentText } from "./pi-messages.ts";
import { sanitize } from "./text-width.ts";

/** Enough of a text to know it by, where no terminal sets a width. */
export const MAX_ENTRY_COLUMNS = 100;

/** What an entry of a session is, in a word, and its content in a line. */
export interface EntryLine {
  kind: string;
  text: string;
}

/** Nothing in it can leave its line or reach the terminal as a command to it. */
export function describeEntry(entry: PiEntry): EntryLine {
  const { kind, text } = describe(entry);
  return { kind: oneLine(kind), text: oneLine(text) };
}

function describe(entry: PiEntry): EntryLine {
  switch (entry.type) {
    case "message":
      return describeMessage(entry.message ?? { role: "message" });
    case "compaction":
      return { kind: "compaction", text: entry.summary ?? "" };
    case "branch_summary":
      return { kind: "summary", text: entry.summary ?? "" };
    case "model_change":
      return { kind: "model", text: `${entry.provider}/${entry.modelId}` };
    case "thinking_level_change":
      return { kind: "thinking", text: entry.thinkingLevel ?? "" };
    case "label":
      return { kind: "label", text: `${entry.label ?? "(removed)"} on ${entry.targetId}` };
    case "session_info":
      return { kind: "name", text: entry.name ?? "" };
    case "custom_message":
    case "custom":
      return { kind: entry.customType ?? entry.type, text: contentText(entry.content) };
    default:
      return { kind: entry.type, text: entry.kind ?? "" };
  }
}

function describeMessage(message: PiMessage): EntryLine {
  const { role, content } = message;
  const text = contentText(content);
  switch (role) {
    case "assistant": {
      if (text.trim() !== "") return { kind: role, text };
      const blocks = Array.isArray(content) ? content : [];
      const tools = blocks.flatMap(({ type, name }) => (type === "toolCall" ? [name ?? ""] : []));
      return { kind: role, text: tools.length > 0 ? `→ ${tools.join(", ")}` : endOf(message) };
    }
    case "toolResult":
      return {
        kind: "tool",
        text: `${message.toolName ?? ""}${message.isError ? " failed" : ""}: ${text}`,
      };
    case "bashExecution":
      return { kind: "shell", text: `$ ${message.command ?? ""}` };
    default:
      return { kind: message.customType ?? role, text };
  }
}

function endOf({ errorMessage, stopReason }: PiMessage): string {
  if (errorMessage) return `(${errorMessage})`;
  return stopReason === undefined || stopReason === "stop" ? "" : `(${stopReason})`;
}

/** Text that can stand within a line of a terminal. */
export function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
