import { crc32 } from "node:zlib";
import { readFully } from "../../core/session-files/line-reader.ts";

/** All of a file up to this size is looked at, which takes 4 ms; of a larger one, samples. */
const WHOLE_BYTES = 8 * 1024 * 1024;
const EDGE_BYTES = 64 * 1024;
const SAMPLES = 32;
const SAMPLE_BYTES = 4096;

/**
 * Tells whether the first `length` bytes of a file are those that were read: a file that was appended to has the
 * same, one that was written anew has not.
 */
export function fingerprint(fd: number, length: number): string {
  const buffer = Buffer.allocUnsafe(Math.min(length, EDGE_BYTES));
  let sum = 0;
  const add = (from: number, count: number) => {
    for (let at = from; at < from + count; at += buffer.length) {
      const wanted = Math.min(buffer.length, from + count - at);
      sum = crc32(buffer.subarray(0, readFully(fd, buffer, at, wanted)), sum);
    }
  };
  if (length === 0) return "";
  if (length <= WHOLE_BYTES) add(0, length);
  else {
    add(0, EDGE_BYTES);
    for (let i = 1; i <= SAMPLES; i++)
      add(Math.floor(((length - SAMPLE_BYTES) * i) / (SAMPLES + 1)), SAMPLE_BYTES);
    add(length - EDGE_BYTES, EDGE_BYTES);
  }
  return `${length}-${sum}`;
}
