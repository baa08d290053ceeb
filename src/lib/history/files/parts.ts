import { cutText } from "../../core/cut-text.ts";
import {
  asObject,
  asString,
  contentBlocks,
  contentText,
  type JsonObject,
} from "../../core/session-files/json.ts";
import type { Kind } from "../kinds.ts";

/** The indexed part of what a tool was given or gave back, in UTF-16 units; the rest is left to the scan. */
export const TOOL_TEXT_LENGTH = 2_000;
/** Of everything else: no person or model says more at once, and a pasted archive must not fill the index. */
const TEXT_LENGTH = 1_000_000;

/** A piece of an entry that is found, or not, as one. */
export interface Part {
  kind: Kind;
  /** Name of the tool of a call or result. */
  tool?: string;
  text: string;
}

/**
 * What of an entry is searched: all that was said, without system prompts, images and an extension's own data.
 *
 * @param whole everything a tool was given or gave back, instead of its beginning
 */
export function partsOf(entry: JsonObject, whole = false): Part[] {
  const cut = (part: Part): Part => {
    const isTool = part.kind === "call" || part.kind === "result" || part.kind === "bash";
    return { ...part, text: cutBeforeWord(part.text, isTool ? TOOL_TEXT_LENGTH : TEXT_LENGTH) };
  };
  const parts = allParts(entry).filter(({ text }) => text !== "");
  return whole ? parts : parts.map(cut);
}

/** What credentials are made of, with what binds one to its name or its address. */
const IN_CREDENTIAL = /[\w.~+/=:@%!#$&*?^-]/;

/**
 * The beginning of a text, which ends before a word that goes on behind it: half a credential isn't recognised as one,
 * and would be shown.
 */
export function cutBeforeWord(text: string, length: number): string {
  const cut = cutText(text, length);
  if (cut.length === text.length || !IN_CREDENTIAL.test(text.charAt(cut.length))) return cut;
  let end = cut.length;
  while (end > 0 && IN_CREDENTIAL.test(cut.charAt(end - 1))) end--;
  return cut.slice(0, end);
}

function allParts(entry: JsonObject): Part[] {
  switch (entry.type) {
    case "message":
      return messageParts(asObject(entry.message) ?? {});
    case "compaction":
    case "branch_summary":
      return [{ kind: "summary", text: asString(entry.summary) ?? "" }];
    case "custom_message":
      return [{ kind: "custom", text: contentText(entry.content) }];
    case "session_info":
      return [{ kind: "name", text: asString(entry.name) ?? "" }];
    case "label":
      return [{ kind: "label", text: asString(entry.label) ?? "" }];
    default:
      return [];
  }
}

function messageParts(message: JsonObject): Part[] {
  const { role, content } = message;
  switch (role) {
    case "user":
      return [{ kind: "user", text: contentText(content) }];
    case "assistant":
      return assistantParts(message);
    case "toolResult":
      return [{ kind: "result", tool: asString(message.toolName) ?? "", text: contentText(content) }];
    case "bashExecution": {
      const output = asString(message.output) ?? "";
      return [
        { kind: "bash", text: `${asString(message.command) ?? ""}${output === "" ? "" : `\n${output}`}` },
      ];
    }
    case "compactionSummary":
    case "branchSummary":
      return [{ kind: "summary", text: asString(message.summary) ?? contentText(content) }];
    // Its name before format 3.
    case "hookMessage":
    case "custom":
      return [{ kind: "custom", text: contentText(content) }];
    default:
      return [];
  }
}

function assistantParts(message: JsonObject): Part[] {
  const thinking: string[] = [];
  const calls: Part[] = [];
  for (const block of contentBlocks(message.content)) {
    if (block.type === "thinking") thinking.push(asString(block.thinking) ?? "");
    if (block.type !== "toolCall") continue;
    const tool = asString(block.name) ?? "";
    calls.push({ kind: "call", tool, text: [tool, ...stringsOf(block.arguments)].join("\n") });
  }
  return [
    { kind: "assistant", text: contentText(message.content) },
    { kind: "thinking", text: thinking.join("\n") },
    ...calls,
  ];
}

/** Arguments nest rarely, and a hostile file must not nest without end. */
const MAX_DEPTH = 8;

/** The values of a call's arguments, in order: what the model wrote, without the names of the parameters. */
function stringsOf(value: unknown, depth = 0): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "number" || typeof value === "boolean") return [String(value)];
  if (typeof value !== "object" || value === null || depth >= MAX_DEPTH) return [];
  return Object.values(value).flatMap((each) => stringsOf(each, depth + 1));
}

/** A model as it is named everywhere: `provider/id`. */
export function modelName(provider: unknown, id: unknown): string | undefined {
  return typeof provider === "string" && typeof id === "string" ? `${provider}/${id}` : undefined;
}
