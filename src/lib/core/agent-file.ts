import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
} from "node:fs";
import { join, relative, resolve } from "node:path";
import { systemErrorCode } from "./errors.ts";
import { refuseOpenedOutside } from "./outside/planted-link.ts";

export interface AgentFileOptions {
  /**
   * Links that lead to the file: `below` a directory none is followed; by default none at the end of the path; `follow`
   * is for places that only the user writes, who may keep a file elsewhere. A file that the user names may be anywhere,
   * but no link in `places` where sandboxed agents write leads out of them.
   */
  links?: "follow" | { below: string } | { places: readonly string[] };
  /** The user id that the file must have. */
  owner?: number | undefined;
  /** Bytes; a file that is larger is refused: a sparse one has any size. */
  maxBytes?: number | undefined;
}

/** What the codes mean that don't come from the file system, or not always. */
const PROBLEMS = {
  EFTYPE: "is not a regular file",
  EISDIR: "is a directory",
  ELOOP: "is a symbolic link, or lies behind one",
  EFBIG: "is larger than",
  EOWNER: "is somebody else's",
} as const;

/**
 * Opens a file for reading where an agent may have put something else in its place: a pipe or a device would be waited
 * for, and a link leads to what isn't the agent's to name.
 *
 * @returns a descriptor of a regular file, which the caller closes
 * @throws what the file system says; `EISDIR` and `EFTYPE` for what is no regular file, `ELOOP` for a link that isn't
 *   followed, PictlError SANDBOX_CHANGED for one that leads out of `places`, `EOWNER` for a file of another user, `EFBIG` for a larger one
 */
export function openAgentFile(path: string, { links, owner, maxBytes }: AgentFileOptions = {}): number {
  const places = typeof links === "object" && "places" in links ? links.places : undefined;
  const noFollow = links === "follow" || places !== undefined ? 0 : constants.O_NOFOLLOW;
  let fd: number;
  try {
    // Normalized, or `..` would lead back through a link that isn't looked at.
    fd = openSync(resolve(path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | noFollow);
  } catch (error) {
    // open(2): a socket says ENXIO.
    throw systemErrorCode(error) === "ENXIO" ? problem("EFTYPE", path) : error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw problem(stats.isDirectory() ? "EISDIR" : "EFTYPE", path);
    if (owner !== undefined && stats.uid !== owner) throw problem("EOWNER", path);
    if (maxBytes !== undefined && stats.size > maxBytes) throw problem("EFBIG", path, ` ${maxBytes} bytes`);
    if (places !== undefined) refuseOpenedOutside(fd, path, places);
    if (typeof links === "object" && "below" in links && !liesBelow(links.below, path, stats))
      throw problem("ELOOP", path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The content of a file that an agent may have written or replaced. See {@link openAgentFile}. */
export function readAgentFile(path: string, options: AgentFileOptions & { maxBytes: number }): Buffer {
  const fd = openAgentFile(path, options);
  try {
    const size = Math.min(fstatSync(fd).size, options.maxBytes);
    // As it was when it was opened: what grows meanwhile isn't followed.
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read)
      read = readSync(fd, bytes, length, size - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/**
 * Acts in a directory of a place that agents write, such as a workspace's `.pictl`: what is put in its place meanwhile
 * changes nothing.
 *
 * @param links as in {@link AgentFileOptions}
 * @param act gets a path that leads to the directory
 * @throws what the file system says; `ELOOP` for a link that isn't followed
 */
export function inAgentDirectory<T>(
  directory: string,
  links: "follow" | { below: string } | undefined,
  act: (held: string) => T,
): T {
  const noFollow = links === undefined ? constants.O_NOFOLLOW : 0;
  let fd: number;
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | noFollow);
  } catch (error) {
    // open(2): a link says ENOTDIR here.
    const isLink = lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink();
    throw isLink ? problem("ELOOP", directory) : error;
  }
  try {
    if (typeof links === "object" && !liesBelow(links.below, directory, fstatSync(fd)))
      throw problem("ELOOP", directory);
    // Where there is no /proc, as on macOS, the name has to do.
    const held = `/proc/self/fd/${fd}`;
    return act(existsSync(held) ? held : directory);
  } finally {
    closeSync(fd);
  }
}

/** Whether it is what the file is, or its size, that keeps it from being read. */
export function isUnfit(error: unknown): boolean {
  return error instanceof Error && "problem" in error;
}

/** What is wrong with a file that couldn't be read, as the rest of a sentence that begins with its path. */
export function agentFileProblem(error: unknown): string {
  if (error instanceof Error && "problem" in error) return String(error.problem);
  const code = systemErrorCode(error);
  return code === "ELOOP" ? PROBLEMS.ELOOP : `can't be read (${code ?? String(error)})`;
}

/** Whether the path is the file's real one below a directory. A rename meanwhile can only make that false. */
function liesBelow(directory: string, path: string, { dev, ino }: Stats): boolean {
  const real = join(realpathSync.native(directory), relative(directory, path));
  const there = lstatSync(real, { throwIfNoEntry: false });
  return realpathSync.native(path) === real && there?.dev === dev && there.ino === ino;
}

function problem(code: keyof typeof PROBLEMS, path: string, rest = ""): Error {
  const text = `${PROBLEMS[code]}${rest}`;
  return Object.assign(new Error(`${code}: ${path} ${text}`), { code, path, problem: text });
}
