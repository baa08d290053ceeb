import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, type TestContext, test } from "node:test";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { ModelServer } from "../support/model-server.ts";
import { BIN, Workspace } from "../support/workspace.ts";

interface ModelEntry {
  id: string;
  reasoning?: boolean;
}

const KEY = { GOOD_KEY: "k" };
const M: ModelEntry = { id: "m", reasoning: true };

describe("a resumed session is the one that was asked for", () => {
  let server: ModelServer;
  let workspace: Workspace;

  beforeEach(async (t) => {
    server = await ModelServer.start({ commands: [], text: "ok" });
    workspace = new Workspace();
    (t as TestContext).after?.(() => undefined);
  });

  /** Two providers of pi: "good", which needs a key, and "cheap", which is pi's default. */
  function providers(t: TestContext, good: ModelEntry[] = [M]): void {
    t.after(async () => {
      server.close();
      await workspace.dispose();
    });
    declare(good);
    write("settings.json", { defaultProvider: "cheap", defaultModel: "c" });
  }

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

  async function made(...options: string[]): Promise<SessionInfo> {
    await workspace.ok(["session", "create", "--model", "good/m", ...options], { env: KEY });
    await workspace.ok(["prompt", "one"], { env: KEY });
    return await shown();
  }

  async function shown(...id: string[]): Promise<SessionInfo> {
    return (await workspace.json<{ session: SessionInfo }>(["session", "show", ...id])).session;
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

  test("a key that is gone refuses prompts, forks and clones, and --model accepts the other model", async (t) => {
    providers(t);
    await made();
    await workspace.ok(["session", "close"]);
    const both = /good\/m.*cheap\/c[\s\S]*--model cheap\/c/;
    await refused(["prompt", "two"], both);
    await refused(["session", "compact"], both);
    await refused(["session", "clone"], both);
    await refused(["session", "fork", "--at", "1"], both);
    await refused(["prompt", "--fork", "two"], both);
    assert.deepEqual(asked(), ["good"]);
    await workspace.ok(["prompt", "two"], { env: KEY });
    assert.deepEqual(asked(), ["good", "good"]);
    await workspace.ok(["session", "close"]);
    const file = (await shown()).file ?? "";
    const before = readFileSync(file, "utf8");
    for (const copy of [
      ["session", "clone", "--model", "cheap/c"],
      ["session", "fork", "--at", "2", "--model", "cheap/c"],
    ]) {
      const id = (await workspace.ok(copy)).trim();
      const { session } = await workspace.json<{ session: SessionInfo }>(["session", "show", "-s", id]);
      assert.equal(session.model, "cheap/c");
      await workspace.ok(["session", "close", id]);
    }
    const sessions = async () => ({
      files: readdirSync(dirname(file)).sort(),
      listed: await workspace.json(["session", "list", "--all"]),
    });
    const those = await sessions();
    const elsewhere = ["--cwd", workspace.root];
    await refused(["prompt", "--fork", "--model", "nosuch/x", "hi"], /lists no model "nosuch\/x"/);
    await refused(["session", "clone", ...elsewhere], both);
    await refused(["session", "fork", "--at", "1", ...elsewhere], both);
    assert.deepEqual(await sessions(), those, "a copy that was refused is still there");
    await workspace.ok(["prompt", "--fork", "--model", "cheap/c", "of the copy"]);
    assert.deepEqual(asked(), ["good", "good", "cheap"]);
    assert.equal(
      readFileSync(file, "utf8"),
      before,
      "the copy's model was written into the session's own file",
    );
    await workspace.ok(["prompt", "--model", "cheap/c", "three"]);
    await workspace.ok(["session", "close"]);
    await workspace.ok(["prompt", "four"], { env: KEY });
    assert.deepEqual(asked(), ["good", "good", "cheap", "cheap", "cheap"]);
  });

  test("`session model` accepts it too, from a listing that needs no model", async (t) => {
    providers(t);
    const { id } = await made();
    await workspace.ok(["session", "close"]);
    assert.match(await workspace.ok(["model", "list"]), /cheap\/c/);
    // There is no other model to go to, so that none was chosen.
    await workspace.ok(["session", "model", "--next"]);
    await refused(["prompt", "-s", id, "two"], /good\/m/);
    await refused(["prompt", "--model", "typo", "two"], /pi lists no model "typo"[\s\S]*pictl model list/);
    await workspace.ok(["session", "rename", "kept", "-s", id]).catch(() => undefined);
    assert.equal(await workspace.ok(["session", "model", "cheap/c"]), "cheap/c");
    await workspace.ok(["prompt", "two"]);
    assert.deepEqual(asked(), ["good", "cheap"]);
  });

  test("a model that is renamed is refused, also by a live daemon's spare and after its death", async (t) => {
    providers(t);
    await made("--thinking", "high");
    await workspace.ok(["session", "close"]);
    declare([{ id: "m2", reasoning: true }]);
    await refused(["prompt", "two"], /good\/m,? .*cheap\/c/, KEY);
    process.kill(workspace.daemonPid() ?? 0, "SIGKILL");
    await workspace.allProcessesGone();
    await refused(["prompt", "two"], /good\/m,? .*cheap\/c/, KEY);
    await workspace.ok(["prompt", "--model", "good/m2", "two"], { env: KEY });
    const { model, thinking } = await shown();
    assert.deepEqual({ model, thinking }, { model: "good/m2", thinking: "high" });
  });

  test("a model that was chosen instead keeps the session's thinking level, and nothing is warned of", async (t) => {
    providers(t);
    await workspace.ok(["session", "create", "--model", "good/m", "--thinking", "high"], { env: KEY });
    const other = await workspace.ok(["session", "create", "--model", "cheap/c"]);
    const id =
      (
        await workspace
          .ok(["session", "list", "--json"])
          .then((text) => JSON.parse(text) as { sessions: SessionInfo[] })
      ).sessions.find((one) => one.id !== other)?.id ?? "";
    await workspace.ok(["prompt", "-s", id, "one"], { env: KEY });
    await workspace.ok(["session", "close", "-s", id]);
    declare([{ id: "m2", reasoning: true }]);
    await workspace.ok(["session", "bash", "-s", id, "true"], { env: KEY });
    const info = async () =>
      (await workspace.json<{ session: SessionInfo }>(["session", "show", id])).session;
    const { model, thinking } = await info();
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
    const chosen = await info();
    assert.deepEqual([chosen.model, chosen.thinking], ["good/m2", "high"]);
    assert.equal(
      (JSON.parse(server.requests.at(-1)?.body ?? "") as { reasoning_effort?: string }).reasoning_effort,
      "high",
    );
  });

  test("a thinking level that the model has lost is refused until it is accepted", async (t) => {
    providers(t);
    await made("--thinking", "high");
    await workspace.ok(["session", "close"]);
    declare([{ id: "m" }]);
    await refused(["prompt", "two"], /thinking level high.*off[\s\S]*--thinking off/, KEY);
    await workspace.ok(["session", "thinking", "off"], { env: KEY });
    await workspace.ok(["prompt", "two"], { env: KEY });
    await workspace.ok(["session", "close"]);
    await workspace.ok(["prompt", "three"], { env: KEY });
  });

  test("a fork from before the first message keeps the session's model", async (t) => {
    providers(t);
    await made("--thinking", "low");
    await workspace.ok(["session", "fork", "--at", "1"], { env: KEY });
    await workspace.ok(["prompt", "other"], { env: KEY });
    assert.deepEqual(asked(), ["good", "good"]);
    assert.equal((await shown()).thinking, "low");
    const clone = await workspace.ok(["session", "clone", "--thinking", "high"], { env: KEY });
    assert.equal((await shown(clone)).thinking, "high");
    assert.equal((await shown()).thinking, "low");
  });

  test("a change in the session's file was asked for", async (t) => {
    providers(t);
    const { file = "" } = await made();
    await workspace.ok(["session", "close"]);
    const last = readFileSync(file, "utf8").trimEnd().split("\n").at(-1) ?? "";
    const { id: parentId } = JSON.parse(last) as { id: string };
    const change = { type: "model_change", id: "aaaa0001", parentId, timestamp: new Date().toISOString() };
    writeFileSync(file, `${JSON.stringify({ ...change, provider: "cheap", modelId: "c" })}\n`, { flag: "a" });
    await workspace.ok(["prompt", "two"]);
    assert.deepEqual(asked(), ["good", "cheap"]);
  });

  test("a model that pi doesn't list is refused at creation", async (t) => {
    providers(t);
    for (const model of ["nosuch/x", "good/mm"]) {
      const result = await workspace.run(["session", "create", "--model", model], { env: KEY });
      assert.equal(result.code, 6, result.stderr);
      assert.match(result.stderr, new RegExp(model));
    }
    assert.equal((await workspace.run(["prompt", "--model", "good/mm", "x"], { env: KEY })).code, 6);
    assert.deepEqual(asked(), []);
  });

  test("a prompt from a pipe or a file is kept by value, and a text never becomes a path", async (t) => {
    providers(t);
    const file = join(workspace.root, "prompt.txt");
    writeFileSync(file, `from a file ${"x".repeat(200_000)} end of it`);
    const script = `node "$BIN" session create -m good/m --system-prompt <(echo from a pipe) -- --append-system-prompt "$FILE"`;
    const env = { ...workspace.env, ...KEY, BIN, FILE: file } as NodeJS.ProcessEnv;
    execFileSync("bash", ["-c", script], { cwd: workspace.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    rmSync(file);
    const last = () => server.requests.at(-1)?.body ?? "";
    for (const prompt of ["one", "two"]) {
      await workspace.ok(["prompt", prompt], { env: KEY });
      await workspace.ok(["session", "close"]);
      assert.match(last(), /from a pipe.*from a file x+ end of it/);
    }
    await workspace.ok(["session", "clone"], { env: KEY });
    await workspace.ok(["prompt", "three"], { env: KEY });
    assert.match(last(), /from a pipe.*from a file x+ end of it/);
    const { options } = await shown();
    assert.equal(options?.systemPrompt, "from a pipe\n");
    // A text that names a file only later, in the directory where pi looks for one.
    await workspace.ok(["session", "create", "-m", "good/m", "--system-prompt", "plain text"], { env: KEY });
    writeFileSync(join(workspace.cwd, "plain text"), "from the workspace");
    await workspace.ok(["prompt", "four"], { env: KEY });
    assert.match(last(), /plain text/);
    assert.doesNotMatch(last(), /from the workspace/);
  });

  test("a path without a file is refused, for prompts at creation and for extensions at each start", async (t) => {
    providers(t);
    const create = ["session", "create", "-m", "scripted/echo"];
    for (const prompt of ["/nowhere/p", "./p.md", "p.md"]) {
      const result = await workspace.run([...create, "--system-prompt", prompt]);
      assert.deepEqual([result.code, result.stderr.includes(prompt)], [4, true], result.stderr);
    }
    assert.equal((await workspace.run([...create, "--", "-e", "gone.ts"])).code, 4);
    assert.equal((await workspace.run([...create, "--", "--skill", "/dev/fd/63"])).code, 2);
    const extension = join(workspace.cwd, "own.ts");
    writeFileSync(extension, "export default function () {}");
    await workspace.ok([...create, "--", "-e", "./own.ts"]);
    await workspace.ok(["prompt", "one"]);
    await workspace.ok(["session", "close"]);
    writeFileSync(extension, "export default function () { /* edited */ }");
    await workspace.ok(["prompt", "two"]);
    rmSync(extension);
    await workspace.ok(["session", "close"]);
    const result = await workspace.run(["prompt", "three"]);
    assert.equal(result.code, 4);
    assert.match(result.stderr, new RegExp(`${extension}.*FILE_NOT_FOUND`));
  });

  test("a session keeps its tools when the registry is lost, and is refused when they can't be known", async (t) => {
    providers(t);
    await workspace.ok(["session", "create", "-m", "scripted/echo", "--tools", "read"]);
    await workspace.ok(["prompt", "one"]);
    const { id } = await shown();
    await workspace.ok(["session", "clone"]);
    const copy = (await shown()).id;
    const lose = async () => {
      await workspace.ok(["daemon", "stop"]);
      rmSync(workspace.paths.registry);
    };
    const optionsOf = async (session: string) =>
      (await workspace.json<{ session: SessionInfo }>(["session", "show", session])).session.options;
    for (const session of [id, copy]) {
      await lose();
      await workspace.ok(["prompt", "-s", session, "two"]);
      assert.equal((await optionsOf(session))?.tools, "read");
    }
    await lose();
    writeFileSync(join(workspace.agentDir, "pictl", "options", `${id}.json`), '{"unheardOf":true}');
    const result = await workspace.run(["prompt", "-s", id, "three"]);
    assert.deepEqual([result.code, result.stdout], [1, ""]);
    assert.match(result.stderr, /options of session.*STORAGE_UNAVAILABLE/);
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

  test("a tool that is gone refuses turns, clones, forks and spares until it is back", async (t) => {
    providers(t);
    mkdirSync(workspace.paths.configDir, { recursive: true });
    writeFileSync(workspace.paths.config, '[limits]\npark_after = "1s"\n');
    const probe = addTool("probe");
    // One that isn't in the list: without any extension left, a spare wouldn't be tried.
    addTool("other");
    await workspace.ok(["session", "create", "-m", "scripted/echo", "--tools", "read,probe"]);
    await workspace.ok(["prompt", "one"]);
    // Its own agent becomes a spare, which is moved back to it.
    const client = await workspace.client();
    t.after(() => client.close());
    const hasSpare = async () => (await client.request("get_daemon_status", {})).spareAgents.length > 0;
    while (!(await hasSpare()));
    rmSync(probe);
    const missing = /has the tools probe, read, but pi doesn't have probe any more[\s\S]*--new/;
    const isRefused = async (...args: string[]) => await refused(args, missing, {}, "TOOLS_UNAVAILABLE");
    await isRefused("prompt", "two");
    assert.match(workspace.log(), /spare agent ended.*doesn't have probe any more/);
    await isRefused("session", "clone");
    await isRefused("prompt", "--fork", "two");
    await isRefused("session", "fork", "--at", "1");
    // An agent that was started for what needs no model isn't used for a turn, whatever is set meanwhile.
    assert.equal(await workspace.ok(["session", "model", "scripted/echo"]), "scripted/echo");
    await isRefused("prompt", "two");
    process.kill(workspace.daemonPid() ?? 0, "SIGKILL");
    await workspace.allProcessesGone();
    await isRefused("prompt", "two");
    addTool("probe");
    assert.match(await workspace.ok(["prompt", "two"]), /the first was: one/);
    await workspace.ok(["session", "clone"]);
    await workspace.ok(["prompt", "three"]);
    // The copy has made the promise too.
    await workspace.ok(["session", "close"]);
    rmSync(probe);
    await isRefused("prompt", "four");
  });

  test("a tool that is added refuses a session with a choice of tools, and no other", async (t) => {
    providers(t);
    addTool("probe");
    for (const options of [[], ["--exclude-tools", "bash"], ["--", "-xt", "bash"]]) {
      await workspace.ok(["session", "create", "-m", "scripted/echo", ...options]);
      await workspace.ok(["prompt", "one"]);
      await workspace.ok(["session", "close"]);
      const added = addTool("added");
      if (options.length === 0) await workspace.ok(["prompt", "two"]);
      else await refused(["prompt", "two"], /pi would add added\. /, {}, "TOOLS_UNAVAILABLE");
      rmSync(added);
    }
    // Also when the file has no message yet, and pi's settings choose the tools.
    await workspace.ok(["session", "create", "-m", "scripted/echo", "--exclude-tools", "bash"]);
    await workspace.ok(["session", "close"]);
    write("settings.json", { defaultTools: ["read", "bash", "grep"] });
    const result = await workspace.run(["prompt", "--json", "one"]);
    assert.equal(result.code, 6);
    const { error } = JSON.parse(result.stdout) as { error: { code: string; details: object } };
    assert.equal(error.code, "TOOLS_UNAVAILABLE");
    const { missing, added } = error.details as { missing: string[]; added: string[] };
    assert.deepEqual({ missing, added }, { missing: ["edit", "write"], added: ["grep"] });
  });

  test("a change of tools that the session itself has recorded is kept", async (t) => {
    providers(t);
    const directory = join(workspace.agentDir, "extensions");
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, "plan.ts"),
      `export default function (pi) {
        pi.registerCommand("plan", { description: "x", handler: async () => pi.setActiveTools(["read"]) });
        pi.registerCommand("all", { description: "x", handler: async () => pi.setActiveTools(["read", "edit", "grep"]) });
      }`,
    );
    await workspace.ok(["session", "create", "-m", "scripted/echo", "--exclude-tools", "bash"]);
    await workspace.ok(["prompt", "one"]);
    for (const command of ["/plan", "/all"]) {
      await workspace.ok(["prompt", command]);
      await workspace.ok(["prompt", "two"]);
      await workspace.ok(["session", "close"]);
      await workspace.ok(["prompt", "three"]);
    }
  });

  test("a name in --tools that no tool has is refused at creation; a pattern may match nothing", async (t) => {
    providers(t);
    const create = ["session", "create", "-m", "scripted/echo"];
    const typo = await workspace.run([...create, "--tools", "raed,write"]);
    assert.equal(typo.code, 6);
    assert.match(typo.stderr, /no tool "raed".*TOOLS_UNAVAILABLE[\s\S]*Did you mean "read"\?/);
    assert.equal((await workspace.run(["prompt", "-m", "scripted/echo", "--tools", "raed", "x"])).code, 6);
    assert.equal((await workspace.run([...create, "--", "-t", "raed"])).code, 6);
    for (const tools of ["read,no*such", "+nosuch", "read,mcp__nosuch__x"])
      await workspace.ok([...create, "--tools", tools]);
    await workspace.ok([...create, "--tools", "read,bash", "--exclude-tools", "ba*"]);
  });

  test("another model or level than was asked for is reported once", async (t) => {
    providers(t, [{ id: "gpt-4o" }]);
    const create = ["session", "create", "--model"];
    const fuzzy = await workspace.run([...create, "good/gpt-4", "--thinking", "high"], { env: KEY });
    assert.match(fuzzy.stderr, /no model good\/gpt-4 and uses good\/gpt-4o/);
    assert.match(fuzzy.stderr, /good\/gpt-4o has no thinking level high, so the level is off/);
    assert.equal((await workspace.run(["prompt", "one"], { env: KEY })).stderr, "");
    for (const model of ["good/gpt-4o", "gpt-4o", "good/gpt-4o:off"])
      assert.equal((await workspace.run([...create, model], { env: KEY })).stderr, "", model);
    const prompt = await workspace.run(["prompt", "--new", "--model", "good/gpt-4", "x"], { env: KEY });
    assert.match(prompt.stderr, /no model good\/gpt-4 and uses good\/gpt-4o/);
  });
});
