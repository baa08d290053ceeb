/** One character of a text as it is or in an escape, and where what follows it begins. */
export interface Reading {
  /** Of the character, below 256. */
  code: number;
  end: number;
}

export interface Readings {
  readings: Reading[];
  /** The bytes end in what could become an escape. */
  isCut: boolean;
}

/** Longer than every escape that is read. */
const MAX_ESCAPE_BYTES = 20;

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const NUL = 0;

/** A character of a URL (encoded up to four times), of JSON and JavaScript, of HTML, of a mail. */
const HEXADECIMAL = [
  /^%(?:25){0,3}([0-9a-f]{2})/i,
  /^\\{1,4}u00([0-9a-f]{2})/i,
  /^\\{1,4}u\{0{0,4}([0-9a-f]{2})\}/i,
  /^\\{1,4}x([0-9a-f]{2})/i,
  /^&(?:amp;)?#x0{0,5}([0-9a-f]{2});?/i,
  /^=([0-9a-f]{2})/i,
];
const DECIMAL = /^&(?:amp;)?#0{0,5}(\d{2,3});?/;
const ESCAPED = /^\\{1,4}([^ux\\])/;
const NAMED = /^&(?:amp;)?([a-z]{2,6});/;
const NAMES: Readonly<Record<string, string>> = {
  amp: "&",
  apos: "'",
  equals: "=",
  gt: ">",
  lowbar: "_",
  lt: "<",
  period: ".",
  plus: "+",
  quot: '"',
  sol: "/",
};
const BEGUN =
  /^(?:%(?:25){0,3}[0-9a-f]?|\\{1,4}(?:x[0-9a-f]?|u(?:0{0,2}[0-9a-f]?|\{0{0,4}[0-9a-f]{0,2}))?|&(?:amp;)?(?:[a-z]{0,6}|#x?[0-9a-f]{0,7})|=[0-9a-f]?)$/i;

/** Whether a byte could begin an escape, or half a character of two bytes (UTF-16). */
export function mayEscape(byte: number | undefined): boolean {
  return byte === PERCENT || byte === BACKSLASH || byte === AMPERSAND || byte === EQUALS || byte === NUL;
}

/** All that the bytes from there on could mean as one character. */
export function readingsAt(data: Buffer, at: number): Readings {
  const byte = data[at] ?? 0;
  const readings: Reading[] = [{ code: byte, end: at + 1 }];
  if (data[at + 1] === NUL) readings.push({ code: byte, end: at + 2 });
  if (!mayEscape(byte)) return { readings, isCut: false };
  if (byte === NUL) {
    const next = data[at + 1];
    if (next !== undefined) readings.push({ code: next, end: at + 2 });
    return { readings, isCut: next === undefined };
  }
  const text = data.toString("latin1", at, at + MAX_ESCAPE_BYTES);
  const add = (match: RegExpExecArray | null, codeOf: (text: string) => number | undefined) => {
    const code = match === null ? undefined : codeOf(match[1] ?? "");
    if (match !== null && code !== undefined) readings.push({ code, end: at + match[0].length });
  };
  for (const pattern of HEXADECIMAL) add(pattern.exec(text), (digits) => Number.parseInt(digits, 16));
  add(DECIMAL.exec(text), Number);
  add(ESCAPED.exec(text), (character) => character.charCodeAt(0));
  add(NAMED.exec(text), (name) => NAMES[name]?.charCodeAt(0));
  return { readings, isCut: at + text.length === data.length && BEGUN.test(text) };
}
