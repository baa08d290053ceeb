import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG, scaled } from "../support/speed.ts";
import { SCENARIOS, Workspace } from "../support/workspace.ts";

interface PromptDocument {
  sessionId: string;
  outcome: string;
  text: string;
  created: boolean;
  toolCalls: { name: string; isError: boolean }[];
  tokens: { total: number };
  error?: { code: string; message: string; hint?: string };
}

/** Never gets ready. */
const STUCK_PI = fileURLToPath(new URL("../fixtures/pi/says-nothing.sh", import.meta.url));

describe("pictl prompt", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());

  /** A model that gives the responses of a scenario so many times, for one prompt after the other, and those of `last`. */
  function repeated(scenario: string, times: number, last?: string): string {
    const responsesOf = (name: string) =>
      (JSON.parse(readFileSync(join(SCENARIOS, name), "utf8")) as { responses: object[] }).responses;
    const responses = Array.from({ length: times }, () => responsesOf(scenario)).flat();
    const path = join(place.root, scenario);
    const all = [...responses, ...(last === undefined ? [] : responsesOf(last))];
    writeFileSync(path, JSON.stringify({ responses: all }));
    return `scripted/${path}`;
  }

  it("goes on in one session, with one daemon and one agent", async () => {
    const first = await place.run(["prompt", "--model", "scripted/echo", "remember 42"]);
    assert.equal(first.stdout, "echo: remember 42\n");
    assert.equal(first.stderr, "");
    assert.equal(first.code, 0);
    const second = await place.ok(["prompt", "again"]);
    assert.match(second, /^echo: again \(.*remember 42/);
    const { sessions } = await place.json<{ sessions: SessionInfo[] }>(["session", "list"]);
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0]?.state, "idle");
    assert.equal(sessions[0]?.model, "scripted/echo");
    assert.ok((sessions[0]?.tokens.total ?? 0) > 0);
    const commands = place.processes().map((each) => each.command);
    assert.equal(commands.filter((command) => /^pi\b/.test(command)).length, 1, commands.join("\n"));
    assert.equal(commands.length, 2, commands.join("\n"));
  });

  it("finds the current session from a directory below, up to the repository root, and joins arguments, --file and stdin", async () => {
    const repository = join(place.root, "repository");
    const below = join(repository, "src", "deep");
    mkdirSync(join(repository, ".git"), { recursive: true });
    mkdirSync(below, { recursive: true });
    const options = { model: "scripted/echo" };
    const { sessionId } = await place.ask("create_session", { cwd: repository, options });
    const answer = await place.json<PromptDocument>(["prompt", "hello"], { cwd: below });
    assert.equal(answer.sessionId, sessionId);
    assert.equal(answer.created, false);
    const file = join(place.root, "part.txt");
    writeFileSync(file, "from the file\n");
    const args = ["prompt", "--format", "quiet", "--file", file, "two", "words"];
    const text = await place.ok(args, { cwd: below, input: "from stdin\n" });
    assert.match(text, /two words\s+from the file\s+from stdin/);
  });

  it("prints one document with --json, and the tools that ran, and streams records with --format stream-json", async () => {
    const answer = await place.json<PromptDocument>([
      "prompt",
      "--new",
      "--model",
      repeated("tools.json", 2),
      "go",
    ]);
    assert.equal(answer.outcome, "completed");
    assert.equal(answer.created, true);
    assert.equal(answer.toolCalls[0]?.name, "bash");
    assert.equal(answer.toolCalls[0]?.isError, false);
    assert.ok(answer.tokens.total > 0);
    assert.notEqual(answer.text, "");
    const lines = (await place.ok(["prompt", "--format", "stream-json", "go"])).split("\n");
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
    assert.equal(types[0], "turn_started");
    assert.equal(types.at(-1), "turn_ended");
    for (const type of ["text", "tool", "usage"])
      assert.ok(types.includes(type), `no ${type} in ${types.join(" ")}`);
  });

  it("exits 6 when the provider fails, says why in every format, and goes on to that when stdout is closed; and when the length limit cut the answer, with what was said on stdout", async () => {
    const args = ["prompt", "--model", repeated("error.json", 4, "length.json"), "go"];
    const text = await place.run([...args, "--new"]);
    assert.equal(text.code, 6);
    assert.match(text.stderr, /\[TURN_FAILED\]/);
    const json = await place.run([...args, "--json"]);
    assert.equal(json.code, 6);
    const document = JSON.parse(json.stdout) as PromptDocument;
    assert.equal(document.error?.code, "TURN_FAILED");
    assert.equal(document.outcome, "failed");
    const stream = await place.run([...args, "--format", "stream-json"]);
    assert.equal(stream.code, 6);
    assert.match(stream.stdout, /"type":"error"/);
    const running = place.start(args);
    running.child.stdout?.destroy();
    const closed = await running.done;
    assert.equal(closed.code, 6);
    assert.doesNotMatch(closed.stderr, /EPIPE|at .*\.js/);
    const result = await place.run(args);
    assert.equal(result.code, 6);
    assert.match(result.stderr, /\[TURN_TRUNCATED\]/);
    assert.notEqual(result.stdout, "");
  });

  it("exits 6 without a model, naming the three ways out, and leaves no session behind", async () => {
    const elsewhere = join(place.root, "no-model");
    mkdirSync(elsewhere);
    const result = await place.run(["prompt", "hi"], { cwd: elsewhere });
    assert.equal(result.code, 6);
    assert.match(result.stderr, /\[NO_MODEL\]/);
    for (const way of ["API_KEY", "/login", "--model scripted/echo"])
      assert.ok(result.stderr.includes(way), result.stderr);
    assert.deepEqual((await place.ask("list_sessions", { cwd: elsewhere })).sessions, []);
  });

  it("aborts at --timeout and exits 3; with --detach returns at once, and the turn goes on", async () => {
    const limit = ["--timeout", `${scaled(3_000)}ms`];
    const late = await place.run([
      "prompt",
      "--new",
      "--model",
      repeated("long-turn.json", 2),
      ...limit,
      "go",
    ]);
    assert.equal(late.code, 3);
    assert.match(late.stderr, /\[TIMEOUT\]/);
    const state = async () => (await place.ask("get_session", { cwd: place.cwd })).session.state;
    assert.equal(await state(), "idle");
    const sessionId = await place.ok(["prompt", "--detach", "go"]);
    assert.equal(await state(), "working");
    await place.ask("abort", { sessionId });
  });

  it("aborts at --timeout also while the agent starts, and says whose turn it was", async () => {
    const env = { PICTL_PI: STUCK_PI };
    // Below the minute after which a start fails by itself.
    const args = [
      "prompt",
      "--new",
      "--model",
      "scripted/echo",
      "--timeout",
      `${Math.min(scaled(3_000), 30_000)}ms`,
      "--json",
      "go",
    ];
    const result = await place.run(args, { env });
    assert.equal(result.code, 3, result.stdout);
    const document = JSON.parse(result.stdout) as PromptDocument;
    assert.equal(document.outcome, "aborted");
    assert.match(document.sessionId, /^[\da-f-]{36}$/);
    assert.match(document.error?.message ?? "", /did not end within .* and was aborted\.$/);
    const stuck = place.processes().filter(({ command }) => command.includes("says-nothing"));
    assert.equal(stuck.length, 1, "the agent still starts: nobody has waited for its end");
    await place.ok(["daemon", "stop", "--now"]);
  });

  describe("with bad input", () => {
    const cases: { name: string; args: string[]; input?: Buffer; code: number; error: string }[] = [
      { name: "an empty prompt", args: ["prompt", ""], code: 2, error: "EMPTY_PROMPT" },
      { name: "no prompt at all", args: ["prompt"], code: 2, error: "EMPTY_PROMPT" },
      { name: "an unknown command", args: ["session", "lst"], code: 2, error: "UNKNOWN_COMMAND" },
      { name: "an unknown flag", args: ["prompt", "--nope", "hi"], code: 2, error: "USAGE" },
      { name: "a bad value", args: ["prompt", "--format", "xml", "hi"], code: 2, error: "USAGE" },
      { name: "a bad duration", args: ["prompt", "--timeout", "soon", "hi"], code: 2, error: "USAGE" },
      {
        name: "invalid UTF-8",
        args: ["prompt"],
        input: Buffer.from([0x66, 0xff, 0xfe]),
        code: 2,
        error: "INVALID_INPUT",
      },
      {
        name: "a 50 MB prompt",
        args: ["prompt"],
        input: Buffer.alloc(50_000_000, 0x61),
        code: 8,
        error: "MESSAGE_TOO_LARGE",
      },
      {
        name: "an unknown session",
        args: ["prompt", "-s", "nowhere", "hi"],
        code: 4,
        error: "SESSION_NOT_FOUND",
      },
      { name: "a missing file", args: ["prompt", "--file", "nowhere.txt"], code: 2, error: "INVALID_INPUT" },
      {
        name: "a missing scenario",
        args: ["prompt", "--new", "--model", "scripted/nowhere.json", "hi"],
        code: 2,
        error: "INVALID_INPUT",
      },
    ];
    for (const { name, args, input, code, error } of cases) {
      // How one looks as text doesn't depend on what it is: one of the command's, of its parser and of the daemon.
      const asText = LONG || ["EMPTY_PROMPT", "USAGE", "SESSION_NOT_FOUND"].includes(error);
      it(`says ${error} for ${name}, ${asText ? "as text and " : ""}as JSON`, async () => {
        const options = input === undefined ? {} : { input };
        if (asText) {
          const text = await place.run(args, options);
          assert.equal(text.code, code, text.stderr);
          assert.equal(text.stdout, "");
          assert.ok(text.stderr.includes(`[${error}]`), text.stderr);
          assert.doesNotMatch(text.stderr, /^\s+at /m);
        }
        const json = await place.run([...args, "--json"], options);
        assert.equal(json.code, code);
        const document = JSON.parse(json.stdout) as PromptDocument;
        assert.equal(document.error?.code, error);
        assert.equal(json.stderr, "");
      });
    }

    it("refuses the directory that was removed", async () => {
      const gone = join(place.root, "gone");
      mkdirSync(gone);
      const id = writeSession({ cwd: gone, agentDir: place.agentDir }, ["hello"]);
      rmdirSync(gone);
      const result = await place.run(["prompt", "-s", id, "hi"]);
      assert.equal(result.code, 4, result.stderr);
      assert.match(result.stderr, /\[DIRECTORY_NOT_FOUND\]/);
    });
  });
});
