import { closeSync, constants, openSync, readlinkSync } from "node:fs";

/**
 * Where an entry of an open directory is found. A path of names could be led elsewhere by an agent that puts a link in
 * the place of a directory on the way; that of a descriptor can't. Source: proc(5), /proc/PID/fd.
 */
export function entryPath(directory: number, name: string): string {
  return `/proc/self/fd/${directory}/${name}`;
}

/** Opens a directory in an open one. Throws what the file system says, `ENOTDIR` or `ELOOP` for a link. */
export function openDirectoryIn(directory: number, name: string): number {
  return openDirectory(entryPath(directory, name));
}

/**
 * Opens a directory by its real path.
 *
 * @throws what the file system says; `ELOOP` where a link is on the way
 */
export function openRealDirectory(path: string): number {
  const fd = openDirectory(path);
  if (readlinkSync(`/proc/self/fd/${fd}`) === path) return fd;
  closeSync(fd);
  throw Object.assign(new Error(`ELOOP: a symbolic link leads to ${path}`), { code: "ELOOP" });
}

/**
 * Runs `use` with the directory that the names lead to, below an open one, and closes it. No link is followed.
 *
 * @throws what the file system says
 */
export function* withDirectoryBelow<T>(
  directory: number,
  names: readonly string[],
  use: (fd: number) => Generator<void, T>,
): Generator<void, T> {
  let at = directory;
  try {
    for (const name of names) {
      const next = openDirectoryIn(at, name);
      if (at !== directory) closeSync(at);
      at = next;
    }
    return yield* use(at);
  } finally {
    if (at !== directory) closeSync(at);
  }
}

function openDirectory(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}
