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

/** The object in a line of JSONL, or undefined for anything else. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    // Torn and foreign lines are expected here; the caller counts them.
    return undefined;
  }
}

/** Milliseconds since the epoch of an ISO 8601 time, or undefined. */
export function parseTime(value: unknown): number | undefined {
  return typeof value === "string" ? asNumber(Date.parse(value)) : undefined;
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
