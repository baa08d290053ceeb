import { closeSync, constants, fstatSync, openSync } from "node:fs";

/**
 * Opens a session file for reading. Whoever writes there, an agent in a sandbox among them, can put something else in
 * its place: a pipe would be waited for, and a link leads to what isn't theirs to read.
 *
 * @throws what the file system says; `EFTYPE` for what is no regular file, links included
 */
export function openSessionFile(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    // open(2): a link says ELOOP, a socket ENXIO.
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw code === "ELOOP" || code === "ENXIO" ? noRegularFile(path) : error;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw noRegularFile(path);
}

function noRegularFile(path: string): Error {
  return Object.assign(new Error(`EFTYPE: ${path} is not a regular file`), { code: "EFTYPE", path });
}
