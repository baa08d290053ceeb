import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SCENARIOS, Workspace } from "../support/workspace.ts";

describe("turns", () => {
  let place: Workspace;
  /** All its turns are long. */
  let session: string;
  before(async () => {
    place = new Workspace();
    const long = JSON.parse(readFileSync(join(SCENARIOS, "long-turn.json"), "utf8")) as {
      responses: object[];
    };
    const file = join(place.root, "long-turns.json");
    writeFileSync(
      file,
      JSON.stringify({ responses: Array.from({ length: 20 }, () => long.responses).flat() }),
    );
    await place.ok(["daemon", "start"]);
    const options = { model: `scripted/${file}` };
    session = (await place.ask("create_session", { cwd: place.cwd, options })).sessionId;
  });
  after(() => place.dispose());

  const state = async () => (await place.ask("get_session", { sessionId: session })).session.state;
  /** A long turn, running for certain. */
  const startLongTurn = async (...flags: string[]) => {
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
    const followUp = place.start(["prompt", "-s", session, "--follow-up", "the queued words"]);
    await queuedInPi(place, session);
    running.child.kill("SIGINT");
    const result = await running.done;
    assert.equal(result.code, 130);
    assert.match(result.stderr, /Not sent: the queued words/);
    assert.equal((await followUp.done).code, 6);
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
    await place.ask("abort", { sessionId: session });
    await place.ask("wait", { sessionId: session, for: ["idle"] });
  });

  it("a second prompt waits its turn, and --no-wait is refused with 11", async () => {
    const options = { model: place.scenario("long-turn.json") };
    const { sessionId } = await place.ask("create_session", { cwd: place.cwd, options });
    const first = place.start(["prompt", "-s", sessionId, "go"]);
    await first.until("stdout", /\S/);
    const second = place.start(["prompt", "-s", sessionId, "second"]);
    await second.until("stderr", "Waiting for a prompt ahead");
    const third = place.start(["prompt", "-s", sessionId, "--format", "stream-json", "third"]);
    await third.until("stderr", "Waiting for 2 prompts ahead");
    await third.until("stdout", /^\{"v":1,"type":"turn_queued".*"ahead":2\}$/m);
    const refused = await place.run(["prompt", "-s", sessionId, "--no-wait", "fourth"]);
    assert.equal(refused.code, 11);
    assert.match(refused.stderr, /\[SESSION_BUSY\]/);
    await place.ask("abort", { sessionId });
    assert.equal((await first.done).code, 6);
    assert.match((await second.done).stdout, /^echo: second /);
    assert.match((await third.done).stdout, /"text":"echo: third /);
    const { messages = [] } = await place.ask("get_session", { sessionId, messages: true });
    const asked = messages.filter((message) => message.role === "user").map((message) => message.text);
    assert.deepEqual(asked, ["go", "second", "third"]);
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

  it("two first prompts in a directory share one session", async () => {
    const cwd = join(place.root, "shared");
    mkdirSync(cwd);
    const prompts = ["one", "two"].map((text) =>
      place.json<{ sessionId: string; outcome: string }>(["prompt", "--model", "scripted/echo", text], {
        cwd,
      }),
    );
    const [first, second] = await Promise.all(prompts);
    assert.equal(first?.outcome, "completed");
    assert.equal(second?.outcome, "completed");
    assert.equal(first?.sessionId, second?.sessionId);
  });

  it("after one that pi could not write, goes on behind what is in the file", async () => {
    const options = { model: place.scenario("shell.json") };
    const { sessionId } = await place.ask("create_session", { cwd: place.cwd, options });
    await place.turn({ sessionId, message: "echo one" });
    const shown = await place.ask("get_session", { sessionId });
    const file = shown.session.file ?? assert.fail("no file");
    // As a disk that is full or read-only for a moment, for root too: nothing can be appended to a directory.
    assert.equal(
      (await place.run(["prompt", "-s", sessionId, `mv ${file} ${file}.kept; mkdir ${file}`])).code,
      6,
    );
    rmdirSync(file);
    renameSync(`${file}.kept`, file);
    await place.turn({ sessionId, model: "scripted/echo", message: "three" });
    assert.match(
      await place.ok(["session", "last", "-s", sessionId]),
      /echo: three.*the first was: echo one/,
    );
    const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(1);
    const entries = lines.map((line) => JSON.parse(line) as { id: string; parentId: string | null });
    const ids = new Set([null, ...entries.map(({ id }) => id)]);
    assert.ok(
      entries.every(({ parentId }) => ids.has(parentId)),
      lines.join("\n"),
    );
  });

  it("refuses to wait for itself", async () => {
    const running = await startLongTurn();
    const result = await place.run(["prompt", "-s", session, "from inside"], {
      env: { PI_SESSION_ID: session },
    });
    assert.equal(result.code, 11);
    running.child.kill("SIGINT");
    await running.done;
  });
});

/** Resolves when pi has a message in its queue. */
async function queuedInPi(place: Workspace, sessionId: string): Promise<void> {
  const client = await place.client();
  try {
    for (let waiting = 0; waiting === 0; ) {
      const state = (await client.command("get_state", { sessionId })) as { pendingMessageCount: number };
      waiting = state.pendingMessageCount;
    }
  } finally {
    client.close();
  }
}
