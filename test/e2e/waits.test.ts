import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { rawTerminalOutput, withoutScript } from "../support/pseudo-terminal.ts";
import { writeSession } from "../support/session-file.ts";
import { SCENARIOS, Workspace } from "../support/workspace.ts";

function workspace(t: TestContext): Workspace {
  const place = new Workspace();
  t.after(() => place.dispose());
  return place;
}

/** Makes `local/m` a model of this port, and leaves trying again to whoever prompts. */
function useProvider(place: Workspace, port: number): void {
  const models = [{ id: "m" }];
  const provider = { baseUrl: `http://127.0.0.1:${port}/v1`, api: "openai-completions", apiKey: "k", models };
  writeFileSync(join(place.agentDir, "models.json"), JSON.stringify({ providers: { local: provider } }));
  writeFileSync(join(place.agentDir, "settings.json"), JSON.stringify({ retry: { enabled: false } }));
}

/** A provider that answers everything with the status that was set. */
async function failingProvider(t: TestContext) {
  const provider = { status: 500, port: 0 };
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(provider.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: `status ${provider.status} on purpose` } }));
  });
  t.after(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  provider.port = (server.address() as AddressInfo).port;
  return provider;
}

/** A provider that is silent until `answer` is called, and after `hush` again. */
async function silentProvider(
  t: TestContext,
): Promise<{ port: number; answer: () => void; hush: () => void }> {
  let answered = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    request.resume();
    const chunk = (choice: object) =>
      `data: ${JSON.stringify({ id: "r", object: "chat.completion.chunk", created: 0, model: "m", choices: [{ index: 0, ...choice }] })}\n\n`;
    void answered.promise.then(() => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chunk({ delta: { role: "assistant", content: "at last" }, finish_reason: null }));
      response.write(chunk({ delta: {}, finish_reason: "stop" }));
      response.end("data: [DONE]\n\n");
    });
  });
  t.after(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    answer: () => answered.resolve(),
    hush: () => {
      answered = Promise.withResolvers();
    },
  };
}

describe("a silent model", { skip: withoutScript() }, () => {
  it("has a line on a terminal, with the time, which the answer takes the place of, and session wait says what for", async (t) => {
    const place = workspace(t);
    const { port, answer, hush } = await silentProvider(t);
    useProvider(place, port);
    const raw = await rawTerminalOutput(place, "$pictl prompt --model local/m hi", (text) => {
      if (/Waiting for the model… [1-9]/.test(text)) answer();
    });
    const lines = raw.toString("utf8").split(/\r*\n/);
    const line = lines.find((each) => each.includes("at last")) ?? "";
    // What a terminal still shows of it: what comes after the last erasure.
    assert.equal(line.split("\u001b[1G\u001b[K").at(-1), "at last", JSON.stringify(lines));
    // One plain line on a dumb terminal.
    hush();
    const dumb = await rawTerminalOutput(place, "TERM=dumb $pictl prompt --model local/m hi", (text) => {
      if (text.includes("Waiting for the model…")) answer();
    });
    assert.deepEqual(dumb.toString("utf8").trim().split(/\r*\n/), ["Waiting for the model…", "at last"]);
    // A wait says so once it waits.
    hush();
    const id = await place.ok(["prompt", "--model", "local/m", "--detach", "hi"]);
    const wait = `$pictl session wait ${id} --for idle`;
    const waited = await rawTerminalOutput(place, `${wait}; ${wait}`, (text) => {
      if (text.includes("Waiting for idle.")) answer();
    });
    assert.deepEqual(waited.toString("utf8").trim().split(/\r*\n/), ["Waiting for idle.", id, id]);
  });
});

describe("retryable", () => {
  it("is true for what passes by itself at a provider, and false for what doesn't", async (t) => {
    const place = workspace(t);
    const provider = await failingProvider(t);
    useProvider(place, provider.port);
    const errorOf = async () =>
      (await place.json<{ error: object }>(["prompt", "--model", "local/m", "hi"])).error as Record<
        string,
        unknown
      >;
    for (const [status, retryable] of [
      [503, true],
      [429, true],
      [401, false],
      [400, false],
    ] as const) {
      provider.status = status;
      const { code, message, retryable: told } = await errorOf();
      assert.deepEqual([code, told], ["TURN_FAILED", retryable], `${status}: ${message}`);
    }
    // Port 1 is nobody's.
    useProvider(place, 1);
    const refused = await place.json<{ error: Record<string, unknown> }>([
      ...["prompt", "--new", "--model", "local/m", "hi"],
    ]);
    assert.deepEqual([refused.error.code, refused.error.retryable], ["TURN_FAILED", true]);
    const { stdout } = await place.run(["prompt", "--format", "stream-json", "hi"]);
    const records = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(records.find(({ type }) => type === "error")?.retryable, true);
  });
});

/** An extension that asks in its command `/ask`, before each prompt that begins with "ask", and before each bash command. */
function asking(place: Workspace): string {
  const path = join(place.root, "asks.ts");
  writeFileSync(
    path,
    `export default function (pi) {
      pi.on("input", async (event, ctx) => {
        if (event.text.startsWith("ask")) await ctx.ui.confirm("Really?", event.text);
        return { action: "continue" };
      });
      pi.on("user_bash", async (_, ctx) => { await ctx.ui.confirm("Run it?", "now"); });
      pi.registerCommand("ask", { description: "asks", handler: async (_, ctx) => { await ctx.ui.confirm("Sure?", "yes"); } });
    }`,
  );
  return path;
}

describe("a session that may ask", () => {
  let place: Workspace;
  let fresh: string;
  let asks: string;
  before(async () => {
    place = new Workspace();
    await place.ok(["daemon", "start"]);
    const create = async (...piArgs: string[]) => {
      const options = { model: "scripted/echo", piArgs };
      return (await place.ask("create_session", { cwd: place.cwd, options })).sessionId;
    };
    fresh = await create();
    asks = await create("-e", asking(place));
  });
  after(() => place.dispose());

  const respond = () => place.ask("respond", { sessionId: asks, answer: { confirmed: true } });

  it("has prompt --detach return when a question comes before pi accepts the prompt", async () => {
    for (const text of ["ask me", "/ask"]) {
      assert.equal(await place.ok(["prompt", "-s", asks, "--on-question", "wait", "--detach", text]), asks);
      await place.ok(["session", "wait", asks, "--for", "question"]);
      await respond();
      await place.ask("wait", { sessionId: asks, for: ["idle"] });
    }
    assert.equal(await place.ok(["session", "last", asks]), "echo: ask me");
  });

  it("is told in a hint that names no flag that the command doesn't have", async () => {
    const result = await place.run(["session", "bash", "-s", asks, "true"]);
    assert.equal(result.code, 5, result.stderr);
    assert.match(result.stderr, /\[QUESTION_UNANSWERED\]\nOnly a prompt can be answered while it runs/);
  });

  it("is waited for with exit code 4 when nothing runs that could ask, whatever its state; --any waits for those that can", async () => {
    const refused = async (...names: string[]) => {
      const result = await place.run(["session", "wait", ...names, "--for", "question"]);
      assert.equal(result.code, 4, result.stderr);
      assert.match(result.stderr, /nothing runs that could ask one.*\[QUESTION_NOT_FOUND\]/);
    };
    await refused(fresh);
    await refused(asks);
    // With another condition that one is met.
    assert.equal(await place.ok(["session", "wait", asks, "--for", "question", "--for", "idle"]), asks);
    await place.ok(["prompt", "-s", asks, "--on-question", "wait", "--detach", "ask me"]);
    const any = ["session", "wait", fresh, asks, "--for", "question"];
    assert.equal(await place.ok([...any, "--any"]), asks);
    assert.equal((await place.run([...any, "--all"])).code, 4);
    await respond();
    await place.ask("wait", { sessionId: asks, for: ["idle"] });
    await place.ask("close_session", { sessionId: asks });
    await refused(asks);
    await refused(fresh, asks, "--any");
  });
});

describe("session wait --for question", () => {
  it("ends with the turn, the agent or the session that could have asked", async (t) => {
    const place = workspace(t);
    await place.ok(["daemon", "start"]);
    const sessionId = await longTurns(place);
    const client = await place.client();
    t.after(() => client.close());
    const start = async () => {
      await client.request("prompt", { sessionId, message: "go" });
      const waiting = client.request("wait", { sessionId, for: ["question"] });
      waiting.catch(() => undefined);
      return { waiting };
    };
    const aborted = await start();
    await place.ask("abort", { sessionId });
    await assert.rejects(aborted.waiting, { code: "QUESTION_NOT_FOUND", message: /ended as aborted/ });
    const dead = await start();
    const { session } = await place.ask("get_session", { sessionId });
    process.kill(session.agentPid ?? 0, "SIGKILL");
    await assert.rejects(dead.waiting, { code: "QUESTION_NOT_FOUND", message: /ended as died/ });
    const closed = await start();
    await place.ask("close_session", { sessionId });
    await assert.rejects(closed.waiting, { code: "QUESTION_NOT_FOUND" });
    const deleted = await start();
    await place.ask("delete_session", { sessionId });
    await assert.rejects(deleted.waiting, { code: "SESSION_NOT_FOUND" });
  });
});

describe("where nobody watches", () => {
  it("stderr names each tool once and each retry, and quiet says nothing", async (t) => {
    const place = workspace(t);
    const scenario = join(place.root, "scenario.json");
    const tool = (command: string) => [{ tool: "bash", args: { command } }];
    const responses = [
      tool("true"),
      tool("false"),
      [{ error: "overloaded", retryable: true }],
      [{ text: "done" }],
    ];
    writeFileSync(scenario, JSON.stringify({ responses: [...responses, ...responses] }));
    writeFileSync(join(place.agentDir, "settings.json"), JSON.stringify({ retry: { baseDelayMs: 1 } }));
    const id = await place.ok(["session", "create", "--model", `scripted/${scenario}`]);
    const text = await place.run(["prompt", "-s", id, "go"]);
    assert.deepEqual([text.code, text.stdout], [0, "done\n"], text.stderr);
    assert.deepEqual(text.stderr.match(/^› .*$/gm), ["› bash"]);
    assert.match(text.stderr, /^⚠ Trying again in 0\.001 s \(1 of \d+\): .*overloaded$/m);
    const quiet = await place.run(["prompt", "-s", id, "--format", "quiet", "go"]);
    assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, "done\n", ""]);
  });
});

/** A session each of whose turns is long. @returns its id */
async function longTurns(place: Workspace): Promise<string> {
  const { responses } = JSON.parse(readFileSync(join(SCENARIOS, "long-turn.json"), "utf8")) as {
    responses: object[];
  };
  const path = join(place.root, "long-turns.json");
  writeFileSync(path, JSON.stringify({ responses: Array.from({ length: 10 }, () => responses).flat() }));
  const options = { model: `scripted/${path}` };
  return (await place.ask("create_session", { cwd: place.cwd, options })).sessionId;
}

describe("what goes on", () => {
  it("is said by a client that is terminated, of the turn or the command, with how it is ended, and by daemon stop", async (t) => {
    const place = workspace(t);
    await place.ok(["daemon", "start"]);
    const id = await longTurns(place);
    for (const signal of ["SIGTERM", "SIGHUP"] as const) {
      const turn = place.start(["prompt", "-s", id, "go"]);
      await turn.until("stdout", /\S/);
      turn.child.kill(signal);
      const result = await turn.done;
      assert.equal(result.signal, signal, turn.transcript());
      const [, command = ""] =
        /^The turn goes on in the daemon\. End it with: pictl (.*)$/m.exec(result.stderr) ?? [];
      assert.equal(await place.ok(command.split(" ")), "aborted", result.stderr);
    }
    const bash = place.start(["session", "bash", "-s", id, "echo on; sleep 600"]);
    await bash.until("stdout", "on\n");
    bash.child.kill("SIGTERM");
    assert.match((await bash.done).stderr, /^The command goes on .*: pictl session abort /m);
    assert.equal(await place.ok(["session", "abort", id]), "aborted the command");
    await place.ask("prompt", { sessionId: id, message: "go" });
    const stop = place.start(["daemon", "stop"]);
    await stop.until(
      "stderr",
      `Waiting for a session to finish, for at most 30s: ${id.slice(0, 8)} (working)\n`,
    );
    await place.ask("abort", { sessionId: id });
    assert.equal((await stop.done).code, 0, stop.transcript());
  });
});

describe("what is said of nothing", () => {
  it("by session list --state names the state that it looked for, and by doctor praises no config.toml that isn't there", async (t) => {
    const place = workspace(t);
    const list = async () => (await place.run(["session", "list", "--state", "working"])).stderr;
    assert.equal(await list(), "No sessions here. --all lists those of every directory.\n");
    writeSession(place, ["hi"]);
    assert.equal(await list(), "No session here is working; one is in another state.\n");
    const finding = async () => {
      const { findings } = await place.json<{ findings: { check: string; message: string }[] }>(["doctor"]);
      return findings.find(({ check }) => check === "config")?.message ?? "";
    };
    assert.match(await finding(), /^There is no .*config\.toml; every setting has its default\.$/);
    await place.ok(["config", "set", "limits.park_after", "10m"]);
    assert.match(await finding(), /config\.toml: every key is valid or has its default\.$/);
  });
});
