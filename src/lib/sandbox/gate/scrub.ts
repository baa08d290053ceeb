import { Transform } from "node:stream";

/**
 * Replaces each occurrence of a secret in a stream of bytes by as many asterisks, also across chunks, without
 * holding back more than the bytes that could be the begin of one: a stream of events goes on as it comes.
 */
export function scrub(secrets: readonly string[]): Transform {
  const patterns = secrets.filter((secret) => secret !== "").map((secret) => Buffer.from(secret));
  let held = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const data = cover(held.length === 0 ? chunk : Buffer.concat([held, chunk]), patterns);
      const keep = Math.max(0, ...patterns.map((pattern) => overlap(data, pattern)));
      held = Buffer.from(data.subarray(data.length - keep));
      done(null, data.subarray(0, data.length - keep));
    },
    flush(done) {
      done(null, held);
    },
  });
}

function cover(data: Buffer, patterns: readonly Buffer[]): Buffer {
  let result = data;
  for (const pattern of patterns) {
    for (let at = result.indexOf(pattern); at >= 0; at = result.indexOf(pattern, at + pattern.length)) {
      if (result === data) result = Buffer.from(data);
      result.fill("*", at, at + pattern.length);
    }
  }
  return result;
}

/** How many bytes at the end of `data` are the begin of `pattern`. */
function overlap(data: Buffer, pattern: Buffer): number {
  for (let length = Math.min(data.length, pattern.length - 1); length > 0; length -= 1) {
    if (data.subarray(data.length - length).equals(pattern.subarray(0, length))) return length;
  }
  return 0;
}
