import assert from "node:assert/strict";
import { test } from "node:test";
import { PictlError } from "../../../../src/lib/core/errors.ts";
import { countsAsDeath, RestartDelay, restartDelayed } from "../../../../src/lib/session/restart-delay.ts";

function at(): { delay: RestartDelay; pass: (ms: number) => void } {
  let now = 1_000_000;
  return {
    delay: new RestartDelay(() => now),
    pass: (ms) => {
      now += ms;
    },
  };
}

test("doubles with each death from 250 ms to 30 s, counted from the last", () => {
  const { delay, pass } = at();
  assert.equal(delay.remainingMs, 0);
  const seen = Array.from({ length: 10 }, () => {
    delay.failed();
    return delay.remainingMs;
  });
  assert.deepEqual(seen, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  pass(29_000);
  assert.equal(delay.remainingMs, 1_000);
  pass(1_000);
  assert.equal(delay.remainingMs, 0);
});

test("a turn that ended well, or a long life, sets it back", () => {
  const { delay, pass } = at();
  for (let times = 0; times < 5; times++) delay.failed();
  delay.worked();
  assert.equal(delay.remainingMs, 0);
  delay.failed();
  assert.equal(delay.remainingMs, 250);
  for (let times = 0; times < 5; times++) delay.failed();
  delay.started();
  pass(60_000);
  delay.failed();
  assert.equal(delay.failures, 1);
  // One that came soon after its start adds to them.
  delay.started();
  pass(1_000);
  delay.failed();
  assert.equal(delay.failures, 2);
});

test("a wait can be given up", async () => {
  const { delay } = at();
  for (let times = 0; times < 10; times++) delay.failed();
  const waits = delay.wait();
  delay.skip();
  await waits;
});

test("counts processes that died, and nothing that was refused before one was started", () => {
  const counted = (["AGENT_START_FAILED", "AGENT_DIED", "PI_NOT_FOUND", "LIMIT_EXCEEDED"] as const).filter(
    (code) => countsAsDeath(new PictlError(code, "")),
  );
  assert.deepEqual(counted, ["AGENT_START_FAILED", "AGENT_DIED"]);
  assert.equal(restartDelayed(3, 1_000), "its agent has died 3 times in a row, the next one starts in 1s");
  assert.match(restartDelayed(1, 250), /^its agent has died, .* in 250ms$/);
});
