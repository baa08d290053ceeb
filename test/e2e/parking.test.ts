import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { markedProcesses } from "../../src/lib/agent/marked-processes.ts";
import type { Client } from "../../src/lib/client/client.ts";
import { compareVersions } from "../../src/lib/core/compare-versions.ts";
import type { PushRecord } from "../../src/lib/protocol/records.ts";
import type { DaemonStatus } from "../../src/lib/protocol/requests.ts";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { ModelServer } from "../support/model-server.ts";
import { testedVersion } from "../support/pis.ts";
import { scaled } from "../support/speed.ts";
import { type RunOptions, Workspace } from "../support/workspace.ts";

const BIN = fileURLToPath(new URL("../../bin/run.js", import.meta.url));
const ECHO = ["--model", "scripted/echo"];

describe("parking", () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
  });
  afterEach(() => place.dispose());

  function configure(limits: string): void {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, `[limits]\n${limits}\n`);
  }

  function directory(name: string): string {
    const path = join(place.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  async function status(): Promise<DaemonStatus> {
    return await place.json<DaemonStatus>(["daemon", "status"]);
  }

  async function statusWhen(what: (status: DaemonStatus) => boolean): Promise<DaemonStatus> {
    const client = await place.client();
    try {
      for (;;) {
        const now = await client.request("get_daemon_status", {});
        if (what(now)) return now;
      }
    } finally {
      client.close();
    }
  }

  /** Resolves when the agent of this session is kept as a spare, with its pid. */
  async function parked(id: string): Promise<number> {
    const pid = await agentOf(id);
    assert.ok(pid, "the session has no agent");
    await statusWhen(({ spareAgents }) => spareAgents.some((spare) => spare.pid === pid));
    return pid;
  }

  async function noAgents(): Promise<void> {
    while (agents().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async function agentOf(id: string): Promise<number | undefined> {
    return (await place.json<{ session: SessionInfo }>(["session", "show", id])).session.agentPid;
  }

  /** Makes a session that has a file, and gives its id. */
  async function talk(args: string[], message: string, options: RunOptions = {}): Promise<string> {
    const words = ["prompt", "--new", "--json", ...args, message];
    const answer = JSON.parse(await place.ok(words, options)) as { sessionId?: string };
    assert.ok(answer.sessionId);
    return answer.sessionId;
  }

  it("ends no agent that a parked session can go on with, in its own directory", async () => {
    configure('park_after = "1s"\nspare_agents = 1');
    const [a, b] = [directory("a"), directory("b")];
    const first = await talk(ECHO, "remember 42", { cwd: a });
    await place.ok(["session", "rename", "-s", first, "the first"]);
    const second = await talk(ECHO, "something else", { cwd: b });
    // The agent that was parked last is the one that is kept.
    const pid = await parked(second);
    const started = (await status()).agentsStarted;
    assert.match(await place.ok(["prompt", "-s", first, "again"], { cwd: b }), /remember 42/);
    assert.equal(await agentOf(first), pid);
    assert.equal((await status()).agentsStarted, started);
    assert.equal(
      (await place.json<{ session: SessionInfo }>(["session", "show", first])).session.name,
      "the first",
    );
    const client = await place.client();
    try {
      const { output } = (await client.command("bash", { sessionId: first, command: "pwd; echo $PWD" })) as {
        output: string;
      };
      assert.equal(output, `${a}\n${a}\n`);
    } finally {
      client.close();
    }
    const said = await place.ok(["prompt", "-s", second, "and you?"]);
    assert.match(said, /something else/);
    assert.doesNotMatch(said, /remember 42/);
  });

  it("gives the tools of a resumed session their own directory, id and context", async () => {
    configure('park_after = "1s"\nspare_agents = 1');
    const scenario = join(place.root, "where.json");
    const where = [
      [{ tool: "bash", args: { command: `echo "$(pwd) $PI_SESSION_ID" > ${join(place.root, "told")}` } }],
      [{ text: "cwd={{cwd}}\n{{system}}" }],
    ];
    writeFileSync(scenario, JSON.stringify({ responses: [...where, ...where] }));
    const [a, b] = [directory("a"), directory("b")];
    writeFileSync(join(a, "AGENTS.md"), "Rules of A.");
    writeFileSync(join(b, "AGENTS.md"), "Rules of B.");
    const model = ["--model", `scripted/${scenario}`];
    const first = await talk(model, "go", { cwd: a });
    const spare = await parked(await talk(model, "go", { cwd: b }));
    // Its place in the scenario is the session's own: the other one has used it up to here as well.
    const said = await place.ok(["prompt", "-s", first, "again"], { cwd: b });
    assert.equal(await agentOf(first), spare);
    assert.equal(readFileSync(join(place.root, "told"), "utf8"), `${a} ${first}\n`);
    assert.match(said, new RegExp(`^cwd=${a}\n[^]*Rules of A`));
    assert.doesNotMatch(said, /Rules of B/);
  });

  it("hands an agent over at once when its place is needed, and no record to the wrong session", async () => {
    configure("max_live_agents = 1");
    const extensions = join(place.agentDir, "extensions");
    mkdirSync(extensions);
    writeFileSync(
      join(extensions, "says.ts"),
      `export default function (pi) {
        const id = (ctx) => ctx.sessionManager.getSessionId();
        pi.on("session_start", async (_e, ctx) => { ctx.ui.notify("hello " + id(ctx)); });
        pi.on("session_shutdown", async (_e, ctx) => { ctx.ui.notify("bye " + id(ctx)); });
      }`,
    );
    const first = await talk(ECHO, "one");
    const second = await talk(ECHO, "two");
    const pid = await agentOf(second);
    const client = await place.client();
    const said: string[] = [];
    try {
      client.onRecord((record) => {
        if (record.type === "event" && record.event.method === "notify")
          said.push(`${record.sessionId}: ${String(record.event.message)}`);
      });
      for (const sessionId of [first, second]) await client.request("subscribe", { sessionId });
      assert.match(await place.ok(["prompt", "-s", first, "three"]), /one/);
      assert.equal(await agentOf(first), pid);
      assert.match(await place.ok(["prompt", "-s", second, "four"]), /two/);
      assert.equal(await agentOf(second), pid);
    } finally {
      client.close();
    }
    assert.ok(said.includes(`${first}: hello ${first}`), said.join("\n"));
    assert.ok(!said.some((line) => line === `${first}: bye ${second}`), said.join("\n"));
    assert.ok(!said.some((line) => line === `${second}: bye ${first}`), said.join("\n"));
    assert.ok(!said.some((line) => line === `${second}: hello ${first}`), said.join("\n"));
  });

  it("shares no agent with a session of another environment, of other options or of another model", async () => {
    configure("max_live_agents = 1");
    const environment = place.scenario("environment.json");
    const others = [
      { name: "environment", env: { SCRIPTED_LABEL: "mine" }, says: /label=mine/ },
      { name: "tools", args: ["--tools", "read"], says: /tools=read\n/ },
      { name: "prompt", args: ["--append-system-prompt", "Be kind."], says: /label=\n?$/ },
      { name: "trust", args: ["--approve"], says: /label=\n?$/ },
      { name: "arguments", args: ["--", "--no-skills"], says: /label=\n?$/ },
      { name: "scenario", model: "scripted/echo", says: /echo: again/ },
    ];
    const plain = await talk(["--model", environment], "go");
    for (const { name, args = [], env = {}, model = environment, says } of others) {
      const other = await place.ok(["session", "create", "--model", model, ...args], { env });
      await place.ok(["prompt", "-s", other, "go"], { env });
      // Each takes the only place from the other.
      assert.match(await place.ok(["prompt", "-s", plain, "go"]), /label=\n?$/, name);
      const pid = await agentOf(plain);
      assert.match(await place.ok(["prompt", "-s", other, "again"], { env }), says, name);
      assert.notEqual(await agentOf(other), pid, name);
    }
    // One that it does fit takes it, from whatever directory and depth of shells.
    const same = await talk(["--model", environment], "go", { cwd: directory("elsewhere") });
    const pid = await agentOf(same);
    await place.ok(["prompt", "-s", plain, "go"], { env: { SHLVL: "7", OLDPWD: "/", COLUMNS: "40" } });
    assert.equal(await agentOf(plain), pid);
  });

  for (const [name, body] of [
    ["cancels the move", `return { cancel: event.reason === "resume" };`],
    ["asks something before it", `if (event.reason === "resume") await ctx.ui.confirm("Leave?", "really");`],
  ]) {
    it(`starts pi as usual when an extension ${name}`, async () => {
      configure('park_after = "1s"');
      mkdirSync(join(place.agentDir, "extensions"));
      writeFileSync(
        join(place.agentDir, "extensions", "guard.ts"),
        `export default function (pi) { pi.on("session_before_switch", async (event, ctx) => { ${body} }); }`,
      );
      const id = await talk(ECHO, "remember 42");
      const spare = await parked(id);
      assert.match(await place.ok(["prompt", "-s", id, "again"]), /remember 42/);
      assert.notEqual(await agentOf(id), spare);
      assert.match(place.log(), /spare agent/);
    });
  }

  it("goes on with a new agent when the spare was killed, and keeps none when none are wanted", async () => {
    configure('park_after = "1s"');
    const id = await talk(ECHO, "remember 42");
    const spare = await parked(id);
    process.kill(spare, "SIGKILL");
    await statusWhen(({ spareAgents }) => spareAgents.length === 0);
    assert.match(await place.ok(["prompt", "-s", id, "again"]), /remember 42/);
    configure('park_after = "1s"\nspare_agents = 0');
    await place.ok(["daemon", "restart"]);
    await place.ok(["prompt", "-s", id, "once more"]);
    await noAgents();
  });

  it("has another spare ready soon after the last one was taken", async () => {
    // Longer than a spare takes to start: its session must not be parked again meanwhile.
    configure(`park_after = "${scaled(3)}s"`);
    const id = await talk(ECHO, "remember 42");
    const spare = await parked(id);
    await place.ok(["prompt", "-s", id, "again"]);
    const { spareAgents, agents } = await statusWhen((each) => each.spareAgents.length > 0);
    assert.deepEqual([agents[0]?.pid, spareAgents.length], [spare, 1]);
    // It is one of the same kind: started for nobody, it takes the session when its agent is gone.
    process.kill(spare, "SIGKILL");
    await statusWhen((each) => each.agents.length === 0);
    assert.match(await place.ok(["prompt", "-s", id, "once more"]), /remember 42/);
    assert.equal(await agentOf(id), spareAgents[0]?.pid);
  });

  it("ends every spare with the daemon", async () => {
    configure('park_after = "1s"');
    const spare = await parked(await talk(ECHO, "one"));
    // Else it would end by itself when the daemon has gone and its stdin with it.
    process.kill(spare, "SIGSTOP");
    await place.ok(["daemon", "stop"]);
    assert.deepEqual(place.processes(), []);
    // Before it looked for what was left: that is for what has got lost.
    const last = JSON.parse(place.log().trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([last.message, last.agents], ["stopped", { started: 1, ended: 1 }]);
  });

  it("takes no agent from a session whose command goes on in the background", async () => {
    configure('max_live_agents = 1\npark_after = "1s"');
    const scenario = join(place.root, "background.json");
    const command = "sleep 600 >/dev/null 2>&1 & echo $! > background.pid";
    const replies = [[{ tool: "bash", args: { command } }], [{ text: "It runs." }]];
    writeFileSync(scenario, JSON.stringify({ responses: replies }));
    const id = await talk(["--model", `scripted/${scenario}`], "start it");
    const other = place.start(["prompt", "--new", ...ECHO, "and me?"]);
    await other.until("stderr", "Waiting: the only agent is busy…");
    const pid = Number(readFileSync(join(place.cwd, "background.pid"), "utf8"));
    const { agents: kept } = await status();
    assert.deepEqual(
      kept.map(({ sessionId }) => sessionId),
      [id],
    );
    // It still ran.
    process.kill(pid, "SIGKILL");
    const { code, stdout } = await other.done;
    assert.deepEqual([code, stdout], [0, "echo: and me?\n"]);
  });

  it("tells a prompt that all agents are busy, and takes it out of the line when it is aborted", async () => {
    configure("max_live_agents = 1");
    const ids = [await talk(ECHO, "hi"), await talk(ECHO, "hi")];
    const working = await talk(ECHO, "hi");
    const long = place.start(["prompt", "-s", working, "--model", place.scenario("long-turn.json"), "go"]);
    await long.until("stdout", /still working/);
    const first = place.start(["prompt", "-s", ids[0] ?? "", "first"]);
    await first.until("stderr", "Waiting: the only agent is busy…");
    const second = place.start(["prompt", "-s", ids[1] ?? "", "second"]);
    await second.until("stderr", "Waiting: the only agent is busy, and another session has waited longer…");
    const { waitingForAgent } = await status();
    assert.deepEqual(
      waitingForAgent.map(({ sessionId }) => sessionId),
      ids,
    );
    await place.ok(["session", "abort", ids[0] ?? ""]);
    assert.equal((await first.done).code, 6);
    assert.equal((await status()).waitingForAgent.length, 1);
    await place.ok(["session", "abort", working]);
    await long.done;
    const { code, stdout } = await second.done;
    assert.deepEqual([code, stdout], [0, "echo: second (2 messages so far, the first was: hi)\n"]);
  });

  it("refuses the prompt for which every turn would wait for another's agent", async () => {
    configure("max_live_agents = 2");
    const told = join(place.root, "told");
    // Its tool prompts a second session, whose tool prompts a third one, for which there is no agent.
    const scenario = (name: string, model: string, after: string) => {
      const path = join(place.root, name);
      const command = `"${process.execPath}" "${BIN}" prompt --new --model ${model} words ${after}`;
      const responses = [[{ tool: "bash", args: { command } }], [{ text: "It has answered." }]];
      writeFileSync(path, JSON.stringify({ responses }));
      return `scripted/${path}`;
    };
    const inner = scenario("inner.json", "scripted/echo", `> "${told}" 2>&1; echo "exit $?" >> "${told}"`);
    const outer = scenario("outer.json", inner, "");
    assert.equal(await place.ok(["prompt", "--new", "--model", outer, "one"]), "It has answered.");
    const refusal = readFileSync(told, "utf8");
    assert.match(refusal, /All 2 agents are held by turns that wait.*LIMIT_EXCEEDED/);
    assert.match(refusal, /max_live_agents N[\s\S]*exit 8/);
  });

  it("lets a session with many prompts not keep its agent from one that came before them", async () => {
    configure("max_live_agents = 1");
    const busy = await talk(ECHO, "hi");
    const other = await talk(ECHO, "hi");
    const client = await place.client();
    const began: string[] = [];
    const allEnded = Promise.withResolvers<void>();
    let ended = 0;
    client.onRecord((record) => {
      if (record.type !== "turn") return;
      if (record.turn.state === "started") began.push(record.turn.id);
      if (record.turn.state === "ended" && ++ended === 4) allEnded.resolve();
    });
    try {
      for (const sessionId of [busy, other]) await client.request("subscribe", { sessionId });
      const model = place.scenario("long-turn.json");
      const prompt = (sessionId: string, turnId: string) =>
        client.request("prompt", { sessionId, turnId, message: turnId });
      await client.request("prompt", { sessionId: busy, turnId: "long", message: "go", model });
      const prompts = [prompt(other, "other")];
      await statusWhen(({ waitingForAgent }) => waitingForAgent.length === 1);
      prompts.push(prompt(busy, "later"), prompt(busy, "last"));
      await statusWhen(({ queued }) => queued === 2);
      await client.request("abort", { sessionId: busy, turnId: "long" });
      await Promise.all(prompts);
      await allEnded.promise;
    } finally {
      client.close();
    }
    assert.deepEqual(began, ["long", "other", "later", "last"]);
  });

  function agents(): number[] {
    return (markedProcesses(place.paths.runtimeDir) ?? [])
      .filter(({ runByPi }) => !runByPi)
      .map(({ pid }) => pid);
  }

  it("lets 20 sessions of two directories answer with two agents, never with a third", async () => {
    configure("max_live_agents = 2");
    await place.ok(["daemon", "start"]);
    const client = await place.client();
    let most = 0;
    let watching = true;
    const watch = async () => {
      while (watching) {
        most = Math.max(most, agents().length);
        // Each look reads all of /proc: looking without a pause would take a core from what is watched.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const watched = watch();
    try {
      const cwds = [directory("a"), directory("b")];
      const numbers = Array.from({ length: 20 }, (_, index) => index);
      const ids = await Promise.all(
        numbers.map(async (index) => {
          const cwd = cwds[index % 2] ?? place.cwd;
          const options = { model: "scripted/echo" };
          const message = `I am ${index}.`;
          const ended = turnEnd(client, `first-${index}`);
          const { sessionId } = await client.request("prompt", {
            cwd,
            fresh: true,
            create: { options },
            message,
            turnId: `first-${index}`,
            subscribe: true,
          });
          await ended;
          return sessionId;
        }),
      );
      for (const round of ["second", "third"]) {
        const texts = await Promise.all(
          ids.map(async (sessionId, index) => {
            const turnId = `${round}-${index}`;
            const ended = turnEnd(client, turnId);
            await client.request("prompt", { sessionId, message: `${round}?`, turnId, subscribe: true });
            return await ended;
          }),
        );
        for (const [index, text] of texts.entries())
          assert.match(text, new RegExp(`^echo: ${round}\\?.*I am ${index}\\.`));
      }
    } finally {
      watching = false;
      await watched;
      client.close();
    }
    assert.equal(most, 2);
    // All of the second and third round were served by agents that there were.
    const { agentsStarted } = await status();
    assert.ok(agentsStarted < 30, `${agentsStarted} agents were started`);
  });

  function turnEnd(client: Client, turnId: string): Promise<string> {
    return new Promise((resolve) => {
      const stop = client.onRecord((record: PushRecord) => {
        if (record.type !== "turn" || record.turn.id !== turnId || record.turn.state !== "ended") return;
        stop();
        resolve(record.turn.text ?? `${record.turn.outcome}: ${record.turn.error?.message}`);
      });
    });
  }

  it("an idle agent makes no paid requests, unless the user's settings ask for them, and those count", {
    skip: compareVersions(testedVersion(), "1.5.1") < 0 && "before 1.5.1 pi makes none",
  }, async (t) => {
    const server = await ModelServer.start({ commands: [], text: "hello" });
    t.after(() => server.close());
    const settings = join(place.agentDir, "settings.json");
    // A token costs 1 $, and the cache of a prompt has to be renewed a second after it.
    const model = {
      id: "m",
      cost: { input: 1e6, output: 0, cacheRead: 0, cacheWrite: 0 },
      promptCache: { short: 11 },
    };
    const provider = {
      api: "openai-completions",
      apiKey: "k",
      baseUrl: `http://127.0.0.1:${server.port}/v1`,
    };
    writeFileSync(
      join(place.agentDir, "models.json"),
      JSON.stringify({ providers: { paid: { ...provider, models: [model] } } }),
    );
    const log = join(place.root, "decisions");
    writeFileSync(log, "");
    mkdirSync(join(place.agentDir, "extensions"));
    writeFileSync(
      join(place.agentDir, "extensions", "decisions.ts"),
      `import { appendFileSync } from "node:fs";
      export default (pi) => pi.on("cache_warming_decision", (_event, ctx) =>
        appendFileSync(${JSON.stringify(log)}, ctx.isIdle() ? "idle " : "busy "));`,
    );
    const decisions = (kind: string) => readFileSync(log, "utf8").split(kind).length - 1;
    const id = await talk(["--model", "paid/m"], "one");
    while (decisions("idle") === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await place.ok(["prompt", "-s", id, "two"]);
    assert.equal(server.requests.length, 2 + decisions("busy"));

    await place.ok(["session", "close", id]);
    writeFileSync(settings, JSON.stringify({ cacheWarming: "idle" }));
    const before = server.requests.length;
    await place.ok(["prompt", "-s", id, "three"]);
    while (server.requests.length < before + 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const client = await place.client();
    t.after(() => client.close());
    const cost = async () => (await client.request("get_session", { sessionId: id })).session.cost;
    while ((await cost()) < before + 2) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it("keeps and starts no spare where MCP servers would start with it", {
    skip: compareVersions(testedVersion(), "0.99.0") < 0 && "before 0.99 pi starts none",
  }, async () => {
    configure('park_after = "1s"');
    const started = join(place.root, "started");
    writeFileSync(started, "");
    // Not a server that answers: that one was started is all that counts.
    const command = { command: "/bin/sh", args: ["-c", `echo x >> ${started}; cat > /dev/null`] };
    writeFileSync(join(place.agentDir, "mcp.json"), JSON.stringify({ mcpServers: { one: command } }));
    const id = await talk(ECHO, "hello");
    await noAgents();
    assert.deepEqual((await status()).spareAgents, []);
    await place.ok(["prompt", "-s", id, "again"]);
    await noAgents();
    assert.ok(readFileSync(started, "utf8").length <= 2 * "x\n".length, readFileSync(started, "utf8"));
  });
});
