import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { scaled } from "../support/speed.ts";
import { SCENARIOS, Workspace } from "../support/workspace.ts";

let place: Workspace;
/** Each turn of it runs a tool. */
let session: string;
/** Each turn of it is long. */
let long: string;
/** A session called "other". */
let other: string;
before(async () => {
  place = new Workspace();
  await place.ok(["daemon", "start"]);
  session = await create(`scripted/${manyTimes("tools.json")}`);
  long = await create(`scripted/${manyTimes("long-turn.json")}`);
  other = await create("scripted/echo", "other");
});
after(() => place.dispose());

/** The responses of a scenario, again and again. @returns its path */
function manyTimes(name: string): string {
  const { responses } = JSON.parse(readFileSync(join(SCENARIOS, name), "utf8")) as { responses: object[] };
  const path = join(place.root, name);
  writeFileSync(path, JSON.stringify({ responses: Array.from({ length: 20 }, () => responses).flat() }));
  return path;
}

async function create(model: string, name?: string): Promise<string> {
  const named = name === undefined ? {} : { name };
  return (await place.ask("create_session", { cwd: place.cwd, ...named, options: { model } })).sessionId;
}

describe("session watch", () => {
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
    await place.turn({ sessionId: session, message: "how long is notes.txt?" });
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

  it("--since catches up first, without a hole or a double, --format pi with pi's own records", async () => {
    await place.turn({ sessionId: session, message: "one" });
    const since = async (seq: number, format: string) => {
      const flags = ["--since", String(seq), "--format", format, "--until", "idle"];
      return records(await place.ok(["session", "watch", session, ...flags]));
    };
    const all = await since(0, "stream-json");
    assert.ok(all.some(({ type }) => type === "turn_ended"));
    const middle = all.find(({ type }) => type === "tool")?.seq ?? 0;
    assert.deepEqual(
      await since(middle, "stream-json"),
      all.filter(({ seq = 0 }) => seq > middle),
    );
    const types = (await since(0, "pi")).map(({ type }) => type);
    assert.ok(types.includes("agent_start") && types.includes("agent_settled"), types.join());
  });

  it("Ctrl-C leaves the turn alone", async () => {
    await place.ask("prompt", { sessionId: long, message: "go" });
    const watching = place.start(["session", "watch", long]);
    await watching.until("stdout", /\n.*\S/);
    watching.child.kill("SIGINT");
    assert.equal((await watching.done).code, 130);
    assert.equal((await place.ask("get_session", { sessionId: long })).session.state, "working");
    await place.ask("abort", { sessionId: long });
  });

  it("several sessions, each under its own heading", async () => {
    const running = place.start(["session", "watch", session, other]);
    await running.until("stdout", /^== .* other/m);
    await place.turn({ sessionId: session, message: "to the first" });
    await place.turn({ sessionId: other, message: "to the other" });
    await running.until("stdout", /> to the other(.|\n)*— completed/);
    running.child.kill("SIGINT");
    const { stdout } = await running.done;
    assert.ok(stdout.indexOf("> to the first") < stdout.lastIndexOf(" other"), stdout);
  });

  it("refuses --json and an unknown session", async () => {
    assert.equal((await place.run(["session", "watch", session, "--json"])).code, 2);
    assert.equal((await place.run(["session", "watch", "nobody"])).code, 4);
  });
});

describe("session wait", () => {
  const go = (sessionId: string) => place.ask("prompt", { sessionId, message: "go" });

  it("is over at once where nothing runs", async () => {
    assert.equal(await place.ok(["session", "wait", other]), other);
  });

  it("ends with the turn, with the code that prompt would give", async () => {
    const [good, bad] = [session, await create(place.scenario("error.json"))];
    for (const each of [good, bad]) await go(each);
    assert.equal((await place.run(["session", "wait", good, "--for", "turn-end"])).code, 0);
    assert.equal((await place.run(["session", "wait", bad, "--for", "turn-end"])).code, 6);
    const both = await place.run(["session", "wait", good, bad, "--all"]);
    assert.equal(both.code, 6);
    assert.deepEqual(both.stdout.trim().split("\n").sort(), [good, bad].sort());
  });

  it("--any is over with the first, --timeout exits 3 naming the others and leaves the turn alone", async () => {
    const [idle, busy] = [other, long];
    await go(busy);
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

// It takes the daemon of all of them away.
describe("session watch at the end", () => {
  it("says when the daemon goes away, with exit code 9", async () => {
    const running = place.start(["session", "watch", session]);
    await running.until("stdout", /^== /);
    await place.ok(["daemon", "stop"]);
    const { code, stderr } = await running.done;
    assert.equal(code, 9);
    assert.match(stderr, /\[DAEMON_UNREACHABLE\]/);
  });
});
