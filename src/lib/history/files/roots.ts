import { dirname } from "node:path";
import { realPath } from "../../core/real-path.ts";
import type { SessionFile, SessionRoot } from "../../core/session-files/locate.ts";

/** Whether a file lies where one of these directories would have it. */
export function isBelow(path: string, roots: readonly SessionRoot[]): boolean {
  const directory = dirname(path);
  const above = dirname(directory);
  // <root>/<directory>/<name>/files/<file>
  const sandboxed = dirname(dirname(above));
  return roots.some((root) => (root.sandboxed ? sandboxed : root.nested ? above : directory) === root.path);
}

/** Tells a listed file by another of its names: a directory may be reached by links. */
export function otherNames(files: readonly SessionFile[]): (path: string) => boolean {
  let listed: Set<string> | undefined;
  return (path) => {
    listed ??= new Set(files.map((file) => realPath(file.path)));
    return listed.has(realPath(path));
  };
}
