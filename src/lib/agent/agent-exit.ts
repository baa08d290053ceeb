import { type ErrorCode, PictlError } from "../core/errors.ts";
import { lastWordsOf } from "../core/last-words.ts";

/** How an agent ended, and the beginning and end of its stderr (secrets redacted). */
export interface AgentExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
  /** True when `stop` was called before. */
  expected: boolean;
  /** What it did that pictl has ended it for, as `stopped answering …`; absent when it ended by itself. */
  fault?: string;
}

/** `was ended by SIGKILL`, `ended with exit code 7`, or what it was ended for. */
export function howItEnded({ fault, signal, code }: AgentExit): string {
  if (fault !== undefined) return `${fault}, so it was ended,`;
  return signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
}

/** Why it ended, by its stderr, as far as that fits an error's message. */
export function lastWords({ stderr }: AgentExit): string {
  return lastWordsOf(stderr);
}

/** How pi refuses a model of its command line. The words are the same from 0.87 to 1.6. */
const MODEL_REFUSED =
  /^(?:Error: )?Model "(.*)" (?:not found\. Use --list-models|is ambiguous across providers: (.*?)\. )/m;

/** The error for a model that pi refused at its start; undefined where pi ended for another reason. */
function modelRefusal({ stderr }: AgentExit): PictlError | undefined {
  const [, model, candidates] = MODEL_REFUSED.exec(stderr) ?? [];
  if (model === undefined) return undefined;
  const details = { model, stderr };
  if (candidates === undefined)
    return new PictlError("MODEL_UNAVAILABLE", `pi lists no model "${model}".`, {
      hint: "`pictl model list` shows those that can be used here. Give one of them, or a part of its id.",
      details,
    });
  return new PictlError("MODEL_UNAVAILABLE", `"${model}" fits several models: ${candidates}.`, {
    hint: "Give provider/id.",
    details: { ...details, candidates: candidates.split(", ") },
  });
}

/**
 * What the requests of an agent fail with that has ended.
 *
 * @param garbage what it printed that is no RPC, which may say more than its stderr
 */
export function exitError(code: ErrorCode, exit: AgentExit, garbage: readonly string[]): PictlError {
  const refusal = code === "AGENT_START_FAILED" ? modelRefusal(exit) : undefined;
  if (refusal !== undefined) return refusal;
  const when = code === "AGENT_START_FAILED" ? "before it was ready" : "in the middle of its work";
  const words = lastWords(exit) || garbage.join("\n");
  return new PictlError(code, `The pi process ${howItEnded(exit)} ${when}${words ? `:\n${words}` : "."}`, {
    hint:
      code === "AGENT_START_FAILED"
        ? "Run `pictl doctor` to see which pi is used, or try the same arguments with `pi` itself."
        : "Prompt again: the session goes on with all that pi had saved.",
    details: {
      exitCode: exit.code,
      signal: exit.signal,
      stderr: exit.stderr,
      ...(garbage.length > 0 ? { stdout: garbage } : {}),
    },
    // A signal comes from outside, as when the machine's memory is used up.
    retryable: code === "AGENT_DIED" || (exit.signal !== null && exit.fault === undefined),
  });
}
