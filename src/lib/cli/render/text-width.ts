import { stripVTControlCharacters } from "node:util";

const ZERO_WIDTH = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]$/u;
const WIDE =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** What `Colors` (color.ts) begins and ends its styles with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const OWN_STYLES = /(\u001b\[(?:0|[123]|2[23]|3[1236]|39)m)/;
/**
 * What the end of a piece may have cut in two: an escape sequence, or a CR and its LF. Longer ones aren't waited for, nor
 * beyond the end of a line, or a text that ends with one would hide what is written next.
 */
const UNFINISHED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of them
  /(?:\r|[\u001b\u009b][[()#;?]{0,10}[\d;]{0,100}|\u001b\][^\u0007\u001b\u009c\n]{0,1000}\u001b?)$/;

/**
 * Text that can be written to a terminal: without escape sequences, control characters and the marks that
 * reorder what is seen. Line ends become LF and tabs four spaces, or columns couldn't be counted.
 */
export function sanitize(text: string): string {
  return stripVTControlCharacters(text).replace(/\r\n?/g, "\n").replace(/\t/g, "    ").replace(CONTROLS, "");
}

/** Sanitizes a text that comes in pieces as if it had come whole: what a piece leaves unfinished waits for the next. */
export class PieceSanitizer {
  #waiting = "";

  /** @returns what can be shown by now */
  next(piece: string): string {
    const text = this.#waiting + piece;
    this.#waiting = UNFINISHED.exec(text)?.[0] ?? "";
    return sanitize(text.slice(0, text.length - this.#waiting.length));
  }
}

/**
 * Sanitizes text of our own renderers: their styles stay, and no other escape sequence does.
 *
 * @param kept what stays, as one capturing group
 */
export function sanitizeStyled(text: string, kept: RegExp = OWN_STYLES): string {
  return text
    .split(kept)
    .map((part, index) => (index % 2 === 1 ? part : sanitize(part)))
    .join("");
}

/** Terminal columns of one code point: 0, 1 or 2. Close enough to lay text out; emoji joined of several count each. */
export function columnsOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  // Nearly all text is below the first combining mark.
  if (code < 0x300) return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The text cut to `width` columns, its end marked with `…` when something was cut off. */
export function clip(text: string, width: number): string {
  if (endOfColumns(text, 0, width) === text.length) return text;
  return `${text.slice(0, endOfColumns(text, 0, width - 1))}…`;
}

/** The text in `width` columns, with `…` in its middle where something was left out. */
export function clipMiddle(text: string, width: number): string {
  if (endOfColumns(text, 0, width) === text.length) return text;
  const front = Math.ceil((width - 1) / 2);
  let columns = 0;
  // An agent can make names of thousands of characters.
  const end = [...text.slice(-2 * width)].reverse().filter((character) => {
    columns += columnsOf(character);
    return columns <= width - 1 - front;
  });
  return `${text.slice(0, endOfColumns(text, 0, front))}…${end.reverse().join("")}`;
}

/** Lines of at most `width` columns, broken at spaces where there are some; an indent is kept for what is broken off. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, width));
}

function wrapLine(line: string, width: number): string[] {
  // Deeper than half of the width, a kept indent would leave no room.
  const indent = " ".repeat(Math.min(/^ */.exec(line)?.[0].length ?? 0, Math.floor(width / 2)));
  const lines: string[] = [];
  let prefix = "";
  // Positions, not remainders: a line can be a whole pasted file.
  for (let start = 0; ; prefix = indent) {
    const end = endOfColumns(line, start, width - prefix.length);
    if (end === line.length) {
      lines.push(prefix + line.slice(start));
      return lines;
    }
    const row = line.slice(start, end);
    const space = line[end] === " " ? row.length : row.lastIndexOf(" ");
    const length = row.slice(0, Math.max(0, space)).trim() === "" ? row.length : space;
    lines.push((prefix + row.slice(0, length)).trimEnd());
    start += length;
    while (line[start] === " ") start++;
    if (start === line.length) return lines;
  }
}

/** Where the columns are used up, counted from `start`. One character is always taken, or a loop would never end. */
function endOfColumns(text: string, start: number, width: number): number {
  let columns = 0;
  let at = start;
  while (at < text.length) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    columns += columnsOf(character);
    if (columns > width && at > start) return at;
    at += character.length;
  }
  return at;
}
