import type { Readable } from "node:stream";
import { FrameDecoder } from "../../src/lib/protocol/framing.ts";

/** A record of any of the protocols, as a test reads it. */
export type Json = Record<string, unknown>;

const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Reads a stream's records one after the other; a test waits for each instead of for a time. */
export class RecordReader {
  readonly #decoder = new FrameDecoder(MAX_RECORD_BYTES);
  readonly #records: Json[] = [];
  #waiting: ((record: Json | undefined) => void)[] = [];
  #ended = false;

  constructor(stream: Readable) {
    stream.on("data", (chunk: Buffer) => {
      for (const frame of this.#decoder.push(chunk)) {
        const record = JSON.parse(frame) as Json;
        const waiting = this.#waiting.shift();
        if (waiting) waiting(record);
        else this.#records.push(record);
      }
    });
    stream.on("error", () => this.#end());
    stream.on("close", () => this.#end());
  }

  /** The next record, or undefined at the end of the stream. */
  next(): Promise<Json | undefined> {
    const record = this.#records.shift();
    if (record !== undefined || this.#ended) return Promise.resolve(record);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next record, which must be there. */
  async record(): Promise<Json> {
    const record = await this.next();
    if (record === undefined) throw new Error("the stream has ended");
    return record;
  }

  #end(): void {
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}
