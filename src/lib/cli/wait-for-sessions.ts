import type { Client } from "../client/client.ts";
import { PictlError } from "../core/errors.ts";
import type { WaitResult } from "../protocol/requests.ts";
import type { WaitCondition } from "../protocol/wait.ts";
import type { Deadline } from "./deadline.ts";
import { turnError } from "./prompt/turn-error.ts";
import { type Target, targetFrom } from "./session-flags.ts";

export interface WaitOptions {
  targets: readonly Target[];
  conditions: readonly WaitCondition[];
  mode: "all" | "any";
  deadline: Deadline | undefined;
  /** Called with each session that is there, in the order in which they come. */
  onResult: (result: WaitResult) => void | Promise<void>;
}

/** The sessions that were named as arguments or by -s; none means the current one of this directory. */
export function targetsFrom(names: readonly string[] | undefined, flag: string | undefined): Target[] {
  // What is typed goes before PICTL_SESSION, which the flag may come from.
  if (names !== undefined && names.length > 0) {
    const extra = flag === undefined || flag === process.env.PICTL_SESSION ? [] : [flag];
    return [...names, ...extra].map(targetFrom);
  }
  return [targetFrom(flag)];
}

/**
 * Waits for one of the conditions in all of the sessions, or in the first of them.
 *
 * @returns the results in the order of the targets, and the exit code of their last turns
 * @throws PictlError TIMEOUT naming what is still waited for, SESSION_NOT_FOUND, QUESTION_NOT_FOUND
 */
export async function waitForSessions(
  client: Client,
  { targets, conditions, mode, deadline, onResult }: WaitOptions,
): Promise<{ results: WaitResult[]; exitCode: number }> {
  const done: (WaitResult | undefined)[] = targets.map(() => undefined);
  const waits = targets.map(async (target, index) => {
    const result = await client.request("wait", { ...target, for: [...conditions] });
    done[index] = result;
    await onResult(result);
  });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const expire = () => reject(timeoutError(targets, done, conditions, deadline?.timeoutMs ?? 0));
  const timer = deadline && setTimeout(expire, deadline.remainingMs);
  try {
    const enough = mode === "any" ? firstOf(waits) : Promise.all(waits);
    await Promise.race([enough, late]);
  } finally {
    clearTimeout(timer);
    // What is still open fails when the connection closes, and nobody asks for it any more.
    for (const wait of waits) wait.catch(() => undefined);
  }
  const results = done.filter((result) => result !== undefined);
  return { results, exitCode: results.map(exitCodeOf).find((code) => code !== 0) ?? 0 };
}

/** The first of the waits that succeeds. A session that can't ask anything doesn't end the wait for the others. */
async function firstOf(waits: readonly Promise<void>[]): Promise<void> {
  const failed = Promise.withResolvers<never>();
  for (const wait of waits)
    wait.catch((error: unknown) => {
      if (!(error instanceof PictlError) || error.code !== "QUESTION_NOT_FOUND") failed.reject(error);
    });
  const first = Promise.any(waits).catch((error: AggregateError) => {
    throw error.errors[0];
  });
  await Promise.race([first, failed.promise]);
}

/** A question is what was waited for; otherwise the last turn tells. */
function exitCodeOf({ reason, turn }: WaitResult): number {
  if (reason === "question" || turn === undefined) return 0;
  return turnError(turn)?.exitCode ?? 0;
}

function timeoutError(
  targets: readonly Target[],
  done: readonly (WaitResult | undefined)[],
  conditions: readonly WaitCondition[],
  timeoutMs: number,
): PictlError {
  const open = targets.filter((_, index) => done[index] === undefined);
  const names = open.map((target) => ("sessionId" in target ? target.sessionId : "the current session"));
  return new PictlError(
    "TIMEOUT",
    `No ${conditions.join(" or ")} within ${timeoutMs / 1000} s: ${names.join(", ")}.`,
    {
      hint: "See what it does with `pictl session watch`, or raise --timeout. Its turn goes on.",
      details: { timeoutMs, waitingFor: conditions, sessions: names },
      retryable: true,
    },
  );
}
