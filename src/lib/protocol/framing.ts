import { PictlError } from "../core/errors.ts";
import { raiseLimit } from "../core/limit-error.ts";

/**
 * The first record of a client carries the environment of its shell, which the kernel bounds to 6 MB (execve(2)): no
 * setting may keep an ordinary shell out.
 */
export const MAX_HANDSHAKE_BYTES = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** Pieces of an unfinished frame are joined up to this size; above it, copying costs more than keeping them. */
const SMALL_PIECE_BYTES = 4096;

/** One record as a frame: JSON on one line, ended by LF. `JSON.stringify` never emits a raw LF. */
export function encodeFrame(record: unknown): string {
  return `${JSON.stringify(record)}\n`;
}

/**
 * Splits a byte stream into frames at LF and only at LF: Node's `readline` also splits at U+2028 and U+2029,
 * which are valid inside JSON strings. Works on bytes, so a multi-byte character cut by a chunk border is
 * whole again when its frame is decoded.
 */
export class FrameDecoder {
  #maxBytes: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /** @param maxBytes size above which a frame is refused, so that a peer that never sends LF can't fill memory */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Frames that begin from now on may have so many bytes. */
  limitTo(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next chunk and returns the frames it completes, without LF, an optional CR and empty lines.
   *
   * @throws PictlError MESSAGE_TOO_LARGE when a frame exceeds the limit; the stream can't be used any more
   */
  push(chunk: Buffer): string[] {
    return this.pushBytes(chunk).map((frame) => frame.toString("utf8"));
  }

  /**
   * The same without decoding, for whoever passes frames on. A frame may share its memory with the chunk.
   *
   * @throws PictlError MESSAGE_TOO_LARGE
   */
  pushBytes(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      const frame = this.#complete(chunk.subarray(start, end));
      if (frame.length > 0) frames.push(frame);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return frames;
  }

  /** The unfinished frame at the end of the stream, or undefined: half a record is never a record. */
  end(): string | undefined {
    if (this.#pendingBytes === 0) return undefined;
    return this.#complete(Buffer.alloc(0)).toString("utf8");
  }

  #complete(tail: Buffer): Buffer {
    this.#check(tail.length);
    const bytes = this.#pendingBytes === 0 ? tail : Buffer.concat([...this.#pending, tail]);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes;
  }

  #keep(rest: Buffer): void {
    this.#check(rest.length);
    this.#pendingBytes += rest.length;
    const last = this.#pending.at(-1);
    // A peer that sends byte by byte would otherwise make a buffer of each, a hundred times as large.
    if (last !== undefined && last.length + rest.length <= SMALL_PIECE_BYTES)
      this.#pending[this.#pending.length - 1] = Buffer.concat([last, rest]);
    else this.#pending.push(rest);
  }

  #check(more: number): void {
    const size = this.#pendingBytes + more;
    if (size <= this.#maxBytes) return;
    throw new PictlError("MESSAGE_TOO_LARGE", `A record exceeds the limit of ${this.#maxBytes} bytes.`, {
      hint: `Send less at once. ${raiseLimit("max_message_bytes")}`,
      details: { limit: "max_message_bytes", value: this.#maxBytes },
    });
  }
}

/** A shell whose environment is too large for a handshake. */
export function handshakeTooLarge(): PictlError {
  return new PictlError(
    "MESSAGE_TOO_LARGE",
    `The environment of the shell is too large to be sent: the limit is ${MAX_HANDSHAKE_BYTES} bytes.`,
    {
      hint: "Run the command without the largest variables: `env -u NAME pictl …`.",
      details: { limit: "handshake", value: MAX_HANDSHAKE_BYTES },
    },
  );
}
