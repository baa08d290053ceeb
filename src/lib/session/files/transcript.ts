import type { SessionEntry } from "@earendil-works/pi-coding-agent";
import {
  asNumber,
  asObject,
  asString,
  asTime,
  contentBlocks,
  contentText,
  type JsonObject,
  parseTime,
} from "../../core/session-files/json.ts";
import { usageOf } from "../../core/session-files/usage.ts";
import type { TranscriptMessage } from "../../protocol/transcript.ts";
import { activeBranch } from "./entries.ts";

/**
 * The active branch as messages, in order. What was compacted away stays visible, with the compaction as a
 * `summary` where it happened. Left out: system messages, state entries, and messages that an extension hides.
 *
 * @param entries of a file ({@link readEntries}) or of pi's `get_entries`; nothing beyond type and id is trusted
 * @param leafId as {@link activeBranch} takes it
 */
export function toTranscript(entries: readonly SessionEntry[], leafId?: string | null): TranscriptMessage[] {
  const transcript: TranscriptMessage[] = [];
  let users = 0;
  for (const entry of activeBranch(entries, leafId)) {
    const record: JsonObject = { ...entry };
    const source = asObject(record.message) ?? record;
    const content = record.type === "message" ? readMessage(source) : readEntry(record);
    if (content === undefined) continue;
    transcript.push({
      ...(content.role === "user" ? { number: ++users } : {}),
      entryId: entry.id,
      ...content,
      timestamp: asTime(source.timestamp) ?? parseTime(record.timestamp) ?? 0,
    });
  }
  return transcript;
}

/** The user messages that a fork can start from, numbered as `pictl session show --messages` numbers them. */
export function forkPoints(
  transcript: readonly TranscriptMessage[],
): { number: number; entryId: string; text: string }[] {
  return transcript.flatMap(({ number, entryId, text }) =>
    number === undefined ? [] : [{ number, entryId, text }],
  );
}

type Content = Omit<TranscriptMessage, "number" | "entryId" | "timestamp">;

function readEntry(entry: JsonObject): Content | undefined {
  switch (entry.type) {
    case "compaction":
      return { role: "summary", kind: "compaction", text: asString(entry.summary) ?? "" };
    case "branch_summary":
      return { role: "summary", kind: "branch", text: asString(entry.summary) ?? "" };
    case "custom_message":
      return readCustom(entry);
    default:
      return undefined;
  }
}

function readMessage(message: JsonObject): Content | undefined {
  switch (message.role) {
    case "user":
      return { role: "user", text: contentText(message.content), ...imagesOf(message.content) };
    case "assistant":
      return readAssistant(message);
    case "toolResult":
      return {
        role: "tool",
        text: contentText(message.content),
        ...optional("toolCallId", asString(message.toolCallId)),
        ...optional("toolName", asString(message.toolName)),
        ...(message.isError === true ? { isError: true } : {}),
        ...optional("usage", usageOf(message.usage)),
        ...imagesOf(message.content),
      };
    case "bashExecution":
      return readBash(message);
    case "custom":
      return readCustom(message);
    // pi makes these from entries; a file can only hold them when another program wrote it.
    case "compactionSummary":
      return { role: "summary", kind: "compaction", text: asString(message.summary) ?? "" };
    case "branchSummary":
      return { role: "summary", kind: "branch", text: asString(message.summary) ?? "" };
    default:
      return undefined;
  }
}

function readAssistant(message: JsonObject): Content {
  const blocks = contentBlocks(message.content);
  const thinking = blocks
    .map((block) => (block.type === "thinking" ? (asString(block.thinking) ?? "") : ""))
    .filter((text) => text !== "")
    .join("\n\n");
  const toolCalls = blocks
    .filter((block) => block.type === "toolCall")
    .map((block) => ({
      id: asString(block.id) ?? "",
      name: asString(block.name) ?? "",
      args: asObject(block.arguments) ?? {},
    }));
  const model = asString(message.model);
  const provider = asString(message.provider);
  return {
    role: "assistant",
    text: contentText(message.content),
    ...(thinking === "" ? {} : { thinking }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...optional("model", model === undefined || provider === undefined ? model : `${provider}/${model}`),
    ...optional("stopReason", asString(message.stopReason)),
    ...optional("errorMessage", asString(message.errorMessage)),
    ...optional("usage", usageOf(message.usage)),
  };
}

function readBash(message: JsonObject): Content {
  const exitCode = asNumber(message.exitCode);
  return {
    role: "bash",
    text: asString(message.output) ?? "",
    command: asString(message.command) ?? "",
    ...optional("exitCode", exitCode),
    ...((exitCode !== undefined && exitCode !== 0) || message.cancelled === true ? { isError: true } : {}),
  };
}

function readCustom(message: JsonObject): Content | undefined {
  if (message.display === false) return undefined;
  return {
    role: "custom",
    text: contentText(message.content),
    ...optional("kind", asString(message.customType)),
    ...imagesOf(message.content),
  };
}

function imagesOf(content: unknown): { images?: number } {
  const images = contentBlocks(content).filter((block) => block.type === "image").length;
  return images === 0 ? {} : { images };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
