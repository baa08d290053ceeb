import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { scaled } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

describe("session watch", () => {
  let place: Workspace;
  let session: string;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());
  beforeEach(async () => {
    session = await place.ok(["session", "create", "--model", place.scenario("tools.json")]);
  });

  /** Starts to watch and waits until it does: its first record says so. */
  const watch = async () => {
    const running = place.start(["session", "watch", session, "--format", "stream-json"]);
    await running.until("stdout", /^\{"v":1,"type":"state".*"idle"\}$/m);
    return running;
  };
  const records = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; seq?: number; turnId?: string });

  it("shows a turn as text: the prompt, tools, the answer and how it ended", async () => {
    const running = place.start(["session", "watch", session]);
    await running.until("stdout", /^== /);
    await place.ok(["prompt", "-s", session, "how long is notes.txt?"]);
    await running.until("stdout", /^— completed · /m);
    running.child.kill("SIGINT");
    const { stdout, code } = await running.done;
    assert.equal(code, 130);
    assert.match(stdout, /^> how long is notes\.txt\?$/m);
    assert.match(stdout, /^› \w+ /m);
  });

  it("two watch while a third prompts: the same sequence, and killing one changes nothing", async () => {
    const [first, second] = [await watch(), await watch()];
    const doomed = await watch();
    const prompting = place.start(["prompt", "-s", session, "--format", "stream-json", "go"]);
    await doomed.until("stdout", "turn_started");
    doomed.child.kill("SIGKILL");
    const prompted = records((await prompting.done).stdout);
    for (const each of [first, second]) {
      await each.until("stdout", '"turn_ended"');
      each.child.kill("SIGINT");
    }
    const [seen, other] = [records((await first.done).stdout), records((await second.done).stdout)];
    const ofTurn = (all: typeof seen) => {
      const start = all.findIndex(({ type }) => type === "turn_started");
      return all.slice(start, all.findIndex(({ type }) => type === "turn_ended") + 1);
    };
    assert.deepEqual(ofTurn(seen), ofTurn(other));
    assert.deepEqual(ofTurn(seen), ofTurn(prompted));
    assert.ok(ofTurn(seen).length > 5);
    assert.equal((await prompting.done).code, 0);
  });

  it("--since catches up first, without a hole or a double", async () => {
    await place.ok(["prompt", "-s", session, "one"]);
    const all = records(
      await place.ok([
        "session",
        "watch",
        session,
        "--since",
        "0",
        "--format",
        "stream-json",
        "--until",
        "idle",
      ]),
    );
    assert.ok(all.some(({ type }) => type === "turn_ended"));
    const middle = all.find(({ type }) => type === "tool")?.seq ?? 0;
    const since = ["--since", String(middle), "--format", "stream-json", "--until", "idle"];
    const later = records(await place.ok(["session", "watch", session, ...since]));
    assert.deepEqual(
      later,
      all.filter(({ seq = 0 }) => seq > middle),
    );
  });

  it("--format pi gives pi's own records", async () => {
    await place.ok(["prompt", "-s", session, "one"]);
    const since = ["--since", "0", "--format", "pi", "--until", "idle"];
    const types = records(await place.ok(["session", "watch", session, ...since])).map(({ type }) => type);
    assert.ok(types.includes("agent_start") && types.includes("agent_settled"), types.join());
  });

  it("Ctrl-C leaves the turn alone", async () => {
    session = await place.ok(["session", "create", "--model", place.scenario("long-turn.json")]);
    const prompting = place.start(["prompt", "-s", session, "go"]);
    await prompting.until("stdout", /\S/);
    const watching = place.start(["session", "watch", session]);
    await watching.until("stdout", /\n.*\S/);
    watching.child.kill("SIGINT");
    assert.equal((await watching.done).code, 130);
    const { session: now } = await place.json<{ session: { state: string } }>(["session", "show", session]);
    assert.equal(now.state, "working");
    await place.ok(["session", "abort", session]);
    assert.equal((await prompting.done).code, 6);
  });

  it("several sessions, each under its own heading", async () => {
    const other = await place.ok(["session", "create", "--name", "other", "--model", "scripted/echo"]);
    const running = place.start(["session", "watch", session, other]);
    await running.until("stdout", /^== .* other/m);
    await place.ok(["prompt", "-s", session, "to the first"]);
    await place.ok(["prompt", "-s", other, "to the other"]);
    await running.until("stdout", /> to the other(.|\n)*— completed/);
    running.child.kill("SIGINT");
    const { stdout } = await running.done;
    assert.ok(stdout.indexOf("> to the first") < stdout.lastIndexOf(" other"), stdout);
  });

  it("says when the daemon goes away, with exit code 9", async () => {
    const running = place.start(["session", "watch", session]);
    await running.until("stdout", /^== /);
    await place.ok(["daemon", "stop"]);
    const { code, stderr } = await running.done;
    assert.equal(code, 9);
    assert.match(stderr, /\[DAEMON_UNREACHABLE\]/);
  });

  it("refuses --json and an unknown session", async () => {
    assert.equal((await place.run(["session", "watch", session, "--json"])).code, 2);
    assert.equal((await place.run(["session", "watch", "nobody"])).code, 4);
  });
});

describe("session wait", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());

  const create = (model: string) => place.ok(["session", "create", "--model", model]);
  const detach = (session: string) => place.ok(["prompt", "-s", session, "--detach", "go"]);

  it("is over at once where nothing runs", async () => {
    const session = await create("scripted/echo");
    assert.equal(await place.ok(["session", "wait", session]), session);
  });

  it("ends with the turn, with the code that prompt would give", async () => {
    const [good, bad] = [
      await create(place.scenario("tools.json")),
      await create(place.scenario("error.json")),
    ];
    for (const session of [good, bad]) await detach(session);
    assert.equal((await place.run(["session", "wait", good, "--for", "turn-end"])).code, 0);
    assert.equal((await place.run(["session", "wait", bad, "--for", "turn-end"])).code, 6);
    const both = await place.run(["session", "wait", good, bad, "--all"]);
    assert.equal(both.code, 6);
    assert.deepEqual(both.stdout.trim().split("\n").sort(), [good, bad].sort());
  });

  it("--any is over with the first, --timeout exits 3 naming the others and leaves the turn alone", async () => {
    const [idle, busy] = [await create("scripted/echo"), await create(place.scenario("long-turn.json"))];
    await detach(busy);
    const any = await place.json<{ sessions: { sessionId: string; reason: string }[] }>([
      "session",
      "wait",
      busy,
      idle,
      "--any",
    ]);
    assert.deepEqual(
      any.sessions.map(({ sessionId, reason }) => [sessionId, reason]),
      [[idle, "idle"]],
    );
    const limit = scaled(1_000);
    const late = await place.run(["session", "wait", busy, idle, "--timeout", `${limit}ms`]);
    assert.equal(late.code, 3);
    assert.match(late.stderr, new RegExp(`No idle within ${limit / 1000} s: ${busy}\\. \\[TIMEOUT\\]`));
    const waiting = place.start(["session", "wait", busy]);
    await place.ok(["session", "abort", busy]);
    assert.equal((await waiting.done).code, 6);
  });

  it("knows no session that there isn't", async () => {
    assert.equal((await place.run(["session", "wait", "nobody"])).code, 4);
  });
});
