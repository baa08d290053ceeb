import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PictlError } from "../../../../src/lib/core/errors.ts";
import { AgentPlaces } from "../../../../src/lib/session/agent-places.ts";

/** Takes a place under a name and writes the name down when it is had. */
function taker(places: AgentPlaces, had: string[]): (name: string) => Promise<void> {
  return async (name) => {
    await places.take();
    had.push(name);
  };
}

/** Lets every promise that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("AgentPlaces", () => {
  test("gives as many places as the limit, then in the order of asking", async () => {
    const had: string[] = [];
    const places = new AgentPlaces(2, () => "working");
    const take = taker(places, had);
    const all = ["a", "b", "c", "d"].map(take);
    await settle();
    assert.deepEqual(had, ["a", "b"]);
    places.release();
    await settle();
    assert.deepEqual(had, ["a", "b", "c"]);
    places.release();
    await Promise.all(all);
    assert.deepEqual(had, ["a", "b", "c", "d"]);
  });

  test("a place that is given back is free again, and no more than one", async () => {
    const had: string[] = [];
    const places = new AgentPlaces(1, () => "working");
    const take = taker(places, had);
    await take("a");
    places.release();
    await take("b");
    const waiting = take("c");
    await settle();
    assert.deepEqual(had, ["a", "b"]);
    places.release();
    await waiting;
  });

  test("parks an idle session only when no place is free", async () => {
    let parked = 0;
    const places: AgentPlaces = new AgentPlaces(1, () => {
      parked += 1;
      places.release();
      return "coming";
    });
    await places.take();
    assert.equal(parked, 0);
    await places.take();
    assert.equal(parked, 1);
  });

  test("asks again for an idle session when one is offered, as long as somebody waits", async () => {
    let asked = 0;
    let idle = false;
    const places: AgentPlaces = new AgentPlaces(1, () => {
      asked += 1;
      if (idle) places.release();
      return idle ? "coming" : "working";
    });
    await places.take();
    places.offerIdle();
    assert.equal(asked, 0);
    const waiting = places.take();
    assert.equal(asked, 1);
    idle = true;
    places.offerIdle();
    await waiting;
    assert.equal(asked, 2);
    places.offerIdle();
    assert.equal(asked, 2);
  });

  test("gives up after an hour and leaves the line", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const places = new AgentPlaces(1, () => "working");
    await places.take();
    const refused = assert.rejects(places.take(), { code: "LIMIT_EXCEEDED", exitCode: 8, retryable: true });
    context.mock.timers.tick(60 * 60_000);
    await refused;
    places.release();
    await places.take();
  });

  test("refuses at once, naming the limit, when every place is held by what can't be parked", async () => {
    const places = new AgentPlaces(1, () => "stuck");
    await places.take();
    await assert.rejects(places.take(), {
      code: "LIMIT_EXCEEDED",
      details: { limit: "max_live_agents", value: 1 },
    });
    places.release();
    await places.take();
  });

  test("hands over what stands in a place to who has waited longest, if that has a use for it", async () => {
    const places = new AgentPlaces<string>(1, () => "working");
    await places.take();
    const first = places.take({ accepts: (offered) => offered === "red" });
    const second = places.take({ accepts: () => true });
    assert.equal(places.handOver("blue"), false);
    assert.equal(places.handOver("red"), true);
    assert.equal(await first, "red");
    assert.equal(places.handOver("blue"), true);
    assert.equal(await second, "blue");
    assert.equal(places.handOver("green"), false);
    assert.equal(places.free, 0);
  });

  test("tells who waits why, but not where a place is coming, and who they are", async () => {
    const told: string[] = [];
    let room: "coming" | "working" = "coming";
    const places = new AgentPlaces(2, () => room);
    await Promise.all([places.take(), places.take()]);
    const taking = ["a", "b", "c"].map((name) => {
      const taken = places.take({ name, onWaiting: (because) => told.push(`${name}: ${because}`) });
      room = "working";
      return taken;
    });
    assert.deepEqual(told, [
      "b: all 2 agents are busy, and another session has waited longer",
      "c: all 2 agents are busy, and 2 others have waited longer",
    ]);
    assert.deepEqual(
      places.waiting.map(({ name }) => name),
      ["a", "b", "c"],
    );
    for (const _ of taking) places.release();
    await Promise.all(taking);
  });

  test("lets go of who doesn't want to wait any longer", async () => {
    const places = new AgentPlaces(1, () => "working");
    await places.take();
    const abort = new AbortController();
    const left = assert.rejects(places.take({ signal: abort.signal }), /enough/);
    const stays = places.take();
    abort.abort(new Error("enough"));
    await left;
    places.release();
    await stays;
    assert.equal(places.waiting.length, 0);
  });

  test("looks again by itself while somebody waits: a command that runs on ends without a word", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    let asked = 0;
    const places: AgentPlaces = new AgentPlaces(1, () => {
      asked += 1;
      if (asked === 2) places.release();
      return asked === 2 ? "coming" : "working";
    });
    await places.take();
    const waiting = places.take();
    context.mock.timers.tick(2_000);
    await waiting;
    context.mock.timers.tick(10_000);
    assert.equal(asked, 2);
  });

  test("once closed, refuses whoever waits and whoever comes", async () => {
    const places = new AgentPlaces(1, () => "working");
    await places.take();
    const waiting = assert.rejects(places.take(), { code: "DAEMON_SHUTTING_DOWN" });
    places.close(new PictlError("DAEMON_SHUTTING_DOWN", "stopping"));
    await waiting;
    places.release();
    await assert.rejects(places.take(), { code: "DAEMON_SHUTTING_DOWN" });
  });
});
