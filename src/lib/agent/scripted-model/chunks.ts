import { cutText, isHighSurrogate } from "../../core/cut-text.ts";

/** About the size of a real provider's delta. */
const CHUNK_CHARACTERS = 8;
/** A long text is cut into bigger pieces rather than more of them. */
const MOST_CHUNKS = 200;

/**
 * Cuts a text into the deltas it is streamed in, always the same for the same text. A surrogate pair is never
 * cut: half of one is not valid text once it has been through UTF-8.
 *
 * @param count number of pieces wanted; fewer come when the text is shorter
 */
export function splitIntoChunks(text: string, count?: number): string[] {
  const size =
    count === undefined
      ? Math.max(CHUNK_CHARACTERS, Math.ceil(text.length / MOST_CHUNKS))
      : Math.max(1, Math.ceil(text.length / count));
  const chunks: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(text.length, start + size);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end += 1;
    chunks.push(text.slice(start, end));
    start = end;
  }
  return chunks;
}

/** At most `limit` characters on one line, with an ellipsis where something was left out. */
export function abridge(text: string, limit: number): string {
  const line = text.slice(0, limit + 1).replaceAll(/\s+/g, " ");
  if (text.length <= limit) return line;
  return `${cutText(line, limit).trimEnd()}…`;
}
