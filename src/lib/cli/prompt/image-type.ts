/** What a file's first bytes say that it is, where that is a picture. */
export type ImageType =
  /** A picture that pi takes; `mimeType` as pi's `images` want it. */
  | { mimeType: string; complete: boolean }
  /** A picture that no model takes. */
  | { unsupported: string };

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PNG_CHUNK_OVERHEAD = 12;
const JPEG_END = Buffer.from([0xff, 0xd9]);

/**
 * Recognises PNG, JPEG, GIF and WebP by content, the same way as pi does for `pi @file` (its utils/mime.ts):
 * an animated PNG and a lossless JPEG are refused, because the providers refuse them. `complete` is false when
 * the file is shorter than it says: pi would leave such a picture out and the model would answer without it.
 *
 * @returns undefined for anything that isn't one of the four
 */
export function imageType(bytes: Buffer): ImageType | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) {
    if (bytes[3] === 0xf7) return { unsupported: "a lossless JPEG picture" };
    return { mimeType: "image/jpeg", complete: jpegIsComplete(bytes) };
  }
  if (bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return pngType(bytes);
  const start = bytes.toString("latin1", 0, 12);
  // A GIF doesn't say its length, and pi takes one that lacks its end.
  if (/^GIF8[79]a/.test(start)) return { mimeType: "image/gif", complete: true };
  if (start.startsWith("RIFF") && start.endsWith("WEBP")) {
    return { mimeType: "image/webp", complete: bytes.length >= bytes.readUInt32LE(4) + 8 };
  }
  return undefined;
}

/** Its headers lead to the data, and the end is marked behind it: a preview in a header has one as well. */
function jpegIsComplete(bytes: Buffer): boolean {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    if (marker === 0xda) return bytes.indexOf(JPEG_END, at) !== -1;
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2);
  }
  return false;
}

function pngType(bytes: Buffer): ImageType {
  let seenData = false;
  for (let at = PNG_SIGNATURE.length; at + PNG_CHUNK_OVERHEAD <= bytes.length; ) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (type === "acTL" && !seenData) return { unsupported: "an animated PNG picture" };
    if (type === "IDAT") seenData = true;
    if (type === "IEND") return { mimeType: "image/png", complete: true };
    at += PNG_CHUNK_OVERHEAD + bytes.readUInt32BE(at);
  }
  return { mimeType: "image/png", complete: false };
}
