import { asObject, asString, type JsonObject, parseObject } from "../../core/session-files/json.ts";
import type { Line } from "../../core/session-files/line-reader.ts";
import { TOOL_TEXT_LENGTH } from "./parts.ts";

/** A longer line isn't read: parsed it takes several times its length in memory. No session has had one so far. */
export const MAX_PARSED_LINE = 64 * 1024 * 1024;
/** Shorter lines are parsed as fast as they are looked at. */
const MIN_LONG_LINE = 16 * 1024;
/** A character takes six bytes at most as JSON writes it (`\u001b`), and the fields before it some hundred. */
const HEAD_BYTES = TOOL_TEXT_LENGTH * 6 + 1_024;
/** As pi orders the keys. In a JSON string every quote is escaped, so that no text can look like this. */
const RESULT_HEAD =
  /^\{"type":"message",(?:"id":"([^"\\]*)","parentId":(null|"[^"\\]*"),)?"timestamp":"([^"\\]*)","message":\{"role":"toolResult","toolCallId":"[^"\\]*","toolName":"([^"\\]*)","content":\[\{"type":"text","text":"/;
/** The end of such a line. */
const RESULT_TAIL = /"isError":(?:true|false),"timestamp":\d+\}\}$/;
const TAIL_BYTES = 64;
/** Every entry has one, and no string can: a line with a second one is half an entry with another behind it. */
const ENTRY_TIME = Buffer.from(',"timestamp":"');
const USAGE = Buffer.from('"usage"');

/**
 * The entry in a line, or undefined for a broken one. Of a long tool result only the beginning is read, which is
 * all that is indexed; such an entry has the fields that this folder uses and no others.
 */
export function readEntryLine(line: Line): JsonObject | undefined {
  const short = line.length > MIN_LONG_LINE ? readLongResult(line) : undefined;
  if (short !== undefined) return short;
  if (line.length > MAX_PARSED_LINE) return undefined;
  const text = line.text();
  return text === undefined ? undefined : parseObject(text);
}

function readLongResult(line: Line): JsonObject | undefined {
  const tail = line.tail.toString("latin1", Math.max(0, line.tail.length - TAIL_BYTES));
  if (!line.terminated || !RESULT_TAIL.test(tail)) return undefined;
  const bytes = line.bytes(HEAD_BYTES);
  const head = RESULT_HEAD.exec(bytes.toString("latin1", 0, 640));
  if (head === null) return undefined;
  const [{ length }, id, parentId, timestamp, toolName] = head;
  if (line.includes(USAGE, length) || line.includes(ENTRY_TIME, length)) return undefined;
  const text = decodeBeginning(bytes.toString("utf8", length));
  if (text === undefined || text.length <= TOOL_TEXT_LENGTH) return undefined;
  const message = { role: "toolResult", toolName: decode(toolName), content: [{ type: "text", text }] };
  const ids =
    id === undefined
      ? {}
      : { id: decode(id), parentId: parentId === "null" ? null : decode(parentId?.slice(1, -1)) };
  return { type: "message", ...ids, timestamp, message };
}

/** What was matched as bytes. */
function decode(latin1 = ""): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

/** The beginning of a JSON string that goes on; undefined when it ends within it. */
function decodeBeginning(json: string): string | undefined {
  // Cut anywhere, it ends within an escape at worst.
  for (let cut = 0; cut < 6; cut++) {
    const text = asString(asObject(parseObject(`{"text":"${json.slice(0, json.length - cut)}"}`))?.text);
    if (text !== undefined) return text;
  }
  return undefined;
}
