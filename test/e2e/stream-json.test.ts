import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type StreamRecord, streamRecord } from "../../src/lib/protocol/stream.ts";
import { misfits, publishedSchema } from "../support/schemas.ts";
import { type Running, SCENARIOS, Workspace } from "../support/workspace.ts";

const PI = join(import.meta.dirname, "../../node_modules/@earendil-works/pi-coding-agent");
const RPC_DEMO = join(PI, "examples/extensions/rpc-demo.ts");
/** pi compacts whatever there is, and tries again at once. */
const SETTINGS = {
  compaction: { enabled: true, keepRecentTokens: 1, reserveTokens: 1_000 },
  retry: { enabled: true, maxRetries: 3, baseDelayMs: 1 },
};

type Type = StreamRecord["type"];
type Of<T extends Type> = Extract<StreamRecord, { type: T }>;

describe("stream-json", () => {
  const validate = publishedSchema("stream-json");
  const seen = new Set<Type>();
  let place: Workspace;
  before(async () => {
    place = new Workspace();
    writeFileSync(join(place.agentDir, "settings.json"), JSON.stringify(SETTINGS));
    await place.ok(["daemon", "start"]);
  });
  after(() => place.dispose());

  /** Every line, after a check of each against the published schema. */
  const recordsIn = (stdout: string): StreamRecord[] => {
    const records = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as StreamRecord);
    assert.deepEqual(misfits(validate, records), []);
    for (const { type } of records) seen.add(type);
    return records;
  };
  const only = <T extends Type>(records: StreamRecord[], type: T) =>
    records.filter((record): record is Of<T> => record.type === type);
  const create = async (model: string, ...piArgs: string[]) =>
    (await place.ask("create_session", { cwd: place.cwd, options: { model, piArgs } })).sessionId;
  const responsesOf = (scenario: string) =>
    (JSON.parse(readFileSync(join(SCENARIOS, scenario), "utf8")) as { responses: object[][] }).responses;
  /** A scenario of the responses of others, so that one session has several turns of theirs. */
  const joined = (name: string, responses: object[][], then = "echo") => {
    writeFileSync(join(place.root, name), JSON.stringify({ responses, then }));
    return `scripted/${join(place.root, name)}`;
  };
  const turn = async (session: string, ...args: string[]) => {
    const result = await place.run(["prompt", "-s", session, "--format", "stream-json", ...args]);
    return { code: result.code, records: recordsIn(result.stdout) };
  };
  /** A watcher that misses nothing from here on. */
  const watch = async (session: string, ...args: string[]): Promise<Running> => {
    const watcher = place.start(["session", "watch", session, "--format", "stream-json", ...args]);
    await watcher.until("stdout", "\n");
    return watcher;
  };
  const stop = async (watcher: Running): Promise<string> => {
    watcher.child.kill("SIGINT");
    return (await watcher.done).stdout;
  };

  describe("of a session that was told one thing", () => {
    let session: string;
    before(async () => {
      session = await create(place.scenario("watched.json"));
    });

    it("is the same for the prompt and all who watch, and the death of one of them changes nothing", async () => {
      const [killed, other] = await Promise.all([watch(session), watch(session)]);
      const prompt = place.start(["prompt", "-s", session, "--format", "stream-json", "hello"]);
      await Promise.all([killed, other].map((each) => each.until("stdout", "begun")));
      killed.child.kill("SIGKILL");
      await killed.done;
      writeFileSync(join(place.cwd, "go"), "");
      const { stdout, code } = await prompt.done;
      await other.until("stdout", '"turn_ended"');
      assert.equal(code, 0, prompt.transcript());

      const watched = await stop(other);
      const begin = watched.lastIndexOf("\n", watched.indexOf('"turn_started"')) + 1;
      const end = watched.indexOf("\n", watched.indexOf('"turn_ended"')) + 1;
      assert.equal(watched.slice(begin, end), stdout);
      const untilKilled = killed.stdout.slice(0, killed.stdout.lastIndexOf("\n") + 1);
      assert.ok(watched.startsWith(untilKilled), "the killed one saw the same up to its end");

      const records = recordsIn(stdout);
      recordsIn(watched);
      const tools = only(records, "tool").map(({ state }) => state);
      assert.equal(tools[0], "started");
      assert.equal(tools.at(-1), "completed");
      assert.equal(
        only(records, "thinking")
          .map(({ text }) => text)
          .join(""),
        "The others should see this too.",
      );
      const [asked, first, last] = only(records, "message");
      assert.deepEqual([asked?.role, asked?.text], ["user", "hello"]);
      assert.deepEqual([first?.thinking, first?.stopReason], ["The others should see this too.", "tools"]);
      assert.deepEqual([last?.text, last?.stopReason], ["Heard: hello.", "stop"]);
      const pieces = only(records, "text").map(({ text }) => text);
      assert.equal(pieces.join(""), `${first?.text}${last?.text}`);
      const [ended] = only(records, "turn_ended");
      assert.deepEqual([ended?.outcome, ended?.text, ended?.toolCalls], ["completed", "Heard: hello.", 1]);
      assert.equal(records.at(-1), ended);
      const [usage] = only(records, "usage");
      assert.ok(usage !== undefined && usage.tokens.total > 0 && usage.cost > 0);
      const places = records.map(({ seq = 0 }) => seq);
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      );
    });

    it("tells a person's command and a compaction", async () => {
      await place.turn({ sessionId: session, message: "one" });
      await place.turn({ sessionId: session, message: "two" });
      const watcher = await watch(session);
      await place.ok(["session", "bash", "-s", session, "--", "echo from the shell"]);
      await place.ok(["session", "compact", "-s", session]);
      await watcher.until("stdout", "was compacted");
      const records = recordsIn(await stop(watcher));
      assert.match(
        only(records, "shell")
          .map(({ text }) => text)
          .join(""),
        /from the shell/,
      );
      assert.deepEqual(
        only(records, "notice").map(({ kind, text }) => `${kind}: ${text}`),
        ["compaction: Compacting the conversation (manual)", "compaction: The conversation was compacted"],
      );
    });
  });

  it("tells how a turn ended that failed or was cut off, a retry, and what that makes void", async () => {
    const names = ["error", "length", "retry", "retry-midway", "retry-midway", "retry"];
    const responses = names.flatMap((name) => responsesOf(`${name}.json`));
    const session = await create(joined("failures.json", responses));
    const failures = [
      { scenario: "error.json", code: 6, outcome: "failed", error: "TURN_FAILED", text: "Half of an ans" },
      {
        scenario: "length.json",
        code: 6,
        outcome: "truncated",
        error: "TURN_TRUNCATED",
        text: "This sentence",
      },
    ];
    for (const { scenario, code, outcome, error, text } of failures) {
      const { records, ...result } = await turn(session, "go");
      assert.equal(result.code, code, scenario);
      const [ended] = only(records, "turn_ended");
      assert.equal(ended?.outcome, outcome);
      assert.ok(ended?.text.startsWith(text), ended?.text);
      assert.deepEqual(
        only(records, "error").map((each) => [each.code, each.turnId]),
        [[error, ended?.turnId]],
      );
    }

    const retried = await turn(session, "go");
    assert.equal(retried.code, 0);
    const [notice] = only(retried.records, "notice");
    assert.deepEqual([notice?.kind, notice?.level], ["retry", "warning"]);
    assert.match(notice?.text ?? "", /^Trying again in 0\.001 s \(1 of 3\): .*overloaded/);
    assert.deepEqual(
      only(retried.records, "message").map(({ stopReason }) => stopReason),
      [undefined, "error", "stop"],
    );

    const { records } = await turn(session, "go");
    const told = records.flatMap((record): unknown[] => {
      if (record.type === "notice") return [record.voids];
      return record.type === "message" && record.role === "assistant" ? [record.text] : [];
    });
    assert.deepEqual(told, ["The first half", true, "All of it."]);
    const plain = await place.run(["prompt", "-s", session, "go"]);
    assert.deepEqual([plain.code, plain.stdout], [0, "The first half\nAll of it.\n"]);
    assert.match(
      plain.stderr,
      /^⚠ The last message is void: an error cut it off, and the agent begins it again\.$/m,
    );
    const early = await place.run(["prompt", "-s", session, "go"]);
    assert.doesNotMatch(early.stderr, /void/);
  });

  describe("of a session whose turns are long", () => {
    let session: string;
    before(async () => {
      session = await create(joined("long-turns.json", responsesOf("long-turn.json"), "repeat-last"));
    });

    it("tells an abort", async () => {
      const prompt = place.start(["prompt", "-s", session, "--format", "stream-json", "go"]);
      await prompt.until("stdout", '"text"');
      await place.ask("abort", { sessionId: session });
      const { stdout, code } = await prompt.done;
      assert.equal(code, 6);
      const records = recordsIn(stdout);
      assert.equal(only(records, "turn_ended")[0]?.outcome, "aborted");
      assert.equal(only(records, "message").at(-1)?.stopReason, "aborted");
    });

    it("tells what waits: in line and in the running turn", async () => {
      const first = place.start(["prompt", "-s", session, "--format", "stream-json", "first"]);
      await first.until("stdout", '"text"');
      const second = place.start(["prompt", "-s", session, "--format", "stream-json", "second"]);
      await second.until("stdout", "\n");
      const steer = place.start(["prompt", "-s", session, "--steer", "not so fast"]);
      await first.until("stdout", '"type":"queue"');
      await place.ask("abort", { sessionId: session });
      const records = recordsIn((await first.done).stdout);
      await steer.done;
      await second.until("stdout", '"turn_started"');
      await place.ask("abort", { sessionId: session });
      assert.deepEqual(only(records, "queue")[0]?.steering, ["not so fast"]);
      const [waits, started] = recordsIn((await second.done).stdout);
      assert.deepEqual([waits?.type, started?.type], ["turn_queued", "turn_started"]);
      assert.equal(waits?.type === "turn_queued" && waits.ahead, 1);
    });

    it("tells the end of a turn that never began", async () => {
      const first = place.start(["prompt", "-s", session, "go"]);
      await first.until("stdout", "Starting");
      const waiting = place.start(["prompt", "-s", session, "--format", "stream-json", "never"]);
      await waiting.until("stdout", "\n");
      await place.ask("clear_queue", { sessionId: session });
      const { stdout, code } = await waiting.done;
      await place.ask("abort", { sessionId: session });
      await first.done;
      assert.equal(code, 6);
      const types = recordsIn(stdout).map(({ type }) => type);
      assert.deepEqual(types, ["turn_queued", "error", "turn_ended"]);
    });
  });

  describe("of a session with an extension that asks", () => {
    let session: string;
    before(async () => {
      const pair = responsesOf("dangerous.json");
      session = await create(
        joined("dangerous.json", [...pair, ...pair, ...pair, ...pair, ...pair]),
        "-e",
        RPC_DEMO,
      );
    });

    it("tells a question that is open, its answer, and all that an extension shows", async () => {
      const args = ["prompt", "-s", session, "--format", "stream-json", "--on-question", "wait", "go"];
      const prompt = place.start(args);
      await place.ask("wait", { sessionId: session, for: ["question"] });
      await place.ok(["session", "respond", "-s", session, "Allow"]);
      const { code, stdout } = await prompt.done;
      assert.equal(code, 0, prompt.transcript());
      const questions = only(recordsIn(stdout), "question");
      assert.deepEqual(
        questions.map(({ state }) => state),
        ["open", "answered"],
      );
      assert.equal(questions[0]?.question.id, questions[1]?.question.id);
      await turn(session, "/rpc-prefill");

      const watcher = await watch(session, "--since", "0");
      await watcher.until("stdout", "Editor prefilled");
      const kinds = only(recordsIn(await stop(watcher)), "notice").map(({ kind }) => kind);
      assert.deepEqual([...new Set(kinds)].sort(), ["notification", "prefill", "status", "title", "widget"]);
    });

    it("--format pi prints pi's own records and nothing else", async () => {
      const args = ["prompt", "-s", session, "--format", "pi", "--on-question", "deny", "go"];
      const records = (await place.ok(args)).split("\n").map((line) => JSON.parse(line) as { type: string });
      const documented = ["json.md", "rpc-extension-ui.md"].map((page) =>
        readFileSync(join(PI, "docs", page), "utf8"),
      );
      for (const { type } of records)
        assert.ok(
          documented.some((text) => isNamed(type, text)),
          type,
        );
      assert.deepEqual(records[0], { type: "agent_start" });
      assert.equal(records.at(-1)?.type, "agent_settled");
      for (const type of ["message_update", "tool_execution_end", "extension_ui_request"]) {
        assert.ok(
          records.some((record) => record.type === type),
          type,
        );
      }
    });

    const policies = [
      { policy: "deny", states: ["cancelled"], code: 0, level: "warning" },
      { policy: "default", states: ["answered"], code: 0, level: "info" },
      // It leaves the second response of the pair, so that it comes last.
      { policy: "fail", states: ["cancelled"], code: 5, level: "warning" },
    ];
    for (const { policy, states, code, level } of policies) {
      it(`tells a question that --on-question ${policy} answers`, async () => {
        const result = await turn(session, "--on-question", policy, "go");
        assert.equal(result.code, code);
        const questions = only(result.records, "question");
        assert.deepEqual(
          questions.map(({ state }) => state),
          states,
        );
        const [{ question }] = questions as [Of<"question">];
        assert.deepEqual([question.method, question.options], ["select", ["Allow", "Block"]]);
        const told = only(result.records, "notice").find(({ kind }) => kind === "notification");
        assert.equal(told?.level, level);
        const codes = only(result.records, "error").map((error) => error.code);
        assert.deepEqual(codes, code === 0 ? [] : ["QUESTION_UNANSWERED"]);
      });
    }
  });

  it("tells what can't be had any more", async () => {
    const parking = new Workspace();
    try {
      mkdirSync(parking.paths.configDir, { recursive: true });
      writeFileSync(parking.paths.config, '[limits]\npark_after = "1s"\nspare_agents = 0\n');
      const session = await parking.ok(["prompt", "--detach", "--model", "scripted/echo", "hi"]);
      const watcher = parking.start(["session", "watch", session, "--format", "stream-json"]);
      await watcher.until("stdout", '"parked"');
      // No spare is wanted, so that only the daemon and the watcher stay.
      while (parking.processes().length > 2) await new Promise((resolve) => setTimeout(resolve, 20));
      recordsIn(await stop(watcher));
      const late = parking.start(["session", "watch", session, "--since", "1", "--format", "stream-json"]);
      await late.until("stdout", '"gap"');
      const [gap] = recordsIn(await stop(late));
      assert.ok(gap?.type === "gap" && gap.missed > 5);
    } finally {
      await parking.dispose();
    }
  });

  it("every record of the vocabulary was among these", () => {
    const types = streamRecord.def.options.flatMap(({ shape }) => shape.type.def.values);
    assert.deepEqual(
      types.filter((type) => !seen.has(type)),
      [],
    );
  });
});

/** A row of a table, or an example. */
function isNamed(type: string, page: string): boolean {
  return page.includes(`| \`${type}\` |`) || new RegExp(`"type": ?"${type}"`).test(page);
}
