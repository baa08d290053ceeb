import { closeSync, constants, createReadStream, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { isatty, ReadStream } from "node:tty";
import { resolvePaths } from "../../core/paths.ts";
import { writeStderr } from "../output.ts";

/** After this long without a byte, say what is being waited for: a pipe that nobody closes looks like a hang. */
const NOTICE_MS = 3_000;

/** Bounds what is read: more bytes than this throw the error. */
export interface ReadLimit {
  bytes: number;
  exceeded: () => Error;
}

/**
 * Reads a file of any kind to its end. No link that an agent could have made leads to one outside of its place.
 *
 * @param name as a notice shows it when nothing comes
 * @throws the error of the limit, PictlError SANDBOX_CHANGED for such a link, STORAGE_UNAVAILABLE, and system errors (EISDIR, ENOENT, …)
 */
export async function readFileOfAnyKind(path: string, name: string, limit: ReadLimit): Promise<Buffer> {
  // Without O_NONBLOCK a pipe that nobody writes to blocks a thread, and Node can't end the process while one is blocked.
  // Normalized, or `..` would lead back through a link that isn't looked at.
  const fd = openSync(resolve(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { agentPlaces } = await import("../../core/outside/agent-places.ts");
    const { refuseOpenedOutside } = await import("../../core/outside/planted-link.ts");
    refuseOpenedOutside(fd, path, agentPlaces(resolvePaths(process.env).agentPlaces));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return await readToEnd(streamOf(fd), `Waiting for the end of ${name}…`, limit);
}

function streamOf(fd: number): Readable {
  if (isatty(fd)) return new ReadStream(fd);
  if (fstatSync(fd).isFIFO()) return new Socket({ fd, readable: true, writable: false });
  return createReadStream("", { fd });
}

/** All bytes of a stream, which is destroyed then. Writes `notice` to stderr when nothing comes for a while. */
export async function readToEnd(stream: Readable, notice: string, limit: ReadLimit): Promise<Buffer> {
  const timer = setTimeout(() => void writeStderr(`${notice}\n`), NOTICE_MS);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      size += chunk.length;
      if (size > limit.bytes) throw limit.exceeded();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}
