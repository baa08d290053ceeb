import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { Workspace } from "../support/workspace.ts";

describe("turns", () => {
  let place: Workspace;
  let session: string;
  before(async () => {
    place = new Workspace();
  });
  after(() => place.dispose());

  const state = async () =>
    (await place.json<{ session: SessionInfo }>(["session", "show", session])).session.state;
  /** A long turn in a session of its own, running for certain. */
  const startLongTurn = async (...flags: string[]) => {
    session = await place.ok(["session", "create", "--model", place.scenario("long-turn.json")]);
    const running = place.start(["prompt", "-s", session, ...flags, "go"]);
    await running.until("stdout", /\S/);
    return running;
  };

  it("Ctrl-C aborts the turn, keeps what was said and exits 130", async () => {
    const running = await startLongTurn();
    running.child.kill("SIGINT");
    const result = await running.done;
    assert.equal(result.code, 130, running.transcript());
    assert.match(result.stdout, /\S/);
    assert.match(result.stderr, /aborted/);
    assert.equal(await state(), "idle");
  });

  it("Ctrl-C gives back what was queued in pi", async () => {
    const running = await startLongTurn();
    const steering = place.start(["prompt", "-s", session, "--follow-up", "the queued words"]);
    // Accepted by pi once it shows in the queue, which the running view tells in its own words.
    await waitFor(async () => {
      const queued = await place.run(["session", "show", session, "--json"]);
      return queued.code === 0 && /the queued words/.test(place.log() + (await queueOf(place, session)));
    });
    running.child.kill("SIGINT");
    const result = await running.done;
    assert.equal(result.code, 130);
    assert.match(result.stderr, /Not sent: the queued words/);
    assert.equal((await steering.done).code, 6);
  });

  it("abort from another terminal ends the turn, and the waiting prompt exits 6 saying so", async () => {
    const running = await startLongTurn();
    await place.ok(["session", "abort", session]);
    const result = await running.done;
    assert.equal(result.code, 6, running.transcript());
    assert.match(result.stderr, /aborted from elsewhere.*\[TURN_ABORTED\]/);
    assert.equal(await state(), "idle");
  });

  it("a killed client leaves the turn running", async () => {
    const running = await startLongTurn();
    running.child.kill("SIGKILL");
    await running.done;
    assert.equal(await state(), "working");
    await place.ok(["session", "abort", session]);
  });

  it("a second prompt waits its turn, and --no-wait is refused with 11", async () => {
    const first = await startLongTurn();
    const second = place.start(["prompt", "-s", session, "--json", "second"]);
    await second.until("stderr", "Waiting for");
    const refused = await place.run(["prompt", "-s", session, "--no-wait", "third"]);
    assert.equal(refused.code, 11);
    assert.match(refused.stderr, /\[SESSION_BUSY\]/);
    await place.ok(["session", "abort", session]);
    assert.equal((await first.done).code, 6);
    await place.ok(["session", "abort", session]);
    assert.equal((await second.done).code, 6);
  });

  it("Ctrl-C takes back a prompt that still waits, and leaves the running turn alone", async () => {
    const first = await startLongTurn();
    const second = place.start(["prompt", "-s", session, "second"]);
    await second.until("stderr", "Waiting for");
    second.child.kill("SIGINT");
    assert.equal((await second.done).code, 130);
    assert.equal(await state(), "working");
    first.child.kill("SIGINT");
    assert.equal((await first.done).code, 130);
  });

  it("refuses to wait for itself", async () => {
    const running = await startLongTurn();
    const result = await place.run(["prompt", "-s", session, "from inside"], { env: { PI_SESSION_ID: session } });
    assert.equal(result.code, 11);
    running.child.kill("SIGINT");
    await running.done;
  });
});

async function queueOf(place: Workspace, session: string): Promise<string> {
  const { connectToDaemon } = await import("../../src/lib/client/connect.ts");
  const client = await connectToDaemon(place.env);
  try {
    const { pendingMessageCount } = (await client.command("get_state", { sessionId: session })) as {
      pendingMessageCount: number;
    };
    return pendingMessageCount > 0 ? "the queued words" : "";
  } finally {
    client.close();
  }
}

/** Asks again until it holds; the runner's own limit ends a test that never gets there. */
async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
