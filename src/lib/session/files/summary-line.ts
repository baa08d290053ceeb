import {
  asObject,
  asString,
  type JsonObject,
  parseObject,
  parseTime,
} from "../../core/session-files/json.ts";
import type { Line } from "../../core/session-files/line-reader.ts";

/** What one line adds to a listing. */
export type LineFacts =
  | { kind: "blank" }
  | { kind: "broken" }
  /** A message of which only its role and time matter. */
  | { kind: "message"; role: string; time: number | undefined }
  /** An entry of which only its time matters. */
  | { kind: "other"; time: number | undefined }
  | { kind: "entry"; entry: JsonObject };

// The order in which pi writes the keys. JSON inside a string has its quotes escaped, so neither pattern can
// match text of a conversation.
const MESSAGE_HEAD =
  /^\{"type":"message",(?:"id":"[^"\\]*","parentId":(?:null|"[^"\\]*"),)?"timestamp":"([^"\\]*)","message":\{"role":"([A-Za-z]+)"/;
const CUSTOM_HEAD = /^\{"type":"custom(?:_message)?","customType":"/;
const CUSTOM_TAIL = /,"timestamp":"([^"\\]*)"\}$/;
/** Longer than any head that {@link MESSAGE_HEAD} matches with ids of a UUID's length. */
const HEAD_BYTES = 320;

const USAGE = Buffer.from('"usage"');
const ASSISTANT_AFTER_CONTENT = Buffer.from('],"api":"');

/**
 * Reads as little of a line as a listing needs. Where the first bytes are in pi's own key order and show that
 * the rest can't matter (tool results without usage, prompts after the first, an extension's own data), the
 * line isn't parsed; any other line is. A line that was passed over is checked to end as its kind does.
 *
 * @param needsUserText whether the first user text is still to be found
 */
export function readLine(line: Line, needsUserText: boolean): LineFacts {
  if (line.terminated && line.length > 0) {
    const known = readKnownLine(line, needsUserText);
    if (known !== undefined) return known;
  }
  const text = line.text();
  if (text === undefined) return { kind: "broken" };
  if (text.trim() === "") return { kind: "blank" };
  const entry = parseObject(text);
  return entry === undefined ? { kind: "broken" } : { kind: "entry", entry };
}

function readKnownLine(line: Line, needsUserText: boolean): LineFacts | undefined {
  const head = line.head.toString("latin1", 0, Math.min(HEAD_BYTES, line.head.length));
  const message = MESSAGE_HEAD.exec(head);
  if (message !== null) {
    if (!endsWith(line.tail, "}}")) return undefined;
    const role = message[2] ?? "";
    if (role === "assistant") return readAssistant(line, message[1]);
    if (role === "user" && needsUserText) return undefined;
    if (role === "toolResult" && line.includes(USAGE)) return undefined;
    return { kind: "message", role, time: parseTime(message[1]) };
  }
  if (CUSTOM_HEAD.test(head)) {
    const tail = CUSTOM_TAIL.exec(line.tail.toString("latin1", Math.max(0, line.tail.length - 80)));
    if (tail !== null) return { kind: "other", time: parseTime(tail[1]) };
  }
  return undefined;
}

/**
 * An assistant's fields without its content, which pi writes first and which is nearly all of the line. A cut
 * inside of a tool call's arguments leaves a brace too many, so what parses was cut at the right depth.
 */
function readAssistant(line: Line, timestamp: string | undefined): LineFacts | undefined {
  const at = line.tail.lastIndexOf(ASSISTANT_AFTER_CONTENT);
  if (at === -1) return undefined;
  const rest = line.tail.toString("utf8", at + "],".length);
  const message = asObject(parseObject(`{"message":{${rest}`)?.message);
  if (message === undefined || asObject(message.usage) === undefined) return undefined;
  if (asString(message.model) === undefined || asString(message.stopReason) === undefined) return undefined;
  return { kind: "entry", entry: { type: "message", timestamp, message: { ...message, role: "assistant" } } };
}

function endsWith(bytes: Buffer, ending: string): boolean {
  return bytes.toString("latin1", Math.max(0, bytes.length - ending.length)) === ending;
}
