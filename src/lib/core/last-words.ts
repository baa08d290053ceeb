import type { Readable } from "node:stream";
import { abridgeText } from "./cut-text.ts";

/** What is kept of the beginning of a program's stderr, and of its end. */
const HEAD_BYTES = 4 * 1024;
const TAIL_BYTES = 12 * 1024;
/** What of it fits an error's message. */
const MAX_LINES = 10;
const MAX_LINE_CHARACTERS = 300;
/** Lines around the reason of a crash: the place in the source before it, what it says after it. */
const BEFORE_REASON = 3;
const AFTER_REASON = 3;
/** Lines that say where and not why: frames of stacks, V8's own headings, the version of Node. */
const NOISE =
  /^\s+at .*(:\d+\)?|<anonymous>\)?|\(native\))( \{)?$|^\s*\d+: 0x|^\s*\^+\s*$|^Node\.js v\d|^-+ .* -+$|^<---.*--->$|^\s*$/;
/** How a program begins the reason of its end. Sources: Node's uncaught exceptions and V8's fatal errors. */
const REASON = /^(Uncaught )?[\w$.]*(Error|Exception)( \[\w+\])?:|^FATAL ERROR:|^bwrap: |^panic: /;

/**
 * Keeps the beginning and the end of what a stream says: a program that crashes may give the reason first.
 *
 * @returns gives what was kept so far, with a line in place of what was left out
 */
export function keepHeadAndTail(
  stream: Readable,
  headBytes: number = HEAD_BYTES,
  tailBytes: number = TAIL_BYTES,
): () => string {
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  let dropped = 0;
  stream.on("data", (chunk: Buffer) => {
    const room = headBytes - head.length;
    if (room > 0) head = Buffer.concat([head, chunk.subarray(0, room)]);
    const all = Buffer.concat([tail, chunk.subarray(Math.max(0, room))]);
    dropped += Math.max(0, all.length - tailBytes);
    tail = all.subarray(-tailBytes);
  });
  return () => {
    if (dropped === 0) return Buffer.concat([head, tail]).toString("utf8").trim();
    // A word that is cut may be part of a secret, which would not be recognised as one.
    const first = head.toString("utf8").replace(/\S*$/, "").trim();
    const last = tail.toString("utf8").replace(/^\S*/, "").trim();
    return `${first}\n… (${dropped} bytes left out)\n${last}`;
  };
}

/** The lines of a program's last output that say why it ended, few enough for an error's message. */
export function lastWordsOf(text: string): string {
  const all = text.split("\n");
  const telling = all.filter((line) => !NOISE.test(line));
  const lines = (telling.length > 0 ? telling : all).map(shortened);
  if (lines.length <= MAX_LINES) return lines.join("\n");
  const reason = lines.findLastIndex((line) => REASON.test(line));
  const first = reason === -1 ? 0 : Math.max(0, reason - BEFORE_REASON);
  const shown = lines.slice(first, first + BEFORE_REASON + AFTER_REASON);
  const next = first + shown.length;
  const end = Math.max(next, lines.length - (MAX_LINES - shown.length));
  return [...shown, ...(end > next ? ["…"] : []), ...lines.slice(end)].join("\n");
}

function shortened(line: string): string {
  return abridgeText(line, MAX_LINE_CHARACTERS);
}
