import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import type { SessionInfo, SessionOptions } from "../../src/lib/protocol/session.ts";
import { ModelServer } from "../support/model-server.ts";
import { LONG } from "../support/speed.ts";
import { BIN, Workspace } from "../support/workspace.ts";

interface ModelEntry {
  id: string;
  reasoning?: boolean;
}

const KEY = { GOOD_KEY: "k" };
const ECHO: SessionOptions = { model: "scripted/echo" };
const M: ModelEntry = { id: "m", reasoning: true };

describe("a resumed session is the one that was asked for", () => {
  let server: ModelServer;
  let workspace: Workspace;

  before(async () => {
    server = await ModelServer.start({ commands: [], text: "ok" });
  });
  after(() => server.close());

  /** Gives the tests of a group a place, and each of them the providers as they are at first. */
  function place(config = ""): void {
    before(async () => {
      workspace = new Workspace();
      mkdirSync(workspace.paths.configDir, { recursive: true });
      writeFileSync(workspace.paths.config, config);
      await workspace.ok(["daemon", "start"]);
    });
    after(() => workspace.dispose());
    beforeEach(() => {
      server.requests.length = 0;
      declare([M]);
      write("settings.json", { defaultProvider: "cheap", defaultModel: "c" });
    });
  }

  /** Two providers of pi: "good", which needs a key, and "cheap", which is pi's default. */
  function declare(good: ModelEntry[]): void {
    const provider = (name: string, apiKey: string, models: ModelEntry[]) => ({
      baseUrl: `http://127.0.0.1:${server.port}/${name}`,
      api: "openai-completions",
      apiKey,
      models,
    });
    write("models.json", {
      providers: { good: provider("good", "$GOOD_KEY", good), cheap: provider("cheap", "k", [{ id: "c" }]) },
    });
  }

  function write(name: string, value: unknown): void {
    writeFileSync(join(workspace.agentDir, name), JSON.stringify(value));
  }

  const asked = () => server.requests.map(({ url }) => url.split("/")[1]);

  async function create(options: SessionOptions, env: Record<string, string> = {}): Promise<string> {
    return (await workspace.ask("create_session", { cwd: workspace.cwd, options }, env)).sessionId;
  }

  /** A session with one turn, which is the current one then. */
  async function made(options: SessionOptions = {}): Promise<SessionInfo> {
    await create({ model: "good/m", ...options }, KEY);
    await say("one", KEY);
    return await shown();
  }

  /** A turn of the current session. */
  async function say(message: string, env: Record<string, string> = {}): Promise<string> {
    return (await workspace.turn({ cwd: workspace.cwd, message }, env)).text;
  }

  async function close(): Promise<void> {
    await workspace.ask("close_session", { cwd: workspace.cwd });
  }

  /** The current session, or another one. */
  async function shown(sessionId?: string): Promise<SessionInfo> {
    const target = sessionId === undefined ? { cwd: workspace.cwd } : { sessionId };
    return (await workspace.ask("get_session", target)).session;
  }

  /** The command is refused, and neither the file nor the provider has heard of it. */
  async function refused(
    args: string[],
    pattern: RegExp,
    env: Record<string, string> = {},
    code = "MODEL_UNAVAILABLE",
  ): Promise<void> {
    const { file = "" } = await shown();
    const before = readFileSync(file, "utf8");
    const requests = server.requests.length;
    const result = await workspace.run(args, { env });
    assert.match(result.stderr, pattern);
    assert.match(result.stderr, new RegExp(code));
    assert.equal(result.code, 6);
    assert.equal(result.stdout, "");
    assert.equal(readFileSync(file, "utf8"), before);
    assert.equal(server.requests.length, requests);
  }

  describe("where nothing is extended", () => {
    place();

    test("a key that is gone refuses prompts, forks and clones; --model and `session model` accept the other model, from a listing that needs none", async () => {
      const { id } = await made();
      await close();
      const both = /good\/m.*cheap\/c[\s\S]*--model cheap\/c/;
      await refused(["prompt", "two"], both);
      if (LONG) await refused(["session", "compact"], both);
      // As a copy to another directory, below; the last is a clone and a prompt to it.
      for (const copy of [
        ["session", "clone"],
        ["session", "fork", "--at", "1"],
        ["prompt", "--fork", "two"],
      ])
        if (LONG) await refused(copy, both);
      assert.match(await workspace.ok(["model", "list"]), /cheap\/c/);
      // There is no other model to go to, so that none was chosen.
      await refused(["session", "model", "--next"], /no other model[\s\S]*good\/m/);
      await refused(["prompt", "-s", id, "two"], /good\/m/);
      for (const shows of ["model", "thinking"])
        await refused(["session", shows, "-s", id], /good\/m.*cheap\/c[\s\S]*session model/);
      assert.equal((await shown()).model, "good/m");
      const typo = /pi lists no model "(typo|nosuch\/x)"[\s\S]*pictl model list/;
      if (LONG) await refused(["prompt", "--model", "typo", "two"], typo);
      assert.deepEqual(asked(), ["good"]);
      await say("two", KEY);
      assert.deepEqual(asked(), ["good", "good"]);
      await close();
      const file = (await shown()).file ?? "";
      const before = readFileSync(file, "utf8");
      for (const copy of [
        // As the prompt with --fork, below.
        ...(LONG ? [["session", "clone", "--model", "cheap/c"]] : []),
        ["session", "fork", "--at", "2", "--model", "cheap/c"],
      ]) {
        const sessionId = (await workspace.ok(copy)).trim();
        assert.equal((await shown(sessionId)).model, "cheap/c");
        await workspace.ask("close_session", { sessionId });
      }
      const sessions = async () => ({
        files: readdirSync(dirname(file)).sort(),
        listed: await workspace.ask("list_sessions", {}),
      });
      const those = await sessions();
      const elsewhere = ["--cwd", workspace.root];
      await refused(["prompt", "--fork", "--model", "nosuch/x", "hi"], typo);
      await refused(["session", "fork", "--at", "1", ...elsewhere], both);
      if (LONG) await refused(["session", "clone", ...elsewhere], both);
      assert.deepEqual(await sessions(), those, "a copy that was refused is still there");
      await workspace.ok(["prompt", "--fork", "--model", "cheap/c", "of the copy"]);
      assert.deepEqual(asked(), ["good", "good", "cheap"]);
      assert.equal(
        readFileSync(file, "utf8"),
        before,
        "the copy's model was written into the session's own file",
      );
      assert.equal(await workspace.ok(["session", "model", "-s", id, "cheap/c"]), "cheap/c");
      await workspace.turn({ sessionId: id, message: "three" });
      await workspace.ask("close_session", { sessionId: id });
      await workspace.turn({ sessionId: id, message: "four" }, KEY);
      assert.deepEqual(asked(), ["good", "good", "cheap", "cheap", "cheap"]);
    });

    test("a model that is renamed is refused, also by a live daemon's spare and after its death", async () => {
      await made({ thinking: "high" });
      await close();
      declare([{ id: "m2", reasoning: true }]);
      await refused(["prompt", "two"], /good\/m,? .*cheap\/c/, KEY);
      process.kill(workspace.daemonPid() ?? 0, "SIGKILL");
      await workspace.allProcessesGone();
      await workspace.ok(["daemon", "start"]);
      await refused(["prompt", "two"], /good\/m,? .*cheap\/c/, KEY);
      await workspace.ok(["prompt", "--model", "good/m2", "two"], { env: KEY });
      const { model, thinking } = await shown();
      assert.deepEqual({ model, thinking }, { model: "good/m2", thinking: "high" });
    });

    test("a model that was chosen instead keeps the session's thinking level, and nothing is warned of", async () => {
      const id = await create({ model: "good/m", thinking: "high" }, KEY);
      await create({ model: "cheap/c" });
      await workspace.turn({ sessionId: id, message: "one" }, KEY);
      await workspace.ask("close_session", { sessionId: id });
      declare([{ id: "m2", reasoning: true }]);
      await workspace.ok(["session", "bash", "-s", id, "true"], { env: KEY });
      const { model, thinking } = await shown(id);
      assert.deepEqual({ model, thinking }, { model: "good/m", thinking: "high" });
      // The levels of the model that pi took instead are none of the session's.
      for (const command of [
        ["session", "thinking", "-s", id, "off"],
        ["session", "thinking", "-s", id, "--next"],
      ]) {
        const refusal = await workspace.run(command, { env: KEY });
        assert.equal(refusal.code, 6);
        // The advice can be typed as it stands, although another session is the current one.
        assert.match(refusal.stderr, new RegExp(`good/m.*cheap/c[^]*session model -s ${id} cheap/c`));
      }
      await workspace.ok(["session", "model", "-s", id, "good/m2"], { env: KEY });
      const answer = await workspace.run(["prompt", "-s", id, "two"], { env: KEY });
      assert.deepEqual([answer.code, answer.stderr], [0, ""]);
      const chosen = await shown(id);
      assert.deepEqual([chosen.model, chosen.thinking], ["good/m2", "high"]);
      assert.equal(
        (JSON.parse(server.requests.at(-1)?.body ?? "") as { reasoning_effort?: string }).reasoning_effort,
        "high",
      );
    });

    test("a thinking level that the model has lost is refused until it is accepted", async () => {
      await made({ thinking: "high" });
      await close();
      declare([{ id: "m" }]);
      await refused(["prompt", "two"], /thinking level high.*off[\s\S]*--thinking off/, KEY);
      await workspace.ok(["session", "bash", "true"], { env: KEY });
      assert.equal((await shown()).thinking, "high");
      await refused(["session", "thinking"], /thinking level high.*off/, KEY);
      await workspace.ok(["session", "thinking", "off"], { env: KEY });
      await say("two", KEY);
      await close();
      await say("three", KEY);
    });

    test("a fork from before the first message keeps the session's model", async () => {
      await made({ thinking: "low" });
      const fork = await workspace.ok(["session", "fork", "--at", "1"], { env: KEY });
      await workspace.turn({ sessionId: fork, message: "other" }, KEY);
      assert.deepEqual(asked(), ["good", "good"]);
      assert.doesNotMatch(server.requests.at(-1)?.body ?? "", /"one"/);
      assert.equal((await shown(fork)).thinking, "low");
      const clone = await workspace.ok(["session", "clone", "--thinking", "high"], { env: KEY });
      assert.equal((await shown(clone)).thinking, "high");
      assert.equal((await shown()).thinking, "low");
    });

    test("a change in the session's file was asked for", async () => {
      const { file = "" } = await made();
      await close();
      const last = readFileSync(file, "utf8").trimEnd().split("\n").at(-1) ?? "";
      const { id: parentId } = JSON.parse(last) as { id: string };
      const change = { type: "model_change", id: "aaaa0001", parentId, timestamp: new Date().toISOString() };
      writeFileSync(file, `${JSON.stringify({ ...change, provider: "cheap", modelId: "c" })}\n`, {
        flag: "a",
      });
      await say("two");
      assert.deepEqual(asked(), ["good", "cheap"]);
    });

    test("a model that pi doesn't list is refused at creation", async () => {
      for (const model of ["nosuch/x", ...(LONG ? ["good/mm"] : [])]) {
        const result = await workspace.run(["session", "create", "--model", model], { env: KEY });
        assert.equal(result.code, 6, result.stderr);
        assert.match(result.stderr, new RegExp(model));
      }
      assert.equal(
        (await workspace.run(["prompt", "--new", "--model", "good/mm", "x"], { env: KEY })).code,
        6,
      );
      assert.deepEqual(asked(), []);
    });

    test("a prompt from a pipe or a file is kept by value, and a text never becomes a path", async () => {
      const file = join(workspace.root, "prompt.txt");
      writeFileSync(file, `from a file ${"x".repeat(200_000)} end of it`);
      const script = `node "$BIN" session create -m good/m --system-prompt <(echo from a pipe) --append-system-prompt "plain text" -- --append-system-prompt "$FILE"`;
      const env = { ...workspace.env, ...KEY, BIN, FILE: file } as NodeJS.ProcessEnv;
      execFileSync("bash", ["-c", script], { cwd: workspace.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
      rmSync(file);
      // A text that names a file only later, in the directory where pi looks for one.
      writeFileSync(join(workspace.cwd, "plain text"), "from the workspace");
      const prompts = /from a pipe.*plain text.*from a file x+ end of it/;
      const last = () => server.requests.at(-1)?.body ?? "";
      await say("one", KEY);
      assert.match(last(), prompts);
      await close();
      await say("two", KEY);
      assert.match(last(), prompts);
      await workspace.ask("clone", { cwd: workspace.cwd }, KEY);
      await say("three", KEY);
      assert.match(last(), prompts);
      const { options } = await shown();
      assert.equal(options?.systemPrompt, "from a pipe\n");
      assert.doesNotMatch(server.requests.map(({ body }) => body).join("\n"), /from the workspace/);
    });

    test("a path without a file is refused, for prompts at creation and for extensions at each start", async () => {
      const create = ["session", "create", "-m", "scripted/echo"];
      for (const prompt of ["/nowhere/p", ...(LONG ? ["./p.md"] : []), "p.md"]) {
        const result = await workspace.run([...create, "--system-prompt", prompt]);
        assert.deepEqual([result.code, result.stderr.includes(prompt)], [4, true], result.stderr);
      }
      assert.equal((await workspace.run([...create, "--", "-e", "gone.ts"])).code, 4);
      assert.equal((await workspace.run([...create, "--", "--skill", "/dev/fd/63"])).code, 2);
      const extension = join(workspace.cwd, "own.ts");
      writeFileSync(extension, "export default function () {}");
      await workspace.ok([...create, "--", "-e", "./own.ts"]);
      await say("one");
      await close();
      writeFileSync(extension, "export default function () { /* edited */ }");
      await say("two");
      rmSync(extension);
      await close();
      const result = await workspace.run(["prompt", "three"]);
      assert.equal(result.code, 4);
      assert.match(result.stderr, new RegExp(`${extension}.*FILE_NOT_FOUND`));
    });

    test("a session keeps its tools when the registry is lost, and is refused when they can't be known", async () => {
      const id = await create({ ...ECHO, tools: "read" });
      await say("one");
      const copy = (await workspace.ask("clone", { sessionId: id })).sessionId;
      const lose = async () => {
        await workspace.ok(["daemon", "stop"]);
        rmSync(workspace.paths.registry);
      };
      await lose();
      for (const session of [id, copy]) {
        await workspace.ok(["prompt", "-s", session, "two"]);
        assert.equal((await shown(session)).options?.tools, "read");
      }
      await lose();
      writeFileSync(join(workspace.agentDir, "pictl", "options", `${id}.json`), '{"unheardOf":true}');
      const result = await workspace.run(["prompt", "-s", id, "three"]);
      assert.deepEqual([result.code, result.stdout], [1, ""]);
      assert.match(result.stderr, /options of session.*STORAGE_UNAVAILABLE/);
    });

    test("a name in --tools that no tool has is refused at creation; a pattern may match nothing", async () => {
      const create = ["session", "create", "-m", "scripted/echo"];
      const typo = await workspace.run([...create, "--tools", "raed,write"]);
      assert.equal(typo.code, 6);
      assert.match(typo.stderr, /no tool "raed".*TOOLS_UNAVAILABLE[\s\S]*Did you mean "read"\?/);
      if (LONG)
        assert.equal(
          (await workspace.run(["prompt", "--new", "-m", "scripted/echo", "--tools", "raed", "x"])).code,
          6,
        );
      assert.equal((await workspace.run([...create, "--", "-t", "raed"])).code, 6);
      await workspace.ok([...create, "--tools", "+nosuch"]);
      const tools = "read,bash,no*such,mcp__nosuch__x";
      await workspace.ok([...create, "--tools", tools, "--exclude-tools", "ba*"]);
    });

    test("another model or level than was asked for is reported once", async () => {
      declare([{ id: "gpt-4o" }]);
      const create = ["session", "create", "--model"];
      const fuzzy = await workspace.run([...create, "good/gpt-4", "--thinking", "high"], { env: KEY });
      assert.match(fuzzy.stderr, /no model good\/gpt-4 and uses good\/gpt-4o/);
      assert.match(fuzzy.stderr, /good\/gpt-4o has no thinking level high, so the level is off/);
      assert.equal((await workspace.run(["prompt", "one"], { env: KEY })).stderr, "");
      for (const model of ["gpt-4o", ...(LONG ? ["good/gpt-4o:off", "good/gpt-4o"] : [])])
        assert.equal((await workspace.run([...create, model], { env: KEY })).stderr, "", model);
      const prompt = await workspace.run(["prompt", "--new", "--model", "good/gpt-4", "x"], { env: KEY });
      assert.match(prompt.stderr, /no model good\/gpt-4 and uses good\/gpt-4o/);
    });
  });

  /** An extension of the agent directory with one tool, which it registers when a session starts. */
  function addTool(name: string): string {
    const directory = join(workspace.agentDir, "extensions");
    mkdirSync(directory, { recursive: true });
    const path = join(directory, `${name}.ts`);
    const tool = `{ name: "${name}", label: "x", description: "x", parameters: { type: "object", properties: {} }, async execute() { return { content: [] }; } }`;
    writeFileSync(
      path,
      `export default function (pi) { pi.on("session_start", () => pi.registerTool(${tool})); }`,
    );
    return path;
  }

  describe("where tools come from extensions", () => {
    place();

    test("a tool that is added refuses a session with a choice of tools, and no other", async () => {
      addTool("probe");
      for (const options of [{}, ...(LONG ? [{ excludeTools: "bash" }, { piArgs: ["-xt", "bash"] }] : [])]) {
        await create({ ...ECHO, ...options });
        await say("one");
        await close();
        const added = addTool("added");
        if (Object.keys(options).length === 0) await say("two");
        else await refused(["prompt", "two"], /pi would add added\. /, {}, "TOOLS_UNAVAILABLE");
        rmSync(added);
      }
      // Also when the file has no message yet, and pi's settings choose the tools.
      await create({ ...ECHO, excludeTools: "bash" });
      await close();
      addTool("added");
      write("settings.json", { defaultTools: ["read", "bash", "grep", "added"] });
      const result = await workspace.run(["prompt", "--json", "one"]);
      assert.equal(result.code, 6);
      const { error } = JSON.parse(result.stdout) as {
        error: { code: string; message: string; details: object };
      };
      assert.equal(error.code, "TOOLS_UNAVAILABLE");
      assert.match(error.message, /pi would add added/);
      const { missing, added } = error.details as { missing: string[]; added: string[] };
      assert.deepEqual({ missing, added }, { missing: ["edit", "write"], added: ["added", "grep"] });
    });

    test("a change of tools that the session itself has recorded is kept", async () => {
      const directory = join(workspace.agentDir, "extensions");
      mkdirSync(directory, { recursive: true });
      writeFileSync(
        join(directory, "plan.ts"),
        `export default function (pi) {
          pi.registerCommand("plan", { description: "x", handler: async () => pi.setActiveTools(["read"]) });
          pi.registerCommand("all", { description: "x", handler: async () => pi.setActiveTools(["read", "edit", "grep"]) });
        }`,
      );
      await create({ ...ECHO, excludeTools: "bash" });
      await say("one");
      for (const command of [...(LONG ? ["/plan"] : []), "/all"]) {
        await workspace.ok(["prompt", command]);
        await say("two");
        await close();
        await say("three");
      }
    });
  });

  describe("where its agent soon becomes a spare", () => {
    place('[limits]\npark_after = "1s"\n');

    test("a tool that is gone refuses turns, clones, forks and spares until it is back", async () => {
      const probe = addTool("probe");
      // One that isn't in the list: without any extension left, a spare wouldn't be tried.
      addTool("other");
      await create({ ...ECHO, tools: "read,probe" });
      await say("one");
      // Its own agent becomes a spare, which is moved back to it.
      const client = await workspace.client();
      const hasSpare = async () => (await client.request("get_daemon_status", {})).spareAgents.length > 0;
      while (!(await hasSpare())) await new Promise((resolve) => setTimeout(resolve, 20));
      client.close();
      rmSync(probe);
      const missing = /has the tools probe, read, but pi doesn't have probe any more[\s\S]*--new/;
      const isRefused = async (...args: string[]) => await refused(args, missing, {}, "TOOLS_UNAVAILABLE");
      await isRefused("prompt", "two");
      assert.match(workspace.log(), /spare agent ended.*doesn't have probe any more/);
      await isRefused("session", "clone");
      if (LONG) await isRefused("prompt", "--fork", "two");
      if (LONG) await isRefused("session", "fork", "--at", "1");
      // An agent that was started for what needs no model isn't used for a turn, whatever is set meanwhile.
      assert.equal(await workspace.ok(["session", "model", "scripted/echo"]), "scripted/echo");
      await isRefused("prompt", "two");
      // As where a model is refused, above.
      if (LONG) {
        process.kill(workspace.daemonPid() ?? 0, "SIGKILL");
        await workspace.allProcessesGone();
        await workspace.ok(["daemon", "start"]);
        await isRefused("prompt", "two");
      }
      addTool("probe");
      assert.match(await say("two"), /the first was: one/);
      await workspace.ask("clone", { cwd: workspace.cwd });
      await say("three");
      // The copy has made the promise too.
      await close();
      rmSync(probe);
      await isRefused("prompt", "four");
    });
  });
});
