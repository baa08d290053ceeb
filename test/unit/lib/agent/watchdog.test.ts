import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Watchdog } from "../../../../src/lib/agent/watchdog.ts";

/** A watchdog of 60 s and 15 s on mocked timers, with what it did. */
function watched(t: { after: (end: () => void) => void }, silenceMs = 60_000) {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  const seen = { probes: 0, stuck: [] as number[], expected: true };
  const dog = new Watchdog({
    silenceMs,
    isExpected: () => seen.expected,
    probe: () => {
      seen.probes += 1;
    },
    onStuck: (silentMs) => seen.stuck.push(silentMs),
  });
  const pass = (seconds: number) => {
    for (let second = 0; second < seconds; second++) mock.timers.tick(1_000);
  };
  return { dog, seen, pass };
}

test("asks after the silence, and gives up when nothing comes then", (t) => {
  const { dog, seen, pass } = watched(t);
  dog.watch();
  pass(59);
  assert.deepEqual([seen.probes, seen.stuck], [0, []]);
  pass(1);
  assert.deepEqual([seen.probes, seen.stuck], [1, []]);
  pass(14);
  assert.deepEqual(seen.stuck, []);
  pass(1);
  assert.deepEqual(seen.stuck, [75_000]);
  dog.watch();
  pass(200);
  assert.equal(seen.stuck.length, 1, "it was told twice");
});

test("one that answers the question is asked again after the next silence, for as long as it takes", (t) => {
  const { dog, seen, pass } = watched(t);
  dog.watch();
  for (let times = 1; times <= 10; times++) {
    pass(61);
    assert.equal(seen.probes, times);
    dog.heard();
    pass(1);
  }
  assert.deepEqual(seen.stuck, []);
});

test("rests when nothing is expected, and begins anew", (t) => {
  const { dog, seen, pass } = watched(t);
  dog.watch();
  seen.expected = false;
  pass(300);
  assert.deepEqual([seen.probes, seen.stuck], [0, []]);
  seen.expected = true;
  dog.watch();
  pass(60);
  assert.equal(seen.probes, 1);
});

test("a suspicion asks at once", (t) => {
  const { dog, seen, pass } = watched(t);
  dog.suspect();
  pass(1);
  assert.equal(seen.probes, 1);
  pass(15);
  assert.equal(seen.stuck.length, 1);
});

test("0 switches it off", (t) => {
  const { dog, seen, pass } = watched(t, 0);
  dog.watch();
  dog.suspect();
  pass(500);
  assert.deepEqual([seen.probes, seen.stuck], [0, []]);
});

test("an ended one stays so", (t) => {
  const { dog, seen, pass } = watched(t);
  dog.watch();
  dog.end();
  dog.watch();
  pass(500);
  assert.deepEqual([seen.probes, seen.stuck], [0, []]);
});
