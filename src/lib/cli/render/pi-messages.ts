import { asTime } from "../../core/session-files/json.ts";
import type { TranscriptMessage } from "../../protocol/transcript.ts";
import type { PiBlock, PiMessage } from "../pi-data.ts";
import { readMessage } from "./pi-entries.ts";
import { renderTranscript, type TranscriptOptions } from "./transcript.ts";

/** pi's own messages for a person, in the form of a transcript. */
export function renderMessages(messages: readonly PiMessage[], options: TranscriptOptions): string {
  return renderTranscript(messages.map(readMessage).map(shownMessage), options);
}

/** The text blocks of a message's content, joined. */
export function contentText(content: string | readonly PiBlock[] | undefined): string {
  if (content === undefined || typeof content === "string") return content ?? "";
  return content.map(({ text }) => text ?? "").join("");
}

function shownMessage(message: PiMessage): TranscriptMessage {
  const { role, content } = message;
  const blocks = Array.isArray(content) ? content : [];
  const images = blocks.filter(({ type }) => type === "image").length;
  const common = {
    entryId: "",
    text: contentText(content),
    timestamp: asTime(message.timestamp) ?? 0,
    ...(images > 0 ? { images } : {}),
  };
  switch (role) {
    case "assistant":
      return { ...common, ...assistantFields(message, blocks), role: "assistant" };
    case "toolResult": {
      const { toolName = "", isError = false } = message;
      return { ...common, role: "tool", toolName, isError };
    }
    case "bashExecution": {
      const { command = "", output = "", exitCode } = message;
      return {
        ...common,
        role: "bash",
        command,
        text: output,
        ...(exitCode === undefined ? {} : { exitCode }),
      };
    }
    case "compactionSummary":
      return { ...common, role: "summary", kind: "compaction", text: message.summary ?? "" };
    case "branchSummary":
      return { ...common, role: "summary", kind: "branch", text: message.summary ?? "" };
    case "system": {
      const names = Object.keys(message.sections ?? {}).join(", ");
      const text = common.text || (names === "" ? "" : `(${names})`);
      return { ...common, text, role: "custom", kind: role };
    }
    default:
      // Under its own name, also a role that a newer pi adds. A user's message has no number here: they count
      // those of the whole conversation, and this is only a part of it.
      return { ...common, role: "custom", kind: message.customType ?? role };
  }
}

function assistantFields(message: PiMessage, blocks: readonly PiBlock[]): Partial<TranscriptMessage> {
  const { provider, model, stopReason, errorMessage } = message;
  const thinking = blocks
    .map((block) => block.thinking ?? "")
    .filter((text) => text !== "")
    .join("\n");
  const toolCalls = blocks
    .filter(({ type }) => type === "toolCall")
    .map(({ id = "", name = "", arguments: args = {} }) => ({ id, name, args }));
  return {
    ...(provider !== undefined && model !== undefined ? { model: `${provider}/${model}` } : {}),
    ...(thinking === "" ? {} : { thinking }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(stopReason === undefined ? {} : { stopReason }),
    ...(errorMessage === undefined ? {} : { errorMessage }),
  };
}
