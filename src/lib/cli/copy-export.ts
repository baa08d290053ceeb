import { createWriteStream, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isatty, WriteStream } from "node:tty";
import { systemErrorCode, toStorageError } from "../core/errors.ts";
import { writeStdout } from "./output.ts";
import { sanitize } from "./render/text-width.ts";

/** Copies to stdout at the speed of its reader. */
export async function copyToStdout(content: Readable): Promise<void> {
  if (process.stdout.isTTY) content.setEncoding("utf8");
  for await (const chunk of content as AsyncIterable<Buffer | string>) {
    if (!process.stdout.writable) return;
    await writeStdout(chunk);
  }
}

/**
 * Copies to what `-o` names and only this process can write to: a pipe, a device, a terminal. Stops without an error
 * when the reader has gone away.
 *
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export async function copyToDevice(content: Readable, path: string): Promise<void> {
  try {
    const fd = openSync(path, "w");
    if (isatty(fd)) await pipeline(content.setEncoding("utf8"), sanitizeChunks, new WriteStream(fd));
    else await pipeline(content, createWriteStream(path, { fd }));
  } catch (error) {
    if (systemErrorCode(error) !== "EPIPE") throw toStorageError(error, path);
  }
}

async function* sanitizeChunks(chunks: AsyncIterable<string>): AsyncIterable<string> {
  for await (const chunk of chunks) yield sanitize(chunk);
}
