/** What a file is that is neither a text nor a picture, and how its content can be given to a model all the same. */
export interface BinaryType {
  /** With its article: "a PDF document". */
  what: string;
  hint: string;
}

const OTHERWISE =
  "Only UTF-8 text and PNG, JPEG, GIF and WebP pictures can be attached. Without the @ the agent is given the path and can look at the file with its tools.";
const TO_PNG = "Convert it to PNG or JPEG first, for example with ImageMagick.";
const UNPACK = "Unpack it and attach the files that matter, or give the path without the @.";
const TO_UTF8 = "Convert it to UTF-8 first, for example with `iconv`.";

/** Bytes that a format begins with (at an offset), as latin1. */
const SIGNATURES: readonly [offset: number, start: string, what: string, hint: string][] = [
  [0, "%PDF-", "a PDF document", "Take its text out first: pdftotext FILE - | pictl prompt …"],
  [0, "PK\x03\x04", "a ZIP archive (or an office document)", UNPACK],
  [0, "\x1f\x8b", "gzip data", UNPACK],
  [0, "BZh", "bzip2 data", UNPACK],
  [0, "\xfd7zXZ\0", "xz data", UNPACK],
  [0, "\x28\xb5\x2f\xfd", "zstd data", UNPACK],
  [0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK],
  [257, "ustar", "a tar archive", UNPACK],
  [0, "\xd0\xcf\x11\xe0", "an old office document", "Save it as text or PDF first."],
  [0, "BM", "a BMP picture", TO_PNG],
  [0, "II*\0", "a TIFF picture", TO_PNG],
  [0, "MM\0*", "a TIFF picture", TO_PNG],
  [0, "\0\0\x01\0", "an icon", TO_PNG],
  [4, "ftypheic", "a HEIC picture", TO_PNG],
  [4, "ftypmif1", "a HEIF picture", TO_PNG],
  [4, "ftypavif", "an AVIF picture", TO_PNG],
  [4, "ftyp", "a video (MP4)", OTHERWISE],
  [0, "\x1aE\xdf\xa3", "a video (Matroska)", OTHERWISE],
  [0, "RIFF", "audio or video (RIFF)", OTHERWISE],
  [0, "OggS", "audio (Ogg)", OTHERWISE],
  [0, "ID3", "audio (MP3)", OTHERWISE],
  [0, "fLaC", "audio (FLAC)", OTHERWISE],
  [0, "\x7fELF", "a program (ELF)", OTHERWISE],
  [0, "\xcf\xfa\xed\xfe", "a program (Mach-O)", OTHERWISE],
  [0, "\xca\xfe\xba\xbe", "a program (Mach-O or Java)", OTHERWISE],
  [0, "SQLite format 3\0", "a SQLite database", OTHERWISE],
  [0, "\xff\xfe", "text in UTF-16", TO_UTF8],
  [0, "\xfe\xff", "text in UTF-16", TO_UTF8],
];

/** Bytes that no text has in any encoding, and UTF-16 has nearly always. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0e-\x1a\x1c-\x1f]/;

/** Names what bytes are that could not be taken as text or picture. */
export function binaryType(bytes: Buffer): BinaryType {
  for (const [offset, start, what, hint] of SIGNATURES) {
    if (bytes.toString("latin1", offset, offset + start.length) === start) return { what, hint };
  }
  return CONTROL.test(bytes.toString("latin1"))
    ? { what: "binary data", hint: OTHERWISE }
    : { what: "text that is not valid UTF-8", hint: TO_UTF8 };
}
