import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { PiEntry, PiMessage, PiModel, PiStats } from "../../src/lib/cli/pi-data.ts";
import type { PushRecord } from "../../src/lib/protocol/records.ts";
import { scaled } from "../support/speed.ts";
import { type Running, Workspace } from "../support/workspace.ts";

const EXTENSIONS = fileURLToPath(new URL("../fixtures/extensions/", import.meta.url));

/** Two models that pi offers; nobody listens where they would be. */
const MODELS = {
  providers: {
    acme: {
      baseUrl: "http://127.0.0.1:9/v1",
      api: "openai-completions",
      apiKey: "none",
      models: [
        {
          id: "tall",
          name: "Acme Tall",
          reasoning: true,
          contextWindow: 100_000,
          maxTokens: 8_000,
          cost: { input: 1.5, output: 6, cacheRead: 0, cacheWrite: 0 },
        },
        { id: "tiny", name: "Acme Tiny", input: ["text", "image"], contextWindow: 32_000, maxTokens: 4_000 },
      ],
    },
  },
};

/** pi retries once, later than any test waits, and compacts whatever there is. */
const SETTINGS = {
  retry: { enabled: true, maxRetries: 1, baseDelayMs: 300_000 },
  compaction: { enabled: true, keepRecentTokens: 1, reserveTokens: 1_000 },
};

let place: Workspace;
/** A session that nobody has said anything in. */
let fresh: string;
before(async () => {
  place = new Workspace();
  writeFileSync(join(place.agentDir, "models.json"), JSON.stringify(MODELS));
  writeFileSync(join(place.agentDir, "settings.json"), JSON.stringify(SETTINGS));
  await place.ok(["daemon", "start"]);
  fresh = await create("acme/tall");
});
after(() => place.dispose());

/** A new session, which is the current one of its directory from then on. */
async function create(model: string, ...piArgs: string[]): Promise<string> {
  const { sessionId } = await place.ask("create_session", { cwd: place.cwd, options: { model, piArgs } });
  return sessionId;
}

/** The texts of the session's own file. */
async function said(sessionId: string): Promise<string> {
  const { session } = await place.ask("get_session", { sessionId });
  return readFileSync(session.file ?? assert.fail(), "utf8");
}

interface Failure {
  error: { code: string; details: Record<string, unknown> };
}

describe("model and thinking level", () => {
  it("model list works where there is no session, and leaves nothing behind", async () => {
    const elsewhere = join(place.root, "no-session");
    mkdirSync(elsewhere);
    const state = async () => {
      const { agents, sessions } = await place.ask("get_daemon_status", {});
      const all = await place.ask("list_sessions", {});
      return [agents.map(({ pid }) => pid), sessions, all.sessions.map(({ id }) => id)];
    };
    const before = await state();
    const { models } = await place.json<{ models: PiModel[] }>(["model", "list"], { cwd: elsewhere });
    assert.deepEqual(
      models.map(({ provider, id }) => `${provider}/${id}`),
      ["acme/tall", "acme/tiny"],
    );
    assert.deepEqual(await state(), before);
  });

  it("session model shows, sets by a part of the name, refuses what fits none or several, and cycles", async () => {
    assert.equal(await place.ok(["session", "model", "TINY"]), "acme/tiny");
    assert.equal(await place.ok(["session", "model"]), "acme/tiny");
    const several = await place.run(["session", "model", "acme", "--json"]);
    assert.equal(several.code, 2);
    const { error } = JSON.parse(several.stdout) as Failure;
    assert.deepEqual(error.details.candidates, ["acme/tall", "acme/tiny"]);
    assert.equal((await place.run(["session", "model", "no-such"])).code, 2);
    assert.equal(await place.ok(["session", "model", "--next"]), "acme/tall");
    const shown = await place.json<{ model: PiModel }>(["session", "model"]);
    assert.equal(shown.model.contextWindow, 100_000);
    assert.equal((await place.run(["session", "model", "acme/tall", "--next"])).code, 2);
  });

  it("model list shows those that fit a word, and exits 4 where none does", async () => {
    const text = await place.ok(["model", "list", "TALL"]);
    assert.match(text, /^acme\/tall +100\.0k +8\.0k +yes +no +\$1\.5\/\$6$/m);
    assert.ok(!text.includes("tiny"));
    assert.equal((await place.run(["model", "list", "no-such"])).code, 4);
  });

  it("session thinking shows, lists, sets, cycles and refuses a level that the model doesn't have", async () => {
    await place.ok(["session", "model", "acme/tall"]);
    const levels = (await place.ok(["session", "thinking", "--list"])).split("\n");
    assert.ok(levels.includes("high") && levels.includes("off"), levels.join());
    assert.equal(await place.ok(["session", "thinking", "high"]), "high");
    assert.equal(await place.ok(["session", "thinking"]), "high");
    const next = levels[(levels.indexOf("high") + 1) % levels.length];
    assert.equal(await place.ok(["session", "thinking", "--next"]), next);
    const refused = await place.json<Failure>(["session", "thinking", "enormous"]);
    assert.deepEqual(refused.error.details, { level: "enormous", levels });
    assert.equal(await place.ok(["session", "thinking"]), next, "pi would have taken another level");
    await place.ok(["session", "model", "acme/tiny"]);
    assert.equal(await place.ok(["session", "thinking", "--list"]), "off");
    const none = await place.run(["session", "thinking", "--next"]);
    assert.deepEqual([none.code, none.stdout], [0, "off\n"]);
  });
});

describe("a session with two turns", () => {
  let talk: string;
  before(async () => {
    mkdirSync(join(place.agentDir, "prompts"));
    await writeFile(
      join(place.agentDir, "prompts", "polish.md"),
      "---\ndescription: Makes it shine\n---\nPolish $1.\n",
    );
    const options = { model: place.scenario("tools.json") };
    // pi puts long output of a command into a file there.
    const env = { TMPDIR: place.root };
    talk = (await place.ask("create_session", { cwd: place.cwd, name: "talk", options }, env)).sessionId;
    await place.turn({ sessionId: talk, message: "how long is it?" });
    await place.turn({ sessionId: talk, message: "and now?" });
  });

  it("stats are pi's numbers", async () => {
    const stats = await place.json<PiStats>(["session", "stats", "talk"]);
    assert.equal(stats.userMessages, 2);
    assert.ok(stats.toolCalls >= 1 && stats.tokens.total > 0 && stats.cost > 0);
    const text = await place.ok(["session", "stats"]);
    assert.match(text, new RegExp(`^Messages: +${stats.totalMessages} \\(user 2, assistant `, "m"));
    assert.match(text, new RegExp(`^Tool calls: +${stats.toolCalls} `, "m"));
    assert.match(text, /^Context: +.* of 200\.0k \(/m);
  });

  it("last prints the last answer, and exits 4 where there is none", async () => {
    const { text } = await place.json<{ text: string }>(["session", "last", "talk"]);
    assert.match(text, /^echo: and now\?/);
    assert.equal(await place.ok(["session", "last"]), text);
    const none = await place.run(["session", "last", fresh]);
    assert.deepEqual([none.code, none.stdout], [4, ""]);
  });

  it("messages are what the model sees", async () => {
    const { messages } = await place.json<{ messages: PiMessage[] }>(["session", "messages", "talk"]);
    const roles = messages.map(({ role }) => role);
    assert.deepEqual(
      roles.filter((role) => role === "user"),
      ["user", "user"],
    );
    assert.ok(roles.includes("toolResult") && roles.includes("assistant"));
    const text = await place.ok(["session", "messages", "talk"]);
    assert.match(text, /^user · .*\n {2}how long is it\?$/m);
    assert.match(text, /^tool bash · .*\n {2}tool ran for:$/m);
  });

  it("entries come one a line, and --since goes on from one", async () => {
    const all = await place.json<{ entries: PiEntry[]; leafId: string }>(["session", "entries", "talk"]);
    const lines = (await place.ok(["session", "entries", "talk"])).split("\n");
    assert.equal(lines.length, all.entries.length);
    assert.ok(lines.at(-1)?.startsWith(`*  ${all.leafId}  `), lines.at(-1));
    const users = all.entries.filter(({ message }) => message?.role === "user");
    const since = users[1]?.id ?? "";
    const later = await place.json<{ entries: PiEntry[] }>(["session", "entries", "talk", "--since", since]);
    const index = all.entries.findIndex(({ id }) => id === since);
    assert.deepEqual(later.entries, all.entries.slice(index + 1));
    assert.ok(index > 0 && later.entries.length > 0);
    assert.equal((await place.run(["session", "entries", "talk", "--since", "no-such"])).code, 4);
  });

  it("tree draws what was said, with --all every entry", async () => {
    const said = (await place.ok(["session", "tree", "talk"])).split("\n");
    assert.match(said[0] ?? "", /^\* [0-9a-f]{8} user: how long is it\?$/);
    assert.match(said.at(-1) ?? "", /^\* [0-9a-f]{8} assistant: echo: and now\?.* ← here$/);
    assert.ok(!said.some((line) => line.includes(" tool: ")));
    const all = (await place.ok(["session", "tree", "talk", "--all"])).split("\n");
    assert.ok(all.some((line) => / tool: bash: tool ran for:$/.test(line)));
    assert.ok(all.length > said.length);
    const { tree } = await place.json<{ tree: { entry: PiEntry }[] }>(["session", "tree", "talk"]);
    assert.equal(tree.length, 1);
  });

  it("tree draws the branches that pi's own interface left in a session", async () => {
    const id = writeBranchedSession(place);
    assert.equal(
      await place.ok(["session", "tree", id]),
      [
        "* a0000001 user [start]: one",
        "* a0000002 assistant: two",
        "├─   a0000003 user: three",
        "│    a0000004 assistant: four",
        "└─ * a0000005 user: five",
        "   * a0000006 assistant: six ← here",
      ].join("\n"),
    );
  });

  it("commands lists extension commands, templates and skills", async () => {
    const { commands } = await place.json<{ commands: { name: string; source: string }[] }>([
      "session",
      "commands",
      "talk",
    ]);
    assert.equal(commands.find(({ name }) => name === "polish")?.source, "prompt");
    assert.match(await place.ok(["session", "commands", "talk"]), /^\/polish +prompt +Makes it shine$/m);
  });

  describe("send", () => {
    it("passes on a command of pi's, from an argument or stdin", async () => {
      const state = JSON.parse(await place.ok(["session", "send", '{"type":"get_state"}'])) as object;
      assert.ok("sessionId" in state && state.sessionId === talk);
      const text = await place.ok(["session", "send", "-"], { input: '{"type":"get_last_assistant_text"}' });
      assert.match((JSON.parse(text) as { text: string }).text, /^echo: and now\?/);
    });

    it("passes on a record that pictl has no request for", async () => {
      const outputPath = join(place.root, "talk.html");
      const record = JSON.stringify({ type: "export_html", outputPath });
      assert.deepEqual(JSON.parse(await place.ok(["session", "send", record])), { path: outputPath });
      assert.ok(existsSync(outputPath));
      const unknown = await place.json<Failure>(["session", "send", '{"type":"no_such_command"}']);
      assert.equal(unknown.error.code, "AGENT_COMMAND_FAILED");
    });

    it("sends what the daemon answers to the daemon", async () => {
      const { messages } = JSON.parse(
        await place.ok(["session", "send", '{"type":"get_fork_messages"}']),
      ) as {
        messages: { number: number; text: string }[];
      };
      assert.deepEqual([messages[0]?.number, messages[0]?.text], [1, "how long is it?"]);
      const named = { type: "get_state", sessionId: talk };
      const elsewhere = join(place.root, "elsewhere");
      mkdirSync(elsewhere);
      await place.ok(["session", "send", JSON.stringify(named)], { cwd: elsewhere });
    });

    it("refuses what isn't a record, and what would move the agent", async () => {
      for (const text of ["nonsense", "[]", '{"type":1}']) {
        const { error } = await place.json<Failure>(["session", "send", text]);
        assert.equal(error.code, "USAGE", text);
      }
      const moved = await place.run(["session", "send", '{"type":"new_session"}']);
      assert.equal(moved.code, 2);
      assert.match(moved.stderr, /session create/);
    });
  });

  describe("bash", () => {
    const lastMessage = async () => {
      const { messages } = (
        await place.ask("send_record", { sessionId: talk, record: { type: "get_messages" } })
      ).data as { messages: (PiMessage & { excludeFromContext?: boolean })[] };
      return messages.at(-1);
    };
    const bash = (...words: string[]): Running => place.start(["session", "bash", ...words]);

    it("streams the output, ends with the command's exit code and shows it to the model", async () => {
      execFileSync("mkfifo", [join(place.cwd, "go")]);
      const running = bash("echo first; cat go; exit 3");
      await running.until("stdout", "first\n");
      await writeFile(join(place.cwd, "go"), "second\n");
      const result = await running.done;
      assert.deepEqual([result.code, result.stdout, result.stderr], [3, "first\nsecond\n", ""]);
      const last = await lastMessage();
      assert.deepEqual([last?.role, last?.output], ["bashExecution", "first\nsecond\n"]);
    });

    it("takes words behind -- as they are, and one word as a line for the shell", async () => {
      assert.equal(
        await place.ok(["session", "bash", "--", "printf", "%s|", "a  b", "$HOME", "it's", "--json"]),
        "a  b|$HOME|it's|--json|",
      );
      assert.equal(await place.ok(["session", "bash", "echo $((40 + 2)) | cat"]), "42");
      assert.equal((await place.run(["session", "bash"])).code, 2);
    });

    it("--json gives one document, with the same exit code", async () => {
      const result = await place.run(["session", "bash", "--json", "echo out; exit 7"]);
      assert.equal(result.code, 7);
      assert.deepEqual(JSON.parse(result.stdout), {
        sessionId: talk,
        output: "out\n",
        exitCode: 7,
        cancelled: false,
        truncated: false,
      });
    });

    it("--exclude-from-context only records it", async () => {
      await place.ok(["session", "bash", "--exclude-from-context", "echo aside"]);
      const last = await lastMessage();
      assert.deepEqual([last?.output, last?.excludeFromContext], ["aside\n", true]);
    });

    it("prints all of a long output, and says where pi keeps it", async () => {
      const result = await place.run(["session", "bash", "seq 1 100000"]);
      assert.equal(result.code, 0);
      const numbers = result.stdout.trimEnd().split("\n");
      assert.deepEqual([numbers.length, numbers[0], numbers.at(-1)], [100_000, "1", "100000"]);
      const [, path = ""] = /all of it is in (\S+)/.exec(result.stderr) ?? [];
      // pi answers before it has written all of it.
      const patience = Date.now() + scaled(10_000);
      while (statSync(path).size < result.stdout.length && Date.now() < patience)
        await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(readFileSync(path, "utf8"), result.stdout);
    });

    it("Ctrl-C ends the command and exits 130", async () => {
      const running = bash("echo on; sleep 600");
      await running.until("stdout", "on\n");
      running.child.kill("SIGINT");
      assert.equal((await running.done).code, 130, running.transcript());
      assert.ok(!place.processes().some(({ command }) => command.startsWith("sleep 600")));
    });

    it("--timeout ends the command and exits 3", async () => {
      const limit = scaled(1_000);
      const result = await place.run(["session", "bash", "--timeout", `${limit}ms`, "sleep 600"]);
      assert.equal(result.code, 3, result.stderr);
      assert.match(result.stderr, new RegExp(`within ${limit / 1000} s and was ended\\. \\[TIMEOUT\\]`));
    });

    it("abort --bash ends it from another terminal, and it exits 6 saying so", async () => {
      const running = bash("echo on; sleep 600");
      await running.until("stdout", "on\n");
      await place.ok(["session", "abort", "--bash"]);
      const result = await running.done;
      assert.equal(result.code, 6);
      assert.match(result.stderr, /ended from elsewhere/);
    });

    it("ends with its reader", async () => {
      const running = bash("yes");
      await running.until("stdout", "y\n");
      running.child.stdout?.destroy();
      assert.equal((await running.done).code, 141);
    });
  });

  it("compact prints the summary; tokens are told on stderr", async () => {
    const result = await place.run(["session", "compact", "-s", talk, "keep", "the names"]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /A scripted conversation/);
    assert.match(result.stderr, /^\S+ tokens before, about \S+ after$/m);
    assert.match(await place.ok(["session", "tree", talk]), / compaction: /);
    const again = await place.json<Failure>(["session", "compact", "-s", talk]);
    assert.equal(again.error.code, "AGENT_COMMAND_FAILED");
  });
});

describe("a compaction", () => {
  let session: string;
  before(async () => {
    session = await create("scripted/echo", "-e", join(EXTENSIONS, "waits-before-compaction.ts"));
    for (const message of ["first words", "second words"]) await place.turn({ sessionId: session, message });
  });

  /** A compaction that goes on until it is aborted. */
  async function endlessCompaction(): Promise<Running> {
    const started = await recordOf(place, session, ({ type }) => type === "compaction_start");
    const running = place.start(["session", "compact", "-s", session]);
    await started();
    return running;
  }

  it("session abort says that it ended it, and the compaction ends as aborted", async () => {
    const running = await endlessCompaction();
    assert.equal(await place.ok(["session", "abort", session]), "aborted the compaction");
    const result = await running.done;
    assert.equal(result.code, 6, running.transcript());
    assert.match(
      result.stderr,
      /compaction was aborted from elsewhere \(by process \d+\)\. \[TURN_ABORTED\]/,
    );
    assert.doesNotMatch(await said(session), /"type":"compaction"/);
  });

  it("Ctrl-C leaves the session as it was and exits 130", async () => {
    const running = await endlessCompaction();
    running.child.kill("SIGINT");
    const result = await running.done;
    assert.deepEqual([result.code, result.stdout], [130, ""], running.transcript());
    assert.doesNotMatch(await said(session), /"type":"compaction"/);
  });
});

describe("an extension's command that moves pi to another session", () => {
  let session: string;
  before(async () => {
    session = await create("scripted/echo", "-e", join(EXTENSIONS, "moves.ts"));
    await place.turn({ sessionId: session, message: "one" });
  });

  it("fails and says so, and what comes next goes into the session's own file", async () => {
    // One that says nothing there is below.
    const jumped = await place.run(["prompt", "-s", session, "/jump-and-say"]);
    assert.equal(jumped.code, 6, jumped.stderr);
    assert.match(jumped.stderr, new RegExp(`moved pi from session ${session} to session .*TURN_FAILED`));
    await place.turn({ sessionId: session, message: "after it" });
    assert.match(await said(session), /after it/);
    assert.doesNotMatch(await said(session), /said elsewhere/);
  });

  it("also in the middle of a turn, and as a record", async () => {
    const running = place.start(["prompt", "-s", session, "--model", place.scenario("long-turn.json"), "go"]);
    await running.until("stdout", /\S/);
    const waiting = place.start(["prompt", "-s", session, "--model", "scripted/echo", "waited"]);
    await waiting.until("stderr", /waits|waiting|ahead|line/i);
    const jumped = await place.run(["prompt", "-s", session, "--steer", "/jump"]);
    assert.equal(jumped.code, 6, jumped.stderr);
    assert.match(jumped.stderr, /An extension has moved pi/);
    assert.equal((await running.done).code, 6, running.transcript());
    assert.equal((await waiting.done).code, 0, waiting.transcript());
    assert.match(await said(session), /waited/);
    const record = { type: "prompt", message: "/jump" };
    await assert.rejects(place.ask("send_record", { sessionId: session, record }), {
      code: "TURN_FAILED",
      message: /An extension has moved pi/,
    });
    await place.turn({ sessionId: session, message: "afterwards" });
    assert.match(await said(session), /afterwards/);
  });
});

describe("queues", () => {
  it("list shows what waits, clear gives it back and leaves the turn running", async () => {
    const session = await create(place.scenario("long-turn.json"));
    const running = place.start(["prompt", "-s", session, "go"]);
    await running.until("stdout", /\S/);
    const queued = await recordOf(
      place,
      session,
      ({ type, steering, followUp }) =>
        type === "queue_update" && String(steering) === "turn left" && String(followUp) === "then home",
    );
    const steer = place.start(["prompt", "-s", session, "--steer", "turn left"]);
    const followUp = place.start(["prompt", "-s", session, "--follow-up", "then home"]);
    await queued();
    const waiting = place.start(["prompt", "-s", session, "a turn of its own"]);
    await waiting.until("stderr", "Waiting for a prompt ahead");

    const queue = await place.json<{ waiting: { turnId: string }[] }>(["session", "queue", "list", session]);
    assert.deepEqual(queue, {
      sessionId: session,
      steering: ["turn left"],
      followUp: ["then home"],
      waiting: [{ turnId: queue.waiting[0]?.turnId, message: "a turn of its own" }],
    });
    assert.equal(
      await place.ok(["session", "queue", "list", session]),
      "steer      turn left\nfollow-up  then home\nprompt     a turn of its own",
    );
    assert.equal(
      await place.ok(["session", "queue", "clear", session]),
      "turn left\nthen home\na turn of its own",
    );
    assert.equal((await waiting.done).code, 6);
    const empty = await place.run(["session", "queue", "list", session]);
    assert.deepEqual([empty.code, empty.stdout, empty.stderr], [0, "", "Nothing waits.\n"]);
    const { session: shown } = await place.ask("get_session", { sessionId: session });
    assert.equal(shown.state, "working");
    await place.ask("abort", { sessionId: session });
    for (const each of [running, steer, followUp]) assert.equal((await each.done).code, 6);
  });
});

describe("settings and retries", () => {
  it("settings shows them all, changes one, and refuses what there isn't", async () => {
    const settings = (...words: string[]) => place.ok(["session", "settings", "-s", fresh, ...words]);
    assert.deepEqual(await place.json(["session", "settings", "-s", fresh]), {
      "steering-mode": "one-at-a-time",
      "follow-up-mode": "one-at-a-time",
      "auto-compaction": "on",
      "auto-retry": null,
    });
    assert.match(await settings(), /^auto-retry: +not told by pi$/m);
    const changes = { "steering-mode": "all", "follow-up-mode": "all", "auto-compaction": "off" };
    for (const [key, value] of Object.entries(changes)) assert.equal(await settings(key, value), value);
    assert.equal(await settings("auto-compaction"), "off");
    const changed = await place.json(["session", "settings", "-s", fresh]);
    assert.deepEqual(changed, { ...changes, "auto-retry": null });
    assert.equal((await place.run(["session", "settings", "colour"])).code, 2);
    assert.equal((await place.run(["session", "settings", "auto-retry", "maybe"])).code, 2);
  });

  /** Fails with an error that pi tries again after, in each of its turns. */
  let failing: string;
  before(async () => {
    const file = join(place.root, "failing.json");
    const error = { error: "the scripted provider is overloaded", retryable: true };
    await writeFile(file, JSON.stringify({ responses: [[error], [error]] }));
    failing = await create(`scripted/${file}`);
  });

  it("abort --retry ends the wait for the next try", async () => {
    const retrying = await recordOf(place, failing, ({ type }) => type === "auto_retry_start");
    const running = place.start(["prompt", "-s", failing, "go"]);
    await retrying();
    await place.ok(["session", "abort", failing, "--retry"]);
    const result = await running.done;
    assert.equal(result.code, 6, running.transcript());
    assert.match(result.stderr, /overloaded/);
  });

  it("settings auto-retry off fails a turn at the first error", async () => {
    assert.equal(await place.ok(["session", "settings", "-s", failing, "auto-retry", "off"]), "off");
    const result = await place.run(["prompt", "-s", failing, "go"]);
    assert.equal(result.code, 6, "pi would try again in five minutes");
  });
});

describe("a model of a script", () => {
  it("is taken from the shell's directory, and the session keeps it", async () => {
    await writeFile(join(place.cwd, "says.json"), JSON.stringify({ responses: [[{ text: "as scripted" }]] }));
    await place.ok(["session", "model", "-s", fresh, "scripted/says.json"]);
    assert.equal(await place.ok(["prompt", "-s", fresh, "go"]), "as scripted");
    await place.ask("close_session", { sessionId: fresh });
    assert.equal(
      await place.ok(["session", "model", "-s", fresh]),
      `scripted/${join(place.cwd, "says.json")}`,
    );
  });
});

/**
 * Resolves, when called, once the session has told an event that fits. Subscribed before it returns, so that
 * nothing of what the test starts next is missed.
 */
async function recordOf(
  place: Workspace,
  session: string,
  fits: (event: { type: string; [field: string]: unknown }) => boolean,
): Promise<() => Promise<void>> {
  const client = await place.client();
  const seen = Promise.withResolvers<void>();
  client.onRecord((record: PushRecord) => {
    if (record.type === "event" && fits(record.event)) seen.resolve();
  });
  await client.request("subscribe", { sessionId: session });
  return async () => {
    await seen.promise;
    client.close();
  };
}

/** A session with two branches, as pi writes one after its /tree. @returns its id */
function writeBranchedSession(place: Workspace): string {
  const id = "0199aaaa-0000-7000-8000-00000000beef";
  const time = (second: number) => `2026-11-21T04:50:${String(second).padStart(2, "0")}.000Z`;
  const header = { type: "session", version: 3, id, timestamp: time(0), cwd: place.cwd };
  const usage = {
    ...{ input: 1, output: 1, cacheRead: 0, cacheWrite: 0, totalTokens: 2 },
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
  };
  const message = (number: number, parent: number, text: string) => {
    const timestamp = time(number);
    const common = { content: [{ type: "text", text }], timestamp: Date.parse(timestamp) };
    const body =
      number % 2 === 1
        ? { role: "user", ...common }
        : {
            ...{ role: "assistant", api: "pictl-scripted", provider: "scripted", model: "echo" },
            ...{ usage, stopReason: "stop", ...common },
          };
    const parentId = parent === 0 ? null : `a000000${parent}`;
    return { type: "message", id: `a000000${number}`, parentId, timestamp, message: body };
  };
  const label = { type: "label", id: "a0000007", targetId: "a0000001", label: "start", timestamp: time(7) };
  const entries = [
    header,
    ...[message(1, 0, "one"), message(2, 1, "two"), message(3, 2, "three"), message(4, 3, "four")],
    ...[message(5, 2, "five"), message(6, 5, "six"), { ...label, parentId: "a0000006" }],
  ];
  const directory = join(place.agentDir, "sessions", `--${place.cwd.slice(1).replaceAll("/", "-")}--`);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `2026-11-21T04-50-00-000Z_${id}.jsonl`);
  writeFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  return id;
}
