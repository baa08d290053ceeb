import { asObject, type JsonObject } from "../../core/session-files/json.ts";
import type { PiBlock, PiEntry, PiMessage } from "../pi-data.ts";

type Types<T> = { [K in keyof T]?: "string" | "number" | "boolean" | "object" };

const BLOCK: Types<PiBlock> = {
  type: "string",
  text: "string",
  thinking: "string",
  name: "string",
  arguments: "object",
  id: "string",
};
const MESSAGE: Types<PiMessage> = {
  role: "string",
  timestamp: "number",
  provider: "string",
  model: "string",
  stopReason: "string",
  errorMessage: "string",
  toolName: "string",
  isError: "boolean",
  command: "string",
  output: "string",
  exitCode: "number",
  customType: "string",
  summary: "string",
  sections: "object",
};
const ENTRY: Types<PiEntry> = {
  type: "string",
  id: "string",
  parentId: "string",
  timestamp: "string",
  summary: "string",
  tokensBefore: "number",
  provider: "string",
  modelId: "string",
  thinkingLevel: "string",
  customType: "string",
  name: "string",
  label: "string",
  targetId: "string",
  kind: "string",
};

/** An entry of pi's without what isn't as pi writes it: pi doesn't check what is in a session's file. */
export function readEntry(value: unknown): PiEntry {
  const entry = asObject(value) ?? {};
  return {
    type: "",
    id: "",
    ...fieldsOf<PiEntry>(entry, ENTRY),
    ...contentOf(entry),
    ...(asObject(entry.message) === undefined ? {} : { message: readMessage(entry.message) }),
  };
}

/** The same for a message. */
export function readMessage(value: unknown): PiMessage {
  const message = asObject(value) ?? {};
  return { role: "", ...fieldsOf<PiMessage>(message, MESSAGE), ...contentOf(message) };
}

function contentOf({ content }: JsonObject): { content?: string | PiBlock[] } {
  if (typeof content === "string") return { content };
  if (!Array.isArray(content)) return {};
  const blocks = content.map(asObject).filter((block) => block !== undefined);
  return { content: blocks.map((block) => ({ type: "", ...fieldsOf<PiBlock>(block, BLOCK) })) };
}

function fieldsOf<T>(object: JsonObject, types: Types<T>): Partial<T> {
  const fields = Object.entries(types).flatMap(([name, type]) => {
    const value = object[name];
    const isOf = type === "object" ? asObject(value) !== undefined : typeof value === type;
    return isOf ? [[name, value]] : [];
  });
  return Object.fromEntries(fields) as Partial<T>;
}
