import { PictlError } from "../core/errors.ts";

/** Somebody else has the session, `who`. */
export function inUseError(
  sessionId: string,
  who: string,
  options: { hint?: string; details?: Record<string, unknown> } = {},
): PictlError {
  return new PictlError("SESSION_IN_USE", `Session ${sessionId} is in use by ${who}.`, {
    hint: options.hint ?? "Prompt a copy of it with `pictl prompt --fork`, or wait until that has ended.",
    details: { sessionId, ...options.details },
    retryable: true,
  });
}
