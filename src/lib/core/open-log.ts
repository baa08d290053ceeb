import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { PictlError, systemErrorCode, toStorageError } from "./errors.ts";

const { O_RDWR, O_RDONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;

/**
 * Opens a log to add to it; made for the user alone when it isn't there.
 *
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function openLog(path: string): number {
  return openFile(path, O_RDWR | O_APPEND | O_CREAT);
}

/** Opens a log to read it. @returns undefined where there is none. Throws STORAGE_UNAVAILABLE. */
export function openLogToRead(path: string): number | undefined {
  try {
    return openFile(path, O_RDONLY);
  } catch (error) {
    const code = systemErrorCode(error instanceof PictlError ? error.cause : error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function openFile(path: string, flags: number): number {
  let fd: number;
  try {
    // A pipe in its place would hold the open until somebody comes to its other end.
    fd = openSync(path, flags | O_NONBLOCK, 0o600);
  } catch (error) {
    throw toStorageError(error, path);
  }
  const stats = fstatSync(fd);
  // A device as /dev/null is somebody's choice.
  if (stats.isFile() || stats.isCharacterDevice()) return fd;
  closeSync(fd);
  const what = stats.isDirectory() ? "a directory" : "a pipe";
  throw new PictlError("STORAGE_UNAVAILABLE", `Cannot use ${path} as a log: it is ${what}.`, {
    hint: "Move it away.",
    details: { path },
  });
}
