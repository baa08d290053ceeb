import { constants, createWriteStream, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isatty, WriteStream } from "node:tty";
import { inAgentDirectory } from "../core/agent-file.ts";
import { PictlError, systemErrorCode, toStorageError } from "../core/errors.ts";
import { realPath } from "../core/real-path.ts";
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

/**
 * Copies to a file that `-o` names. An agent may have put a link in its place, which isn't followed: at the end of the path,
 * and below this directory nowhere in it.
 *
 * @param options.mode of a file that isn't there yet
 * @param options.replace whether a file that is there is overwritten
 * @throws PictlError INVALID_INPUT for a link, DIRECTORY_NOT_FOUND, STORAGE_UNAVAILABLE
 */
export async function copyToFile(
  content: Readable,
  path: string,
  { mode, replace }: { mode: number; replace: boolean },
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const directory = dirname(path);
  const isBelow = `${directory}/`.startsWith(`${process.cwd()}/`);
  try {
    const fd = inAgentDirectory(directory, isBelow ? { below: process.cwd() } : "follow", (held) =>
      openSync(join(held, basename(path)), flags | (replace ? constants.O_TRUNC : constants.O_EXCL), mode),
    );
    await pipeline(content, createWriteStream(path, { fd }));
  } catch (error) {
    throw toWriteError(error, path);
  }
}

function toWriteError(error: unknown, path: string): unknown {
  const directory = dirname(path);
  const code = systemErrorCode(error);
  if (code === "ENOENT") {
    return new PictlError("DIRECTORY_NOT_FOUND", `The directory ${directory} does not exist.`, {
      hint: "Create it, or choose another file with -o.",
      details: { path },
    });
  }
  // Without `replace` a link says EEXIST, for a file that isn't there has been looked for before.
  if (code !== "ELOOP" && code !== "EEXIST") return toStorageError(error, path);
  return new PictlError(
    "INVALID_INPUT",
    `${path} is a symbolic link, or lies behind one: nothing was written.`,
    {
      hint: `It leads to ${realPath(path)}. Name that file itself if it is meant.`,
      details: { path, target: realPath(path) },
      cause: error,
    },
  );
}

async function* sanitizeChunks(chunks: AsyncIterable<string>): AsyncIterable<string> {
  for await (const chunk of chunks) yield sanitize(chunk);
}
