import { closeSync, fstatSync, openSync, readSync, statSync, unwatchFile, watch, watchFile } from "node:fs";
import { dirname } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { openLogToRead } from "../core/open-log.ts";

/** For file systems that tell nobody of a change. */
const POLL_MS = 1_000;
const CHUNK_BYTES = 64 * 1024;
/** More than a log grows to before it is rotated, and a bound for any other file. */
const MAX_TAIL_BYTES = 8 * 1024 * 1024;

/** The lines of a file (of its end, when it is very large), and where they end; none for a file that isn't there. */
export function readLines(path: string): { lines: string[]; end: number } {
  const fd = openLogToRead(path);
  if (fd === undefined) return { lines: [], end: 0 };
  try {
    const { size } = fstatSync(fd);
    const length = Math.min(size, MAX_TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    const bytesRead = readSync(fd, buffer, 0, length, size - length);
    // What follows the last line end is a line that is still being written.
    const end = buffer.lastIndexOf(0x0a, bytesRead - 1) + 1;
    const lines = buffer.toString("utf8", 0, end).split("\n").slice(0, -1);
    return { lines, end: size - length + end };
  } finally {
    closeSync(fd);
  }
}

/**
 * Calls back with each line that is added to a file after `position`, until the signal fires. One that isn't
 * there is waited for. A file that is rotated by copying it to `<path>.1` and cutting it to nothing (as the
 * daemon's log is) is read to its end in the copy, and then from its start.
 */
export async function followFile(
  path: string,
  position: number,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let at = position;
  let decoder = new StringDecoder("utf8");
  let rest = "";
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const readFrom = (file: string) => {
    const fd = openSync(file, "r");
    try {
      for (let bytes = 1; bytes > 0; ) {
        bytes = readSync(fd, buffer, 0, CHUNK_BYTES, at);
        at += bytes;
        const lines = (rest + decoder.write(buffer.subarray(0, bytes))).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) onLine(line);
      }
    } finally {
      closeSync(fd);
    }
  };
  const older = `${path}.1`;
  const copyOf = () => statSync(older, { throwIfNoEntry: false });
  let copy = copyOf()?.ino;
  const look = () => {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    const made = copyOf();
    // Between the copy and the cut the file is still as long as its copy.
    const rotated = made !== undefined && made.ino !== copy && size < made.size;
    if (rotated) {
      copy = made.ino;
      readFrom(older);
    }
    if (rotated || size < at) {
      at = 0;
      rest = "";
      decoder = new StringDecoder("utf8");
    }
    if (size !== at) readFrom(path);
  };
  const ended = Promise.withResolvers<void>();
  const guarded = () => {
    try {
      look();
    } catch (error) {
      ended.reject(error);
    }
  };
  const stop = () => ended.resolve();
  signal.addEventListener("abort", stop, { once: true });
  // The directory, because the file may not exist yet.
  const watcher = watch(dirname(path), guarded);
  watcher.on("error", () => watcher.close());
  watchFile(path, { interval: POLL_MS }, guarded);
  guarded();
  try {
    if (!signal.aborted) await ended.promise;
  } finally {
    watcher.close();
    unwatchFile(path, guarded);
    signal.removeEventListener("abort", stop);
  }
}
