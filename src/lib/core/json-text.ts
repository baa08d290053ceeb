/** `JSON.stringify` escapes a lone surrogate, and nothing else, like this. An even number of backslashes can precede it. */
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** A value as JSON that every reader accepts: half of a surrogate pair, which many refuse, becomes U+FFFD. */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  return text?.includes("\\ud") ? text.replace(LONE_SURROGATE, "$1\ufffd") : text;
}
