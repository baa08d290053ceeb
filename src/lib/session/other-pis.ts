import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { findOtherPis, hasOpen, type OtherPi } from "../agent/other-pis.ts";
import { realPath } from "../core/real-path.ts";
import { agentDirOf, listSessionFiles } from "../core/session-files/locate.ts";
import { sandboxedDirectoryOf } from "../core/session-files/sandboxed-directory.ts";
import { inUseError } from "./in-use-error.ts";
import type { SessionRecord } from "./registry.ts";
import type { Warnings } from "./warnings.ts";

/** A look at all processes takes at most this part of the daemon's time: there may be thousands. */
const MAX_SHARE = 1 / 20;
/** The next look waits no longer than this for it, however slow the machine is. */
export const MAX_PAUSE_MS = 1_000;
/** Limit of the pairs of session and process that are remembered as reported. */
const MAX_REPORTED = 1_000;
/** The start of a process is known to about a second. */
const START_SLACK_MS = 2_000;

/**
 * Looks before each turn for a pi that no pictl has started and that runs in the session's directory. It may have this
 * session open: pi opens the file for each write alone, and hides its arguments, so that mostly nobody can tell.
 */
export class OtherPiWatch {
  readonly #reported = new Set<string>();
  #nextLook = 0;
  /** What the last look found, for those who ask before the next one. */
  #found: OtherPi[] = [];

  /**
   * Warns of such a pi, once.
   *
   * @throws PictlError SESSION_IN_USE for one that evidently has the session
   */
  look(record: SessionRecord, warnings: Warnings): void {
    const { file, id } = record;
    // One without a file can't be opened elsewhere.
    if (record.options.ephemeral || file === undefined || !existsSync(file)) return;
    for (const pi of this.#inDirectoryOf(record)) {
      if (hasSession(pi, record, file)) {
        throw inUseError(id, `pi (process ${pi.pid}), which pictl has not started and which has opened it`, {
          hint: "Leave the session there, or prompt a copy of it with `pictl prompt --fork`.",
          details: { pid: pi.pid },
        });
      }
      const key = `${id} ${pi.pid} ${pi.startedAt}`;
      if (this.#reported.has(key)) continue;
      if (this.#reported.size >= MAX_REPORTED) this.#reported.clear();
      this.#reported.add(key);
      warnings.add(
        `pi (process ${pi.pid}) runs in ${record.cwd} too, and may have session ${id} open. If it has, leave the session there: what it writes next doesn't follow this turn.`,
      );
    }
  }

  #inDirectoryOf({ cwd, agentDir }: SessionRecord): OtherPi[] {
    const startedAt = performance.now();
    if (startedAt >= this.#nextLook) {
      this.#found = findOtherPis() ?? [];
      const now = performance.now();
      this.#nextLook = now + Math.min(MAX_PAUSE_MS, (now - startedAt) / MAX_SHARE);
    }
    const directory = realPath(cwd);
    return this.#found.filter(
      (pi) =>
        isRunning(pi.pid) &&
        pi.cwd === directory &&
        // One that a tool of an agent has started has a session of its own.
        !pi.isOfAgent &&
        !pi.words.includes("--no-session") &&
        realPath(agentDirOf(pi.env, pi.cwd)) === realPath(agentDir),
    );
  }
}

/** It may have ended since the look. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function hasSession(pi: OtherPi, { id, cwd, agentDir }: SessionRecord, file: string): boolean {
  if (hasOpen(pi.pid, file)) return true;
  const { words } = pi;
  const isThis = (value: string) =>
    resolve(pi.cwd, value) === file || (value.length >= 4 && id.startsWith(value.toLowerCase()));
  for (const [index, word] of words.entries()) {
    const [flag = "", value = words[index + 1] ?? ""] = word.split("=", 2);
    if ((flag === "--session" || flag === "--session-id") && isThis(value)) return true;
  }
  return (
    words.some((word) => word === "--continue" || word === "-c") &&
    wasNewest(file, cwd, agentDir, pi.startedAt)
  );
}

/** Whether `pi --continue` took this file when it started. A file that was written to since gives no answer. */
function wasNewest(file: string, cwd: string, agentDir: string, startedAt: number): boolean {
  const own = statSync(file, { throwIfNoEntry: false });
  // Where pi doesn't look.
  if (sandboxedDirectoryOf(file, agentDir) !== undefined) return false;
  if (own === undefined || own.mtimeMs > startedAt + START_SLACK_MS) return false;
  const { files } = listSessionFiles({ agentDir, cwd });
  return files.every(
    ({ path, mtimeMs, sandboxed }) => path === file || sandboxed !== undefined || mtimeMs <= own.mtimeMs,
  );
}
