import type { Message } from "@earendil-works/pi-ai";

/** What a scripted reply needs to know of the conversation so far. */
export interface Transcript {
  /** Texts of the user's messages, oldest first. */
  userTexts: string[];
  /** Images in the last user message. */
  images: number;
  /** Text of the tool result that the conversation ends with, if it does. */
  toolResult: string | undefined;
  systemPrompt: string;
  /** Names of the tools that the model may call, in alphabetical order. */
  tools: string[];
  /**
   * Length of everything but the system prompt, in characters: that prompt differs from one version of pi and
   * one directory to the next, and the same script should cost the same everywhere.
   */
  characters: number;
  /** Assistant messages in the conversation. */
  answers: number;
  /** Whether pi asks for a summary (compaction, branch summary) and not for an answer to the user. */
  summary: boolean;
}

type Content = string | readonly { type: string; text?: string; thinking?: string }[];

/** An image counts as this many characters (about what providers bill: a thousand tokens). */
const IMAGE_CHARACTERS = 4000;

/** Reads pi's normalized transcript (pi's docs/custom-provider.md: prompt and tools are in system messages). */
export function readTranscript(messages: readonly Message[]): Transcript {
  const tools = new Set<string>();
  const system: string[] = [];
  const userTexts: string[] = [];
  let characters = 0;
  let images = 0;
  let answers = 0;
  for (const message of messages) {
    if (message.role === "system") {
      system.push(
        textOf(message.content),
        ...Object.values(message.sections ?? {}).filter((text) => text !== null),
      );
      for (const tool of message.toolsRemoved ?? []) tools.delete(tool.name);
      for (const tool of message.toolsAdded ?? []) tools.add(tool.name);
      continue;
    }
    characters += sizeOf(message.content);
    if (message.role === "assistant") answers += 1;
    if (message.role !== "user") continue;
    userTexts.push(textOf(message.content));
    images =
      typeof message.content === "string" ? 0 : message.content.filter(({ type }) => type === "image").length;
  }
  const last = messages.at(-1);
  return {
    userTexts,
    images,
    toolResult: last?.role === "toolResult" ? textOf(last.content) : undefined,
    systemPrompt: system.filter((text) => text !== "").join("\n\n"),
    tools: [...tools].sort(),
    characters,
    answers,
    // pi wraps what it wants summarized in this tag, as the only message, in every version tried (0.87, 1.5).
    summary: answers === 0 && userTexts.length === 1 && (userTexts[0] ?? "").startsWith("<conversation>\n"),
  };
}

function textOf(content: Content): string {
  if (typeof content === "string") return content;
  return content.flatMap((block) => (block.type === "text" ? [block.text ?? ""] : [])).join("\n");
}

function sizeOf(content: Content): number {
  if (typeof content === "string") return content.length;
  return content.reduce((sum, block) => {
    if (block.type === "image") return sum + IMAGE_CHARACTERS;
    if (block.type === "toolCall") return sum + JSON.stringify(block).length;
    return sum + (block.text ?? block.thinking ?? "").length;
  }, 0);
}
