import { type ErrorCode, EXIT_CODES, PictlError } from "../../core/errors.ts";
import type { Turn } from "../../protocol/session.ts";

/** The error that a turn's last record tells, when it did not end normally. */
export function turnError(turn: Turn): PictlError | undefined {
  if (turn.outcome === "completed" || turn.outcome === "handled") return undefined;
  const usual = turn.outcome === "aborted" ? "TURN_ABORTED" : "TURN_FAILED";
  const { code = usual, message = `The turn ended as ${turn.outcome}.`, hint, retryable } = turn.error ?? {};
  const known = Object.hasOwn(EXIT_CODES, code) ? (code as ErrorCode) : "TURN_FAILED";
  const by = turn.abortedBy === undefined ? "" : ` (by process ${turn.abortedBy})`;
  const text = turn.outcome === "aborted" ? `The turn was aborted from elsewhere${by}.` : message;
  return new PictlError(known, text, {
    hint,
    retryable,
    details: { outcome: turn.outcome, turnId: turn.id },
  });
}
