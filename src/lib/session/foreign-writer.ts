import { realpathSync, statSync } from "node:fs";
import { findOtherPis, hasOpen } from "../agent/other-pis.ts";
import { inUseError } from "./in-use-error.ts";
import type { SessionRecord } from "./registry.ts";

/** The start of a process is known to about a second. */
const START_SLACK_MS = 2_000;
/** How long a file must have been left alone where nobody is seen who could have written to it. */
const QUIET_MS = 250;
/** The same where somebody could: a pi of another directory, or processes that can't be seen at all. */
const QUIET_NEAR_OTHERS_MS = 2_000;
const LOOK_AGAIN_MS = 100;

/**
 * Looks for a pi that no pictl has started and that may be writing to the session's file. Which session such a pi
 * has can't be seen: it opens the file for each write only. So one counts that was started in the session's
 * directory before the file was last written to, when that was none of ours.
 *
 * @throws PictlError SESSION_IN_USE naming the process
 */
export async function refuseWhileWritten(
  { id, cwd, seen }: Pick<SessionRecord, "id" | "cwd" | "seen">,
  file: string,
): Promise<void> {
  const first = statSync(file, { throwIfNoEntry: false });
  if (first === undefined || (seen?.ino === first.ino && seen.size === first.size)) return;
  const directory = resolved(cwd);
  const writtenAt = first.mtimeMs;
  const pis = findOtherPis();
  const others = pis?.filter(({ startedAt }) => startedAt <= writtenAt + START_SLACK_MS);
  const writer = others?.find(({ pid, cwd: itsCwd }) => itsCwd === directory || hasOpen(pid, file));
  if (writer !== undefined) throw writtenError(id, writer.pid);
  const quietMs = others === undefined || others.length > 0 ? QUIET_NEAR_OTHERS_MS : QUIET_MS;
  // Bounded by the time itself: anything new ends it.
  const quietAt = performance.now() + Math.min(quietMs, Math.max(0, quietMs - (Date.now() - writtenAt)));
  while (performance.now() < quietAt) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    if (statSync(file, { throwIfNoEntry: false })?.size !== first.size) throw writtenError(id, undefined);
  }
}

function writtenError(sessionId: string, pid: number | undefined) {
  const who = pid === undefined ? "a process that is writing to its file" : `pi (process ${pid})`;
  return inUseError(sessionId, `${who}, which pictl has not started`, {
    hint: "Prompt a copy of it with `pictl prompt --fork`, or prompt again when that pi has ended.",
    details: pid === undefined ? {} : { pid },
  });
}

function resolved(cwd: string): string {
  try {
    return realpathSync(cwd);
  } catch {
    // Gone: then nobody is in it, and the start of the agent says so.
    return cwd;
  }
}
