import { openAgentFile } from "../agent-file.ts";

/**
 * No session file that is larger is read: it would keep the daemon from everything else. Reading takes a second for some
 * GiB, and an agent can give its file any size without writing it. pi can't open one beyond 512 MiB.
 */
export const MAX_SESSION_FILE_BYTES = 2 * 1024 ** 3;

/**
 * Opens a session's file for reading, which its agent may have replaced: see {@link openAgentFile}.
 *
 * @returns a descriptor, which the caller closes
 */
export function openSessionFile(path: string): number {
  return openAgentFile(path, { maxBytes: MAX_SESSION_FILE_BYTES });
}
