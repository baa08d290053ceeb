import type { Client } from "../client/client.ts";
import { PictlError } from "../core/errors.ts";
import type { Deadline } from "./deadline.ts";
import { type FollowBashOptions, type FollowedBash, followBash } from "./follow-bash.ts";
import { EXIT_INTERRUPTED, interruptible } from "./interruptible.ts";
import { goesOn, sayWhenTerminated } from "./last-line.ts";
import { isReaderGone, writeStderr, writeStdout } from "./output.ts";
import type { PiBashResult } from "./pi-data.ts";

/** Exit code of a program whose reader has gone, by convention 128 + SIGPIPE. */
const EXIT_UNREAD = 141;
/** The output could not be written, which the command line reports at its end (OUTPUT_FAILED). */
const EXIT_UNWRITTEN = 1;
/** The command was ended by a signal, and pi doesn't tell which. */
const EXIT_SIGNALLED = 1;

export interface RunBashOptions extends Pick<FollowBashOptions, "target" | "command" | "excludeFromContext"> {
  deadline: Deadline | undefined;
  /** Print nothing: the caller prints what is returned. */
  quiet: boolean;
}

/**
 * Runs a shell command in a session, its output on stdout as it comes.
 *
 * @returns the exit code to end with, and the outcome for a program
 * @throws PictlError TIMEOUT, TURN_ABORTED when somebody else ended it
 */
export async function runBash(
  client: Client,
  { deadline, quiet, ...options }: RunBashOptions,
): Promise<{ exitCode: number; data: PiBashResult & { sessionId: string } }> {
  const unread = new AbortController();
  const onClosed = (error: Error) =>
    unread.abort(isReaderGone(process.stdout, error) ? EXIT_UNREAD : EXIT_UNWRITTEN);
  process.stdout.on("error", onClosed);
  let sessionId: string | undefined;
  const forget = sayWhenTerminated(() => goesOn("command", sessionId));
  const timeout = deadline && AbortSignal.timeout(deadline.remainingMs);
  try {
    return await interruptible(async (interrupted) => {
      const stops = [interrupted, unread.signal, ...(timeout === undefined ? [] : [timeout])];
      const followed = await followBash(client, {
        ...options,
        stop: AbortSignal.any(stops),
        onSession: (id) => {
          sessionId = id;
        },
        onOutput: (text) => {
          if (!quiet) void writeStdout(text);
        },
      });
      const exitCode = exitCodeOf(followed, {
        interrupted: interrupted.aborted,
        unread: unread.signal.aborted ? (unread.signal.reason as number) : undefined,
        timeoutMs: timeout?.aborted ? deadline?.timeoutMs : undefined,
      });
      if (!quiet) await writeStderr(notesOn(followed, exitCode));
      return { exitCode, data: { sessionId: followed.sessionId, ...(followed.result ?? UNENDED) } };
    });
  } finally {
    forget();
    process.stdout.off("error", onClosed);
  }
}

const UNENDED: PiBashResult = { output: "", cancelled: true, truncated: false };

function exitCodeOf(
  { result }: FollowedBash,
  stopped: { interrupted: boolean; unread: number | undefined; timeoutMs: number | undefined },
): number {
  // One that ended by itself at the last moment has ended as it did.
  if (result !== undefined && !result.cancelled) return result.exitCode ?? EXIT_SIGNALLED;
  if (stopped.interrupted) return EXIT_INTERRUPTED;
  if (stopped.unread !== undefined) return stopped.unread;
  if (stopped.timeoutMs !== undefined) {
    throw new PictlError(
      "TIMEOUT",
      `The command did not end within ${stopped.timeoutMs / 1000} s and was ended.`,
      { hint: "Raise --timeout.", details: { timeoutMs: stopped.timeoutMs, ...result }, retryable: true },
    );
  }
  throw new PictlError("TURN_ABORTED", "The command was ended from elsewhere.", { details: { ...result } });
}

function notesOn({ result, missed }: FollowedBash, exitCode: number): string {
  const notes: string[] = [];
  if (missed > 0) notes.push(`Not all of the output is shown: ${missed} records were dropped.`);
  if (result?.truncated && result.fullOutputPath !== undefined) {
    notes.push(`The session keeps only the end of the output; all of it is in ${result.fullOutputPath}`);
  }
  if (result === undefined) notes.push("The command doesn't end.");
  else if (exitCode === EXIT_INTERRUPTED && result.cancelled)
    notes.push("Interrupted: the command was ended.");
  else if (!result.cancelled && result.exitCode === undefined) notes.push("A signal ended the command.");
  return notes.map((note) => `${note}\n`).join("");
}
