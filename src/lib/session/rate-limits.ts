import type { Limits } from "../core/config.ts";
import { limitExceeded } from "../core/limit-error.ts";

const MINUTE_MS = 60_000;
/** Buckets of sessions that are looked through for full ones, which say nothing any more, at this number. */
const TIDY_AT = 1_000;

/** So many at once, and as many more a minute: a burst is let through, what goes on is slowed. */
interface Bucket {
  left: number;
  at: number;
}

/**
 * How often work may be begun: of one session, and of all. Only what begins work is counted, and only when
 * nothing else is wrong with it: whoever looks what a script that went wrong is doing, and ends it, must never
 * be kept out by that script.
 */
export class RateLimits {
  readonly #perSession: number;
  readonly #overall: number;
  readonly #now: () => number;
  readonly #all: Bucket;
  readonly #sessions = new Map<string, Bucket>();

  /** @param now milliseconds of a clock that is never set back */
  constructor(
    limits: Pick<Limits, "maxRequestsPerMinute" | "maxSessionRequestsPerMinute">,
    now: () => number = () => performance.now(),
  ) {
    this.#overall = limits.maxRequestsPerMinute;
    this.#perSession = limits.maxSessionRequestsPerMinute;
    this.#now = now;
    this.#all = { left: this.#overall, at: now() };
  }

  /**
   * Counts one request. What is refused isn't counted: a session that is over its own limit takes nothing from
   * the others.
   *
   * @throws PictlError LIMIT_EXCEEDED, retryable, with `details.retryAfterMs`
   */
  take(sessionId?: string): void {
    const now = this.#now();
    fill(this.#all, this.#overall, now);
    const own = sessionId === undefined ? undefined : this.#bucketOf(sessionId, now);
    if (own !== undefined && own.left < 1) {
      throw limitExceeded(
        "max_session_requests_per_minute",
        this.#perSession,
        `Session ${sessionId} was asked more than ${this.#perSession} times within a minute.`,
        { hint: "Send requests more slowly.", retryAfterMs: untilOne(own, this.#perSession) },
      );
    }
    if (this.#all.left < 1) {
      throw limitExceeded(
        "max_requests_per_minute",
        this.#overall,
        `The daemon was asked to begin work more than ${this.#overall} times within a minute.`,
        { hint: "Send requests more slowly.", retryAfterMs: untilOne(this.#all, this.#overall) },
      );
    }
    this.#all.left -= 1;
    if (own !== undefined) own.left -= 1;
  }

  #bucketOf(sessionId: string, now: number): Bucket {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) {
      fill(known, this.#perSession, now);
      return known;
    }
    if (this.#sessions.size >= TIDY_AT) this.#tidy(now);
    const bucket = { left: this.#perSession, at: now };
    this.#sessions.set(sessionId, bucket);
    return bucket;
  }

  #tidy(now: number): void {
    for (const [id, bucket] of this.#sessions) {
      fill(bucket, this.#perSession, now);
      if (bucket.left >= this.#perSession) this.#sessions.delete(id);
    }
  }
}

function fill(bucket: Bucket, perMinute: number, now: number): void {
  bucket.left = Math.min(perMinute, bucket.left + ((now - bucket.at) / MINUTE_MS) * perMinute);
  bucket.at = now;
}

function untilOne({ left }: Bucket, perMinute: number): number {
  return Math.ceil(((1 - left) / perMinute) * MINUTE_MS);
}
