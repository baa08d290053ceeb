import type { Client } from "../../client/client.ts";
import { PictlError } from "../../core/errors.ts";
import type { PushRecord } from "../../protocol/records.ts";
import type { RequestParams, RequestResults } from "../../protocol/requests.ts";
import type { Turn } from "../../protocol/session.ts";
import type { Deadline } from "../deadline.ts";
import { turnError } from "./turn-error.ts";

/** An abort clears pi's queue and waits for the run to end; longer than this the daemon ends the agent. */
const ABORT_WAIT_MS = 15_000;

/** How a wait for a turn ended: with the turn itself, or with the reason for not waiting any longer. */
export interface FollowedTurn {
  accepted: RequestResults["prompt"] | undefined;
  turn: Turn | undefined;
  /** Why the turn did not end as it should have. */
  error: PictlError | undefined;
  /** Messages that were queued in pi and not sent. */
  givenBack: string[];
  interrupted: boolean;
}

export interface FollowOptions {
  params: RequestParams<"prompt"> & { turnId: string };
  deadline?: Deadline | undefined;
  /** Aborts the turn when it fires. */
  interrupt: AbortSignal;
  /** Each record of the turn: that it waits, all from its start to its end, or the end alone if it never began. */
  onRecord: (record: PushRecord) => void;
  /** The prompt waits behind this many others. */
  onQueued: (ahead: number, because: string | undefined) => void;
  /** The session is known. */
  onSession?: (sessionId: string) => void;
  /** It created a session, of whose sandbox policy this is worth knowing. */
  onWarnings?: (warnings: readonly string[]) => void;
}

/**
 * Sends a prompt and follows its turn to the end. The turn's id is ours, so that its records are known before
 * the daemon has answered. Never throws for what becomes of the turn.
 */
export async function followTurn(client: Client, options: FollowOptions): Promise<FollowedTurn> {
  const { params, deadline, interrupt } = options;
  const ended = Promise.withResolvers<Turn>();
  const gone = Promise.withResolvers<never>();
  const cut = Promise.withResolvers<"timeout" | "interrupt">();
  /** Its session is known, or it was refused. */
  const placed = Promise.withResolvers<void>();
  let turnId = params.turnId;
  let inTurn = false;
  let sessionId: string | undefined;
  /** Turns that ended before it was known which one is ours: one read can bring the answer and the end. */
  const endedEarly = new Map<string, Turn>();

  const result: FollowedTurn = {
    accepted: undefined,
    turn: undefined,
    error: undefined,
    givenBack: [],
    interrupted: false,
  };

  const placeIn = (id: string) => {
    sessionId = id;
    options.onSession?.(id);
    placed.resolve();
  };
  const stopRecords = client.onRecord((record) => {
    placeIn(record.sessionId);
    if (record.type === "turn" && record.turn.state === "ended" && result.accepted === undefined) {
      endedEarly.set(record.turn.id, record.turn);
    }
    if (record.type === "turn" && record.turn.id === turnId) {
      if (record.turn.state === "queued") {
        options.onQueued(record.turn.ahead ?? 0, record.turn.because);
        options.onRecord(record);
      }
      if (record.turn.state === "started") inTurn = true;
      if (record.turn.state === "ended") {
        // Also of one that never began, because it was taken out of the line or no agent could be started.
        options.onRecord(record);
        ended.resolve(record.turn);
        inTurn = false;
        return;
      }
    }
    if (inTurn) options.onRecord(record);
  });
  const stopClose = client.onClose((error) => gone.reject(error));
  gone.promise.catch(() => undefined);
  const timer = deadline && setTimeout(() => cut.resolve("timeout"), deadline.remainingMs);
  const onInterrupt = () => cut.resolve("interrupt");
  interrupt.addEventListener("abort", onInterrupt, { once: true });
  if (interrupt.aborted) onInterrupt();

  const accepting = client.request("prompt", { ...params, subscribe: true }).then((accepted) => {
    result.accepted = accepted;
    if (accepted.warnings !== undefined) options.onWarnings?.(accepted.warnings);
    placeIn(accepted.sessionId);
    // Handed to the queue of a running turn: that one is followed from here on.
    if (accepted.disposition === "queued") inTurn = true;
    turnId = accepted.turnId;
    const early = endedEarly.get(turnId);
    if (early !== undefined) ended.resolve(early);
    return accepted;
  });
  accepting.catch(() => placed.resolve());
  /** @returns whether the turn was there to be aborted; the connection gives the records before this answer */
  const abortIn = async (target: { sessionId?: string | undefined; cwd?: string | undefined }) => {
    const answer = await client.request("abort", { ...target, turnId });
    result.givenBack = [...answer.steering, ...answer.followUp];
    return answer.aborted;
  };
  const abort = async (): Promise<boolean> => {
    // Before the daemon has named the session, only the prompt's own words do. A new session has none.
    if (sessionId === undefined && !params.fresh) {
      const { sessionId: given, cwd } = params;
      if (await abortIn({ sessionId: given, cwd }).catch(() => false)) return true;
    }
    await placed.promise;
    return sessionId === undefined || (await abortIn({ sessionId }));
  };
  try {
    const refused = accepting.then(
      () => new Promise<never>(() => undefined),
      () => undefined,
    );
    const finished = accepting.then(() => ended.promise);
    finished.catch(() => undefined);
    const first = await Promise.race([finished, gone.promise, cut.promise]);
    if (typeof first === "object") {
      result.turn = first;
      result.error = turnError(first);
      return result;
    }
    result.interrupted = first === "interrupt";
    const aborting = abort().then(async (isAborted) => {
      const turn = await Promise.race([ended.promise, isAborted ? refused : undefined]);
      return { turn, isAborted };
    });
    const last = await Promise.race([aborting, gone.promise, delay(ABORT_WAIT_MS)]);
    result.turn = last?.turn;
    if (last?.turn !== undefined && !last.isAborted) {
      // It ended by itself, just before the abort came.
      result.interrupted = false;
      result.error = turnError(last.turn);
    } else {
      const isAborted = last?.isAborted ?? false;
      result.error = cutError(result.interrupted, isAborted, deadline?.timeoutMs ?? 0);
    }
    return result;
  } catch (error) {
    result.error =
      error instanceof PictlError ? error : new PictlError("INTERNAL", String(error), { cause: error });
    return result;
  } finally {
    clearTimeout(timer);
    interrupt.removeEventListener("abort", onInterrupt);
    stopRecords();
    stopClose();
  }
}

/** Why nobody waits for the turn any longer, and what is known of its end. */
function cutError(interrupted: boolean, isAborted: boolean, timeoutMs: number): PictlError {
  const end = isAborted ? "was aborted" : "may still run: the daemon did not confirm its end";
  const look = "See `pictl session list --state working`, and end it with `pictl session abort`.";
  if (interrupted) {
    const hint = isAborted ? {} : { hint: look };
    return new PictlError("TURN_ABORTED", `Interrupted: the turn ${end}.`, hint);
  }
  return new PictlError("TIMEOUT", `The turn did not end within ${timeoutMs / 1000} s and ${end}.`, {
    hint: isAborted ? "Raise --timeout, or use --detach and look at the session later." : look,
    details: { timeoutMs },
    retryable: isAborted,
  });
}

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
