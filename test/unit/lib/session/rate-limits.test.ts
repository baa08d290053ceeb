import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PictlError } from "../../../../src/lib/core/errors.ts";
import { RateLimits } from "../../../../src/lib/session/rate-limits.ts";

describe("RateLimits", () => {
  function limits(maxRequestsPerMinute: number, maxSessionRequestsPerMinute: number) {
    const clock = { now: 1_000 };
    const rates = new RateLimits({ maxRequestsPerMinute, maxSessionRequestsPerMinute }, () => clock.now);
    /** How many of so many are let through, and the last refusal. */
    const take = (count: number, sessionId?: string) => {
      let taken = 0;
      let refusal: PictlError | undefined;
      for (let i = 0; i < count; i++) {
        try {
          rates.take(sessionId);
          taken += 1;
        } catch (error) {
          refusal = error as PictlError;
        }
      }
      return { taken, refusal };
    };
    return { clock, take };
  }

  test("lets a burst of a minute's number through, and as many again within the next minute", () => {
    const { clock, take } = limits(1_000, 60);
    assert.equal(take(100, "a").taken, 60);
    clock.now += 1_000;
    assert.equal(take(100, "a").taken, 1);
    clock.now += 30_000;
    assert.equal(take(100, "a").taken, 30);
    clock.now += 3_600_000;
    assert.equal(take(100, "a").taken, 60, "what was not used does not add up");
  });

  test("tells when the next one is let through, which is so", () => {
    const { clock, take } = limits(1_000, 60);
    const { refusal } = take(61, "a");
    assert.equal(refusal?.retryable, true);
    assert.deepEqual(refusal?.details, {
      limit: "max_session_requests_per_minute",
      value: 60,
      retryAfterMs: 1_000,
    });
    clock.now += 999;
    assert.equal(take(1, "a").taken, 0);
    clock.now += 1;
    assert.equal(take(1, "a").taken, 1);
  });

  test("sessions don't take from each other, not even one that is refused all the time", () => {
    const { take } = limits(100, 60);
    assert.equal(take(1_000, "a").taken, 60);
    assert.equal(take(1_000, "b").taken, 40);
    const { taken, refusal } = take(1, "c");
    assert.deepEqual([taken, refusal?.details?.limit], [0, "max_requests_per_minute"]);
    assert.equal(take(1).taken, 0, "and what belongs to no session is one of all");
  });

  test("remembers nothing of sessions that were quiet", () => {
    const { clock, take } = limits(1_000_000, 2);
    for (let i = 0; i < 5_000; i++) {
      clock.now += 60_000;
      assert.equal(take(3, `s${i}`).taken, 2);
    }
  });
});
