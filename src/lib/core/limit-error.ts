import { PictlError } from "./errors.ts";

/** A setting of `[limits]` that is a number of things: `max_sessions`. */
export type LimitName = `max_${string}`;

/**
 * The refusal of a configurable limit: LIMIT_EXCEEDED with the limit's name and value as `details`, and how to
 * change it as the hint.
 *
 * @param hint what helps without changing the limit
 * @param retryAfterMs when the same request may succeed; it is retryable then
 */
export function limitExceeded(
  limit: LimitName,
  value: number,
  message: string,
  { hint, retryable, retryAfterMs }: { hint: string; retryable?: boolean; retryAfterMs?: number },
): PictlError {
  return new PictlError("LIMIT_EXCEEDED", message, {
    hint: `${hint} ${raiseLimit(limit)}`,
    details: { limit, value, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    retryable: retryable ?? retryAfterMs !== undefined,
  });
}

/** How a limit is changed, as the end of a hint. */
export function raiseLimit(limit: LimitName): string {
  return `Raise it with \`pictl config set limits.${limit} N\`, then \`pictl daemon restart\`.`;
}
