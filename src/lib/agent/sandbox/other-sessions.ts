import { closeSync, readSync } from "node:fs";
import { openAgentFile } from "../../core/agent-file.ts";
import { parseObject } from "../../core/session-files/json.ts";
import { listSessionFiles } from "../../core/session-files/locate.ts";

/** A header is some hundred bytes; a longer first line isn't one of pi's. */
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * The session files in a directory that belong to another working directory: pi's settings may keep the sessions of
 * all projects in one place, and two directories can share the one that is pi's default (`/a/b-c` and `/a/b/c`). What
 * has no header that can be read counts as another's.
 *
 * @param cwd of the session for which they are looked at
 */
export function otherProjectsSessions(sessionDir: string, cwd: string): string[] {
  return listSessionFiles({ agentDir: "/", sessionDir })
    .files.filter(({ path }) => cwdOf(path) !== cwd)
    .map(({ path }) => path);
}

function cwdOf(path: string): unknown {
  const bytes = Buffer.alloc(MAX_HEADER_BYTES);
  try {
    const file = openAgentFile(path);
    try {
      const text = bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, 0));
      return parseObject(text.split("\n", 1)[0] ?? "")?.cwd;
    } finally {
      closeSync(file);
    }
  } catch {
    // Gone meanwhile, or not to be read: not this session's in any case.
    return undefined;
  }
}
