import { randomUUID } from "node:crypto";
import type { Client } from "../client/client.ts";
import { PictlError } from "../core/errors.ts";
import { BashStream } from "./bash-stream.ts";
import type { PiBashResult } from "./pi-data.ts";

/** pi knows a command to end only from the moment that it runs; one that comes earlier is lost. */
const ABORT_AGAIN_MS = 250;
/** Longer than this no command takes to die: it isn't waited for any more. */
const ABORT_WAIT_MS = 10_000;
const NOTHING_RAN: PiBashResult = { output: "", cancelled: true, truncated: false };

export interface FollowBashOptions {
  target: { sessionId: string } | { cwd: string };
  command: string;
  /** Keep the output out of what the model sees. */
  excludeFromContext: boolean;
  /** Ends the command when it fires. */
  stop: AbortSignal;
  /** The session is known. */
  onSession?: (sessionId: string) => void;
  /** Each piece of output as it comes. */
  onOutput: (text: string) => void;
}

export interface FollowedBash {
  sessionId: string;
  /** Undefined when the command was to end and didn't. */
  result: PiBashResult | undefined;
  /** Records of the session that this connection was too slow for; output may be among them. */
  missed: number;
}

/**
 * Runs a shell command in a session and follows its output to the end.
 *
 * @throws PictlError what the daemon answered, DAEMON_UNREACHABLE
 */
export async function followBash(client: Client, options: FollowBashOptions): Promise<FollowedBash> {
  const { command, excludeFromContext, stop, onOutput } = options;
  const executionId = randomUUID();
  const stream = new BashStream(executionId, onOutput);
  const stopRecords = client.onRecord((record) => stream.record(record));
  try {
    const { sessionId } = await client.request("subscribe", options.target);
    options.onSession?.(sessionId);
    const running = client.command("bash", { sessionId, command, excludeFromContext, executionId });
    const result = (await endedOrGivenUp(client, sessionId, running, stop)) as PiBashResult | undefined;
    await stream.catchUp(client, sessionId);
    // An extension that runs commands in its own way tells the output at the end only.
    if (result !== undefined && stream.length === 0 && stream.missed === 0) onOutput(result.output);
    return { sessionId, result, missed: stream.missed };
  } finally {
    stopRecords();
  }
}

async function endedOrGivenUp(
  client: Client,
  sessionId: string,
  running: Promise<unknown>,
  stop: AbortSignal,
): Promise<unknown> {
  const givenUp = Promise.withResolvers<undefined>();
  let again: NodeJS.Timeout | undefined;
  let giveUp: NodeJS.Timeout | undefined;
  const abort = () => void client.command("abort_bash", { sessionId }).catch(() => undefined);
  const onStop = () => {
    abort();
    again = setInterval(abort, ABORT_AGAIN_MS);
    giveUp = setTimeout(() => givenUp.resolve(undefined), ABORT_WAIT_MS);
  };
  stop.addEventListener("abort", onStop, { once: true });
  if (stop.aborted) onStop();
  try {
    return await Promise.race([running, givenUp.promise]);
  } catch (error) {
    // It was still waiting for its agent, and nothing of it has run.
    if (stop.aborted && error instanceof PictlError && error.code === "TURN_ABORTED") return NOTHING_RAN;
    throw error;
  } finally {
    stop.removeEventListener("abort", onStop);
    clearInterval(again);
    clearTimeout(giveUp);
    running.catch(() => undefined);
  }
}
