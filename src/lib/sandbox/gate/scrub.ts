import { Transform } from "node:stream";
import { mayEscape, readingsAt } from "./spellings.ts";

/** What is looked for. */
interface Pattern {
  codes: readonly number[];
  /** Whether letters count in either case. */
  anyCase: boolean;
}

const ASTERISK = 0x2a;
const BASE64_BITS = 6;

/**
 * Finds secrets in bytes: in either case, with any of their characters escaped as in URLs, JSON, HTML, mail or UTF-16,
 * in hexadecimal, and in base64 at whatever place of an encoded text. What is cut into pieces, or written in a way of
 * its own, isn't found.
 */
export class SecretFinder {
  /** By the code of their first character. */
  readonly #byFirst: Pattern[][] = Array.from({ length: 256 }, () => []);
  /** Bytes that a secret can begin with in any spelling: most can't, and are passed over at once. */
  readonly #canBegin: readonly boolean[];

  constructor(secrets: readonly string[]) {
    const known = new Set<string>();
    for (const { text, anyCase } of secrets.filter((secret) => secret !== "").flatMap(formsOf)) {
      if (known.has(text)) continue;
      known.add(text);
      const codes = [...Buffer.from(text, "latin1")].map((code) => (anyCase ? lower(code) : code));
      const [first = 0] = codes;
      for (const code of anyCase ? new Set([first, upper(first)]) : [first])
        this.#byFirst[code]?.push({ codes, anyCase });
    }
    this.#canBegin = this.#byFirst.map((patterns, code) => patterns.length > 0 || mayEscape(code));
  }

  /** A text, one byte a character, in which each secret is replaced by as many asterisks. */
  cover(text: string): string {
    return this.coverBytes(Buffer.from(text, "latin1"), true).covered.toString("latin1");
  }

  /**
   * Covers the secrets in bytes.
   *
   * @param isWhole nothing comes after them
   * @returns how many bytes at the end could be the begin of a secret, and were left as they are
   */
  coverBytes(data: Buffer, isWhole: boolean): { covered: Buffer; held: number } {
    let covered = data;
    for (let at = 0; at < data.length; ) {
      if (!this.#canBegin[data[at] ?? 0]) {
        at += 1;
        continue;
      }
      const found = this.#secretAt(data, at);
      if (found === "cut" && !isWhole) return { covered, held: data.length - at };
      if (found === undefined || found === "cut") at += 1;
      else {
        if (covered === data) covered = Buffer.from(data);
        covered.fill(ASTERISK, at, found);
        at = found;
      }
    }
    return { covered, held: 0 };
  }

  /** The end of the secret that begins there; "cut" when the bytes end before that is known. */
  #secretAt(data: Buffer, at: number): number | "cut" | undefined {
    const byte = data[at] ?? 0;
    const { readings, isCut } = mayEscape(byte)
      ? readingsAt(data, at)
      : { readings: [{ code: byte }], isCut: false };
    let end: number | undefined;
    let cut = isCut;
    for (const { code } of readings) {
      for (const pattern of this.#byFirst[code] ?? []) {
        const found = matchAt(data, at, pattern);
        if (found === "cut") cut = true;
        else if (found !== undefined) end = Math.max(found, end ?? 0);
      }
    }
    return end ?? (cut ? "cut" : undefined);
  }
}

/**
 * Covers secrets in a stream of bytes, also across chunks, without holding back more than the bytes that could be the
 * begin of one: a stream of events goes on as it comes.
 */
export function scrub(secrets: readonly string[]): Transform {
  const finder = new SecretFinder(secrets);
  let rest = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const { covered, held } = finder.coverBytes(data, false);
      rest = Buffer.from(covered.subarray(covered.length - held));
      done(null, covered.subarray(0, covered.length - held));
    },
    flush(done) {
      done(null, finder.coverBytes(rest, true).covered);
    },
  });
}

/** Follows all readings at once, of which there are seldom two. Nearly all that is looked at is none of a secret. */
function matchAt(data: Buffer, at: number, { codes, anyCase }: Pattern): number | "cut" | undefined {
  let plain = 0;
  while (plain < codes.length && isPlain(data, at + plain)) {
    const code = data[at + plain] ?? 0;
    if ((anyCase ? lower(code) : code) !== codes[plain]) return undefined;
    plain += 1;
  }
  let places = [at + plain];
  let cut = false;
  for (const wanted of codes.slice(plain)) {
    const next = new Set<number>();
    for (const place of places) {
      if (place >= data.length) {
        cut = true;
        continue;
      }
      const { readings, isCut } = readingsAt(data, place);
      cut ||= isCut;
      for (const { code, end } of readings) if ((anyCase ? lower(code) : code) === wanted) next.add(end);
    }
    if (next.size === 0) return cut ? "cut" : undefined;
    places = [...next];
  }
  return Math.max(...places);
}

/** Whether there is one way to read the byte there, and it is there. */
function isPlain(data: Buffer, at: number): boolean {
  return at < data.length && !mayEscape(data[at]) && data[at + 1] !== 0;
}

function formsOf(secret: string): { text: string; anyCase: boolean }[] {
  const bytes = Buffer.from(secret);
  return [
    { text: bytes.toString("latin1"), anyCase: true },
    { text: bytes.toString("hex"), anyCase: true },
    ...[0, 1, 2].flatMap((before) =>
      (["base64", "base64url"] as const).map((alphabet) => ({
        text: insideBase64(bytes, before, alphabet),
        anyCase: false,
      })),
    ),
  ].filter(({ text }) => text !== "");
}

/** The digits that depend on these bytes alone, when so many bytes come before them in a group of three. */
function insideBase64(bytes: Buffer, before: number, alphabet: "base64" | "base64url"): string {
  const digits = Buffer.concat([Buffer.alloc(before), bytes]).toString(alphabet);
  const first = Math.ceil((before * 8) / BASE64_BITS);
  return digits.slice(first, Math.floor(((before + bytes.length) * 8) / BASE64_BITS));
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

function upper(code: number): number {
  return code >= 0x61 && code <= 0x7a ? code - 0x20 : code;
}
