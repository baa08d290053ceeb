/** A parsed JSON object whose fields nobody has checked: pi doesn't validate its session files either. */
export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

export function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Finite numbers only, so that a sum stays one. */
export function asNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Shorter texts can't hold as much as is refused. */
const MIN_COUNTED_LENGTH = 4 * 1024 * 1024;
/**
 * So many take some 250 MB once they are parsed; no message has had a hundredth of it. What V8 has no room for while
 * it parses ends the whole process, which no `catch` hears of.
 */
const MAX_VALUES = 4_000_000;
/** Each value in JSON has one of these before it, or is a whole line. */
const BEFORE_VALUE = new Set([..."[{,:"].map((character) => character.charCodeAt(0)));
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The object in a line of JSONL, or undefined for anything else, and for one of millions of values. */
export function parseObject(text: string): JsonObject | undefined {
  return asObject(parseLine(text));
}

/** The value in a line of JSONL, or undefined for anything else, and for one of millions of values. */
export function parseLine(text: string): unknown {
  if (text.length > MIN_COUNTED_LENGTH && hasTooManyValues(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Torn and foreign lines are expected here; the caller counts them.
    return undefined;
  }
}

function hasTooManyValues(text: string): boolean {
  let values = 0;
  for (let at = 0; at < text.length && values <= MAX_VALUES; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if (BEFORE_VALUE.has(unit)) values++;
  }
  return values > MAX_VALUES;
}

/** Where the string that begins at a quote has its other one, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
  }
  return text.length;
}

/** The end of the year 9999, in milliseconds. */
const LATEST_TIME = Date.UTC(10_000, 0, 1) - 1;

/** Milliseconds since the epoch of an ISO 8601 time from 1970 to 9999, or undefined: others sort and print as nonsense. */
export function parseTime(value: unknown): number | undefined {
  return typeof value === "string" ? asTime(Date.parse(value)) : undefined;
}

/** The same for a number of milliseconds. */
export function asTime(value: unknown): number | undefined {
  const time = asNumber(value);
  return time !== undefined && time >= 0 && time <= LATEST_TIME ? time : undefined;
}

/** The text blocks of a message's `content` (a string or blocks), joined; other blocks are left out. */
export function contentText(content: unknown, separator = "\n"): string {
  if (typeof content === "string") return content;
  return contentBlocks(content)
    .map((block) => (block.type === "text" ? asString(block.text) : undefined))
    .filter((text) => text !== undefined)
    .join(separator);
}

/** The blocks of a message's `content`; none when it is a string or missing. */
export function contentBlocks(content: unknown): JsonObject[] {
  return Array.isArray(content) ? content.filter(isObject) : [];
}
