import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionsPerGate } from "../../../../../src/lib/sandbox/gate/limits.ts";
import { boundedLookup } from "../../../../../src/lib/sandbox/gate/lookups.ts";

const ANSWER = [{ address: "192.0.2.1", family: 4 }];

/** A resolver that answers when the test says so. */
function resolver() {
  const asked: { host: string; answer: () => void; fail: () => void }[] = [];
  const lookup = (host: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<typeof ANSWER>();
    asked.push({ host, answer: () => resolve(ANSWER), fail: () => reject(new Error("no such name")) });
    return promise;
  };
  return { asked, lookup };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("two names are looked up at once, the others in their turn, also after a failure", async () => {
  const { asked, lookup } = resolver();
  const bounded = boundedLookup(lookup);
  const answers = ["a", "b", "c", "d"].map((host) => bounded(host));
  assert.deepEqual(
    asked.map(({ host }) => host),
    ["a", "b"],
  );
  asked[0]?.fail();
  await assert.rejects(answers[0] ?? Promise.resolve(), /no such name/);
  asked[1]?.answer();
  assert.deepEqual(await answers[1], ANSWER);
  await settled();
  assert.deepEqual(
    asked.slice(2).map(({ host }) => host),
    ["c", "d"],
  );
  for (const { answer } of asked.slice(2)) answer();
  await Promise.all(answers.slice(2));
});

test("a name that is being looked up isn't asked for twice, and is again afterwards", async () => {
  const { asked, lookup } = resolver();
  const bounded = boundedLookup(lookup);
  const both = Promise.all([bounded("a"), bounded("a")]);
  asked[0]?.answer();
  assert.deepEqual(await both, [ANSWER, ANSWER]);
  void bounded("a");
  assert.equal(asked.length, 2);
});

test("names beyond those that may wait are refused at once", async () => {
  const { lookup } = resolver();
  const bounded = boundedLookup(lookup);
  for (let index = 0; index < 258; index += 1) void bounded(`name-${index}`);
  await assert.rejects(bounded("one-more"), /256 other names are waiting/);
});

test("all gates together take no more than half of the descriptors, with two for a connection", () => {
  assert.equal(connectionsPerGate(1024, 8), 32);
  assert.equal(connectionsPerGate(null, 8), 256);
  assert.equal(connectionsPerGate(1_048_576, 8), 256);
  assert.equal(connectionsPerGate(128, 8), 8, "with fewer nothing works");
});
