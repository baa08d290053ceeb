import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { markedProcesses } from "../../src/lib/agent/marked-processes.ts";
import type { Client } from "../../src/lib/client/client.ts";
import { compareVersions } from "../../src/lib/core/compare-versions.ts";
import type { PushRecord } from "../../src/lib/protocol/records.ts";
import type { DaemonStatus } from "../../src/lib/protocol/requests.ts";
import type { SessionOptions } from "../../src/lib/protocol/session.ts";
import { ModelServer } from "../support/model-server.ts";
import { testedVersion } from "../support/pis.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG, scaled } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

const BIN = fileURLToPath(new URL("../../bin/run.js", import.meta.url));

const MINE = { SCRIPTED_LABEL: "mine" };

describe("parking", () => {
  let place: Workspace;

  function configure(limits: string): void {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, `[limits]\n${limits}\n`);
  }

  /** Starts a daemon with these limits. */
  async function start(limits: string): Promise<void> {
    configure(limits);
    await place.ok(["daemon", "start"]);
  }

  function directory(name: string): string {
    const path = join(place.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  const status = () => place.ask("get_daemon_status", {});

  async function statusWhen(what: (status: DaemonStatus) => boolean): Promise<DaemonStatus> {
    const client = await place.client();
    try {
      for (;;) {
        const now = await client.request("get_daemon_status", {});
        if (what(now)) return now;
        // The daemon has better things to do than to answer this all the time.
        await new Promise((resolve) => setTimeout(resolve, 50));
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

  function agents(): number[] {
    return (markedProcesses(place.paths.runtimeDir) ?? [])
      .filter(({ runByPi }) => !runByPi)
      .map(({ pid }) => pid);
  }

  async function noAgents(): Promise<void> {
    while (agents().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async function agentOf(sessionId: string): Promise<number | undefined> {
    return (await place.ask("get_session", { sessionId })).session.agentPid;
  }

  /** Makes a session that has a file, and gives its id. */
  async function talk(
    message: string,
    { cwd = place.cwd, ...options }: { cwd?: string; model?: string } = {},
  ): Promise<string> {
    const create = { options: { model: "scripted/echo", ...options } };
    return (await place.turn({ cwd, fresh: true, create, message })).sessionId;
  }

  /** Goes on with a session and gives the answer. */
  async function say(
    sessionId: string,
    message: string,
    env: Record<string, string> = {},
    cwd = place.cwd,
  ): Promise<string> {
    return (await place.turn({ sessionId, cwd, message }, env)).text;
  }

  describe("with one agent for all", () => {
    before(async () => {
      place = new Workspace();
      await start("max_live_agents = 1");
    });
    after(() => place.dispose());

    it("shares no agent with a session of another environment, of other options or of another model", async () => {
      const model = place.scenario("environment.json");
      const { agentDir, cwd } = place;
      const [plain, mine, same] = [cwd, cwd, directory("elsewhere")].map((each) =>
        writeSession({ agentDir, cwd: each }, ["hi"]),
      ) as [string, string, string];
      // Which scenario a session has must have been asked for.
      for (const sessionId of [same, mine, plain]) await place.turn({ sessionId, model, message: "go" });
      const own = await say(plain, "go");
      assert.match(own, /label=\n?$/);
      const others: { name: string; sessionId: string; env: Record<string, string> }[] = [
        { name: "environment", sessionId: mine, env: MINE },
        { name: "scenario", sessionId: writeSession({ agentDir, cwd }, ["hi"]), env: MINE },
      ];
      // Each takes the only place, and the agent in it is none for this one.
      let pid = await agentOf(plain);
      for (const { name, sessionId, env } of others) {
        const said = await say(sessionId, "go", env);
        if (sessionId === mine) assert.match(said, /label=mine\n?$/);
        const its = await agentOf(sessionId);
        assert.ok(its && its !== pid, name);
        pid = its;
      }
      const optionsOfOthers: SessionOptions[] = [
        { tools: "read" },
        // These come to pi as the tools do.
        ...(LONG
          ? [{ appendSystemPrompt: ["Be kind."] }, { approve: true }, { piArgs: ["--no-skills"] }]
          : []),
      ];
      for (const options of optionsOfOthers) {
        const create = { options: { model, ...options } };
        const { sessionId } = await place.turn({ cwd: place.cwd, fresh: true, create, message: "go" });
        const its = await agentOf(sessionId);
        assert.ok(its);
        assert.equal(await say(plain, "go"), own, JSON.stringify(options));
        assert.notEqual(await agentOf(plain), its, JSON.stringify(options));
      }
      // One that it does fit takes it, from whatever directory and depth of shells.
      pid = await agentOf(plain);
      assert.match(await say(same, "go", { SHLVL: "7", OLDPWD: "/", COLUMNS: "40" }), /elsewhere\n/);
      assert.equal(await agentOf(same), pid);
    });

    it("tells a prompt that all agents are busy, and takes it out of the line when it is aborted", async () => {
      const ids = [writeSession(place, ["hi"]), writeSession(place, ["hi"])];
      const model = place.scenario("long-turn.json");
      const prompt = { cwd: place.cwd, fresh: true, create: { options: { model } }, message: "go" };
      const { sessionId: working } = await place.ask("prompt", prompt);
      const first = place.start(["prompt", "-s", ids[0] ?? "", "first"]);
      await first.until("stderr", "Waiting: the only agent is busy…");
      const second = place.start(["prompt", "-s", ids[1] ?? "", "second"]);
      await second.until("stderr", "Waiting: the only agent is busy, and another session has waited longer…");
      const { waitingForAgent } = await status();
      assert.deepEqual(
        waitingForAgent.map(({ sessionId }) => sessionId),
        ids,
      );
      await place.ask("abort", { sessionId: ids[0] ?? "" });
      assert.equal((await first.done).code, 6);
      assert.equal((await status()).waitingForAgent.length, 1);
      await place.ask("abort", { sessionId: working });
      const { code, stdout } = await second.done;
      assert.deepEqual([code, stdout], [0, "echo: second (2 messages so far, the first was: hi)\n"]);
    });

    it("lets a session with many prompts not keep its agent from one that came before them", async () => {
      const busy = writeSession(place, ["hi"]);
      const other = writeSession(place, ["hi"]);
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
  });

  describe("each in a place of its own", () => {
    beforeEach(() => {
      place = new Workspace();
    });
    afterEach(() => place.dispose());

    it("ends no agent that a parked session can go on with, which has its own directory, id, name and context", async () => {
      // Without a second place no other agent is started meanwhile.
      await start('park_after = "1s"\nspare_agents = 1\nmax_live_agents = 1');
      const scenario = join(place.root, "where.json");
      const command = `echo "$(pwd) $PWD $PI_SESSION_ID" > ${join(place.root, "told")}`;
      const where = [
        [{ tool: "bash", args: { command } }],
        [{ text: "Turn {{turn}}.\ncwd={{cwd}}\n{{system}}" }],
      ];
      writeFileSync(scenario, JSON.stringify({ responses: [...where, ...where] }));
      const [a, b] = [directory("a"), directory("b")];
      writeFileSync(join(a, "AGENTS.md"), "Rules of A.");
      writeFileSync(join(b, "AGENTS.md"), "Rules of B.");
      const model = `scripted/${scenario}`;
      const first = await talk("go", { model, cwd: a });
      await place.ask("set_session_name", { sessionId: first, name: "the first" });
      const second = await talk("go", { model, cwd: b });
      // The agent that was parked last is the one that is kept.
      const pid = await parked(second);
      const started = (await status()).agentsStarted;
      // Its place in the scenario is the session's own: the other one has used it up to here as well.
      const said = await place.ok(["prompt", "-s", first, "again"], { cwd: b });
      assert.equal(await agentOf(first), pid);
      assert.equal((await status()).agentsStarted, started);
      assert.equal(readFileSync(join(place.root, "told"), "utf8"), `${a} ${a} ${first}\n`);
      assert.match(said, new RegExp(`^Turn 2\\.\ncwd=${a}\n[^]*Rules of A`));
      assert.doesNotMatch(said, /Rules of B/);
      assert.equal((await place.ask("get_session", { sessionId: first })).session.name, "the first");
      const back = await say(second, "and you?");
      assert.equal(await agentOf(second), pid);
      assert.equal(readFileSync(join(place.root, "told"), "utf8"), `${b} ${b} ${second}\n`);
      assert.match(back, new RegExp(`^Turn 2\\.\ncwd=${b}\n[^]*Rules of B`));
      assert.doesNotMatch(back, /Rules of A/);
    });

    it("hands an agent over at once when its place is needed, and no record to the wrong session", async () => {
      await start("max_live_agents = 1");
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
      const first = await talk("one");
      const second = await talk("two");
      const pid = await agentOf(second);
      const client = await place.client();
      const said: string[] = [];
      try {
        client.onRecord((record) => {
          if (record.type === "event" && record.event.method === "notify")
            said.push(`${record.sessionId}: ${String(record.event.message)}`);
        });
        for (const sessionId of [first, second]) await client.request("subscribe", { sessionId });
        assert.match(await say(first, "three"), /one/);
        assert.equal(await agentOf(first), pid);
        assert.match(await say(second, "four"), /two/);
        assert.equal(await agentOf(second), pid);
      } finally {
        client.close();
      }
      assert.ok(said.includes(`${first}: hello ${first}`), said.join("\n"));
      assert.ok(!said.some((line) => line === `${first}: bye ${second}`), said.join("\n"));
      assert.ok(!said.some((line) => line === `${second}: bye ${first}`), said.join("\n"));
      assert.ok(!said.some((line) => line === `${second}: hello ${first}`), said.join("\n"));
    });

    it("starts pi as usual when an extension cancels the move or asks something before it", async () => {
      await start('park_after = "1s"\nmax_live_agents = 1');
      const asks = join(place.root, "asks");
      mkdirSync(join(place.agentDir, "extensions"));
      writeFileSync(
        join(place.agentDir, "extensions", "guard.ts"),
        `import { existsSync } from "node:fs";
      export default (pi) => pi.on("session_before_switch", async (event, ctx) => {
        if (event.reason !== "resume") return;
        if (!existsSync(${JSON.stringify(asks)})) return { cancel: true };
        await ctx.ui.confirm("Leave?", "really");
      });`,
      );
      const id = await talk("remember 42");
      for (const how of ["cancels", "asks"]) {
        if (how === "asks") writeFileSync(asks, "");
        const spare = await parked(id);
        assert.match(await say(id, "again"), /remember 42/, how);
        assert.notEqual(await agentOf(id), spare, how);
        const ended = place
          .log()
          .split("\n")
          .filter((line) => line.includes('"spare agent ended"'));
        assert.ok(
          ended.some((line) => line.includes(`"agent":${spare}`)),
          `${how}: ${ended.join("\n")}`,
        );
      }
    });

    it("goes on with a new agent when the spare was killed, and ends every spare with the daemon", async () => {
      await start('park_after = "1s"');
      const id = await talk("remember 42");
      process.kill(await parked(id), "SIGKILL");
      await statusWhen(({ spareAgents }) => spareAgents.length === 0);
      assert.match(await say(id, "again"), /remember 42/);
      const spare = await parked(id);
      // Else it would end by itself when the daemon has gone and its stdin with it.
      process.kill(spare, "SIGSTOP");
      await place.ok(["daemon", "stop"]);
      assert.deepEqual(place.processes(), []);
      // Before it looked for what was left: that is for what has got lost.
      const last = JSON.parse(place.log().trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
      assert.deepEqual([last.message, last.agents], ["stopped", { started: 2, ended: 2 }]);
    });

    it("has another spare ready soon after the last one was taken", async () => {
      // Longer than a spare takes to start: its session must not be parked again meanwhile.
      await start(`park_after = "${scaled(5)}s"`);
      const id = await talk("remember 42");
      const spare = await parked(id);
      await say(id, "again");
      const { spareAgents, agents } = await statusWhen((each) => each.spareAgents.length > 0);
      assert.deepEqual([agents[0]?.pid, spareAgents.length], [spare, 1]);
      // It is one of the same kind: started for nobody, it takes the session when its agent is gone.
      process.kill(spare, "SIGKILL");
      await statusWhen((each) => each.agents.length === 0);
      assert.match(await say(id, "once more"), /remember 42/);
      assert.equal(await agentOf(id), spareAgents[0]?.pid);
    });

    it("takes no agent from a session whose command goes on in the background", async () => {
      await start('max_live_agents = 1\npark_after = "1s"');
      const scenario = join(place.root, "background.json");
      const command = "sleep 600 >/dev/null 2>&1 & echo $! > background.pid";
      const replies = [[{ tool: "bash", args: { command } }], [{ text: "It runs." }]];
      writeFileSync(scenario, JSON.stringify({ responses: replies }));
      const id = await talk("start it", { model: `scripted/${scenario}` });
      const other = place.start(["prompt", "--new", "--model", "scripted/echo", "and me?"]);
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

    const COUNT = LONG ? 20 : 6;
    /** Sessions that are new; each of the others has a file. */
    const FRESH = LONG ? 20 : 2;
    it("lets many sessions of two directories answer with two agents, never with a third", async () => {
      await start("max_live_agents = 2");
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
        const numbers = Array.from({ length: COUNT }, (_, index) => index);
        const ids = await Promise.all(
          numbers.map(async (index) => {
            const cwd = cwds[index % 2] ?? place.cwd;
            const options = { model: "scripted/echo" };
            const message = `I am ${index}.`;
            if (index >= FRESH) return writeSession({ cwd, agentDir: place.agentDir }, [message]);
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
      assert.ok(agentsStarted < FRESH + COUNT / 2, `${agentsStarted} agents were started`);
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
      await place.ok(["daemon", "start"]);
      const id = await talk("one", { model: "paid/m" });
      while (decisions("idle") === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await say(id, "two");
      assert.equal(server.requests.length, 2 + decisions("busy"));

      await place.ask("close_session", { sessionId: id });
      writeFileSync(settings, JSON.stringify({ cacheWarming: "idle" }));
      const before = server.requests.length;
      await say(id, "three");
      while (server.requests.length < before + 2) await new Promise((resolve) => setTimeout(resolve, 10));
      const client = await place.client();
      t.after(() => client.close());
      const cost = async () => (await client.request("get_session", { sessionId: id })).session.cost;
      while ((await cost()) < before + 2) await new Promise((resolve) => setTimeout(resolve, 10));
    });

    it("keeps and starts no spare where MCP servers would start with it", {
      skip: compareVersions(testedVersion(), "0.99.0") < 0 && "before 0.99 pi starts none",
    }, async () => {
      await start('park_after = "1s"');
      const started = join(place.root, "started");
      writeFileSync(started, "");
      // Not a server that answers: that one was started is all that counts.
      const command = { command: "/bin/sh", args: ["-c", `echo x >> ${started}; cat > /dev/null`] };
      writeFileSync(join(place.agentDir, "mcp.json"), JSON.stringify({ mcpServers: { one: command } }));
      const id = await talk("hello");
      await noAgents();
      assert.deepEqual((await status()).spareAgents, []);
      await say(id, "again");
      await noAgents();
      assert.ok(readFileSync(started, "utf8").length <= 2 * "x\n".length, readFileSync(started, "utf8"));
    });
  });
});
