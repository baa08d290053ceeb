import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import type { Agent, AgentExit } from "../../../../src/lib/agent/agent.ts";
import { PictlError } from "../../../../src/lib/core/errors.ts";
import { AgentPool } from "../../../../src/lib/session/agent-pool.ts";
import type { AgentLaunch, AgentPlan, AgentStarter } from "../../../../src/lib/session/agent-starter.ts";

const QUIET = () => undefined;

/** Plays a pi that does as it is told: which session it holds, and whether it still runs. */
class FakeAgent {
  readonly pid: number;
  readonly args: readonly string[];
  holds: string;
  hasEnded = false;
  readonly #exited = Promise.withResolvers<AgentExit>();

  constructor(pid: number, args: readonly string[]) {
    this.pid = pid;
    this.args = args;
    this.holds = args.join(" ");
  }

  get exited(): Promise<AgentExit> {
    return this.#exited.promise;
  }

  reportTo = QUIET;

  async call({ type, sessionPath }: { type: string; sessionPath?: string }): Promise<unknown> {
    if (type === "new_session") this.holds = "an empty one";
    if (type === "switch_session") this.holds = sessionPath ?? "";
    if (type === "get_state") return { sessionId: this.holds, sessionFile: this.holds, messageCount: 0 };
    return { cancelled: false };
  }

  async stop(): Promise<void> {
    this.hasEnded = true;
    this.#exited.resolve({ code: 0, signal: null, stderr: "", expected: true });
    // Its place is free once everybody has been told.
    await this.#exited.promise;
  }
}

describe("AgentPool", () => {
  let agents: FakeAgent[];
  let pool: AgentPool;

  beforeEach(() => {
    agents = [];
    mock.timers.enable({ apis: ["setTimeout"] });
  });
  afterEach(() => mock.timers.reset());

  /** @param limits each absent one is more than a test needs */
  function open(limits: { live?: number; spares?: number; parkAfterMs?: number } = {}): void {
    const kinds = new Map<unknown, Pick<AgentLaunch, "kind" | "cwd">>();
    const starter = {
      async prepare({ place, cwd, options }: AgentPlan) {
        const args = [`for ${place.kind === "file" ? place.path : ""}`];
        const kind = { key: options.tools ?? "plain" };
        return {
          args,
          spareArgs: ["for nobody"],
          cwd,
          kind,
          spareWillDo: true,
          toolsDifference: () => undefined,
        };
      },
      async launch({ args, kind, cwd }: AgentLaunch) {
        const agent = new FakeAgent(agents.length + 1, args);
        agents.push(agent);
        kinds.set(agent, { kind, cwd });
        return { agent, state: {} };
      },
      kindOf: (agent: unknown) => kinds.get(agent),
    };
    const { live = 9, spares = 9, parkAfterMs = 0 } = limits;
    pool = new AgentPool({
      starter: starter as unknown as AgentStarter,
      limits: { maxLiveAgents: live, spareAgents: spares, parkAfterMs },
      log: { debug: QUIET, info: QUIET, warn: QUIET, error: QUIET },
      parkOne: () => "working",
    });
  }

  /** An agent for this session, whose kind is told by its tools. */
  async function start(sessionId: string, tools = "plain"): Promise<FakeAgent> {
    const { agent } = await pool.start({
      sessionId,
      plan: () => ({
        sessionId: "s",
        place: { kind: "file", path: sessionId },
        cwd: "/w",
        options: { tools },
      }),
      caller: {},
      handlers: { onRecord: QUIET, onExit: QUIET },
    });
    return agent as unknown as FakeAgent;
  }

  async function park(agent: FakeAgent, sessionId: string, ephemeral = false): Promise<void> {
    await pool.park(agent as unknown as Agent, sessionId, ephemeral);
  }

  /** Lets time pass, and all happen that comes of it. */
  async function pass(ms: number): Promise<void> {
    mock.timers.tick(ms);
    // Promises alone are between a timer and what it starts, and all of them come before this.
    await new Promise((resolve) => setImmediate(resolve));
  }

  const live = () => agents.filter(({ hasEnded }) => !hasEnded).map(({ pid }) => pid);

  describe("spares", () => {
    test("are what sessions have let go of, and each goes on with the next session", async () => {
      open();
      const first = await start("a");
      await park(first, "a");
      assert.deepEqual(pool.sparePids, [first.pid]);
      assert.equal(await start("b"), first);
      assert.equal(first.holds, "b");
      assert.deepEqual(pool.sparePids, []);
    });

    test("are warmed after one was taken: one of its kind, that was started for no session", async () => {
      open();
      await park(await start("a"), "a");
      const taken = await start("b");
      await pass(999);
      assert.deepEqual(live(), [taken.pid]);
      await pass(1);
      const [, warm] = agents;
      assert.deepEqual([warm?.args, pool.sparePids], [["for nobody"], [warm?.pid]]);
      await pass(10_000);
      assert.equal(agents.length, 2, "one is enough");
      assert.equal(await start("c"), warm);
      assert.equal((await start("d", "other")).args[0], "for d");
    });

    test("aren't warmed in the last place, which a session of another kind may want", async () => {
      open({ live: 2 });
      await park(await start("a"), "a");
      const taken = await start("b");
      await pass(1_000);
      assert.deepEqual(live(), [taken.pid]);
    });

    test("aren't warmed where as many are kept as may be, nor where one fits already", async () => {
      open({ spares: 2 });
      const [a, b, c] = [await start("a"), await start("b"), await start("c", "other")];
      await park(a, "a");
      await park(b, "b");
      await start("d");
      await pass(1_000);
      assert.deepEqual([agents.length, pool.sparePids.length], [3, 1], "one fits");
      await park(c, "c");
      await start("e", "other");
      await park(await start("f", "third"), "f");
      await pass(1_000);
      assert.deepEqual([agents.length, pool.sparePids.length], [4, 2], "there are two");
    });

    test("end when nobody has taken them for as long as an idle session keeps its agent", async () => {
      for (const [parkAfterMs, kept] of [
        [60_000, 60_000],
        // Where sessions are parked at once, or never.
        [1, 30_000],
        [0, 300_000],
      ] as const) {
        open({ parkAfterMs });
        const agent = await start("a");
        await park(agent, "a");
        await pass(kept - 1);
        assert.equal(agent.hasEnded, false);
        await pass(1);
        assert.deepEqual([agent.hasEnded, pool.sparePids], [true, []]);
      }
    });

    test("end, the longest kept first, when they are more than may be kept, and at once where none may", async () => {
      open({ spares: 1 });
      const [a, b] = [await start("a"), await start("b")];
      await park(a, "a");
      await park(b, "b");
      assert.deepEqual([a.hasEnded, b.hasEnded, pool.sparePids], [true, false, [b.pid]]);
      open({ spares: 0 });
      const none = await start("c");
      await park(none, "c");
      assert.deepEqual([none.hasEnded, none.holds], [true, "for c"], "it isn't even made to leave");
      await pass(10_000);
      assert.deepEqual(pool.sparePids, []);
    });

    test("are none that were an ephemeral session's", async () => {
      open();
      const agent = await start("a");
      await park(agent, "a", true);
      assert.equal(agent.hasEnded, true);
    });

    test("give their place to a session that none of them fits", async () => {
      open({ live: 1 });
      const spare = await start("a");
      await park(spare, "a");
      const other = await start("b", "other");
      assert.deepEqual([spare.hasEnded, live()], [true, [other.pid]]);
    });
  });

  describe("that is closed", () => {
    const reason = new PictlError("DAEMON_SHUTTING_DOWN", "stopping");

    test("ends its spares, warms none, keeps none, and gives none", async () => {
      open();
      const [a, b, c] = [await start("a"), await start("b"), await start("c")];
      await park(a, "a");
      await park(b, "b");
      const taken = await start("d");
      assert.equal(taken, b);
      pool.close(reason);
      await pass(10_000);
      assert.deepEqual([a.hasEnded, agents.length, pool.sparePids], [true, 3, []]);
      await park(c, "c");
      assert.deepEqual([c.hasEnded, pool.sparePids], [true, []]);
      await assert.rejects(start("e"), reason);
    });

    test("ends what its sessions still have, and waits for what is on its way", async () => {
      open();
      const [a, b] = [await start("a"), await start("b")];
      let isParked = false;
      void park(b, "b").then(() => {
        isParked = true;
      });
      pool.close(reason);
      await pool.end();
      assert.deepEqual([a.hasEnded, b.hasEnded, pool.sparePids, isParked], [true, true, [], true]);
    });
  });
});
