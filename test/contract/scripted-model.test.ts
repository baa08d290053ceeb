import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { resolveScriptedModel, scriptedModelArgs } from "../../src/lib/agent/scripted-model/model-id.ts";
import { pis } from "../support/pis.ts";
import { LONG, scaled } from "../support/speed.ts";

const EXTENSION = fileURLToPath(new URL("../../src/lib/agent/scripted-model/extension.ts", import.meta.url));
const SCENARIOS = fileURLToPath(new URL("../fixtures/scenarios/", import.meta.url));
/** No single reply of the real pi takes nearly as long, also on a loaded machine. */
const WAIT_MS = scaled(30_000);

type Json = Record<string, unknown>;

/** Reads a path of keys out of a record, `undefined` where there is nothing. */
function dig(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
}

/** A real pi in RPC mode, its records kept in order. */
class Pi {
  readonly records: Json[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  #stderr = "";
  #rest = "";
  #wake: () => void = () => {};
  #lastId = 0;

  constructor(cli: string, args: string[], cwd: string, env: Record<string, string>) {
    const inherited = { PATH: process.env.PATH ?? "", HOME: cwd, PI_OFFLINE: "1" };
    this.#child = spawn(process.execPath, [cli, "--mode", "rpc", ...args], {
      cwd,
      env: { ...inherited, ...env },
    });
    this.#exited = once(this.#child, "exit");
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") this.records.push(JSON.parse(line) as Json);
      this.#wake();
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    void this.#exited.then(() => this.#wake());
  }

  /** The first record from index `from` on that matches, with its index. */
  async find(
    what: string,
    matches: (record: Json) => boolean,
    from = 0,
  ): Promise<{ record: Json; index: number }> {
    const deadline = Date.now() + WAIT_MS;
    for (let index = from; ; index++) {
      while (index >= this.records.length) {
        const left = deadline - Date.now();
        if (left <= 0 || this.#child.exitCode !== null) throw new Error(`no ${what}\n${this.#transcript()}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      const record = this.records[index];
      if (record !== undefined && matches(record)) return { record, index };
    }
  }

  /** Sends a command without waiting; returns its id and where the records that follow begin. */
  send(command: Json): { id: string; from: number } {
    this.#lastId += 1;
    const id = `t${this.#lastId}`;
    const from = this.records.length;
    this.#child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    return { id, from };
  }

  /** The `data` of a command's response; the command must succeed. */
  async ask(command: Json): Promise<unknown> {
    const { id, from } = this.send(command);
    const isAnswer = (record: Json) => record.type === "response" && record.id === id;
    const { record } = await this.find(`response to ${String(command.type)}`, isAnswer, from);
    assert.equal(record.success, true, JSON.stringify(record));
    return record.data;
  }

  async turn(message: string, extra: Json = {}): Promise<Turn> {
    const { from } = this.send({ type: "prompt", message, ...extra });
    return await this.settled(from);
  }

  async settled(from: number): Promise<Turn> {
    const { index } = await this.find("agent_settled", (record) => record.type === "agent_settled", from);
    return new Turn(this.records.slice(from, index + 1));
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), WAIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #transcript(): string {
    const shown = this.records.slice(-30).map((record) => JSON.stringify(record).slice(0, 400));
    return `${shown.join("\n")}\n--- stderr ---\n${this.#stderr}`;
  }
}

/** The records of one prompt, up to `agent_settled`. */
class Turn {
  readonly records: Json[];
  constructor(records: Json[]) {
    this.records = records;
  }
  types(type: string): Json[] {
    return this.records.filter((record) => record.type === type);
  }
  deltas(type: string): string[] {
    const updates = this.types("message_update").map((record) => record.assistantMessageEvent);
    return updates.flatMap((event) => (dig(event, "type") === type ? [String(dig(event, "delta"))] : []));
  }
  get answer(): unknown {
    const ends = this.types("message_end").map((record) => record.message);
    return ends.findLast((message) => dig(message, "role") === "assistant");
  }
  get text(): string {
    const content = dig(this.answer, "content");
    return Array.isArray(content) ? content.map((block) => dig(block, "text") ?? "").join("") : "";
  }
  get stopReason(): unknown {
    return dig(this.answer, "stopReason");
  }
}

// With the others in the long form: that they take the model shows wherever they run.
for (const { name, cli, skip } of LONG ? pis : pis.slice(0, 1)) {
  describe(`scripted model in ${name}`, { skip }, () => {
    let root: string;
    let extension: string;
    const running = new Set<Pi>();

    before(async () => {
      root = await realpath(await mkdtemp(join(tmpdir(), "pictl-scripted-")));
      extension = join(root, "scripted-model.js");
      await build({
        entryPoints: [EXTENSION],
        outfile: extension,
        bundle: true,
        format: "esm",
        platform: "node",
        external: ["@earendil-works/pi-ai"],
        logLevel: "silent",
      });
      await mkdir(join(root, "agent"));
      await mkdir(join(root, "cwd"));
      const retry = { enabled: true, baseDelayMs: 1 };
      const compaction = { enabled: true, keepRecentTokens: 1, reserveTokens: 1000 };
      await writeFile(join(root, "agent", "settings.json"), JSON.stringify({ retry, compaction }));
    });

    after(async () => {
      await Promise.all([...running].map((pi) => pi.stop()));
      await rm(root, { recursive: true, force: true });
    });

    /** Runs `use` with a pi on this model, and ends the pi whatever happens. */
    async function withPi<T>(model: string, args: string[], use: (pi: Pi) => Promise<T>): Promise<T> {
      const scripted = scriptedModelArgs(resolveScriptedModel(model, SCENARIOS, []), extension);
      const env = { PI_CODING_AGENT_DIR: join(root, "agent"), SCRIPTED_LABEL: "from the shell" };
      const pi = new Pi(cli, [...args, ...scripted], join(root, "cwd"), env);
      running.add(pi);
      try {
        return await use(pi);
      } finally {
        await pi.stop();
        running.delete(pi);
      }
    }

    const sessionFile = async (pi: Pi) => String(dig(await pi.ask({ type: "get_state" }), "sessionFile"));

    test("echo streams, costs something and remembers across a restart", async () => {
      const file = await withPi("scripted/echo", [], async (pi) => {
        const turn = await pi.turn("remember 42");
        assert.equal(turn.text, "echo: remember 42");
        assert.equal(turn.stopReason, "stop");
        assert.equal(turn.deltas("text_delta").join(""), turn.text);
        assert.ok(turn.deltas("text_delta").length > 1);
        assert.ok(Number(dig(turn.answer, "usage", "cost", "total")) > 0);
        return await sessionFile(pi);
      });
      await withPi("scripted/echo", ["--session", file], async (pi) => {
        const turn = await pi.turn("again");
        assert.equal(turn.text, "echo: again (2 messages so far, the first was: remember 42)");
      });
      // pi itself makes an empty auth.json; the scripted model adds nothing to it and no model file beside it.
      const files = await readdir(join(root, "agent"));
      assert.ok(!files.includes("models.json"), files.join());
      if (files.includes("auth.json")) {
        assert.equal(await readFile(join(root, "agent", "auth.json"), "utf8"), "{}");
      }
    });

    test("echo takes an image without any text", async () => {
      await withPi("scripted/echo", ["--no-session"], async (pi) => {
        const data =
          "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        const turn = await pi.turn("", { images: [{ type: "image", data, mimeType: "image/png" }] });
        // Where pi can't decode images it puts a note in the place of one.
        assert.match(turn.text, /^echo: .*(1 image|Image omitted)/);
      });
    });

    test("a scenario is found by its exact path; a compaction gets a summary, and its position survives that and a restart", async () => {
      const folder = join(root, "Odd: näme [1m]", "a:high");
      await mkdir(folder, { recursive: true });
      await cp(join(SCENARIOS, "three-turns.json"), join(folder, "My Turns:v2.json"));
      const model = `scripted/${join(folder, "My Turns:v2.json")}`;
      const isModel = async (pi: Pi) => {
        const state = await pi.ask({ type: "get_state" });
        assert.equal(dig(state, "model", "id"), model.slice("scripted/".length));
      };
      const file = await withPi(model, [], async (pi) => {
        await isModel(pi);
        assert.equal((await pi.turn("one")).text, "first answer");
        assert.equal((await pi.turn("two")).text, "second answer");
        assert.match(String(dig(await pi.ask({ type: "compact" }), "summary")), /A scripted conversation/);
        return await sessionFile(pi);
      });
      await withPi(model, ["--session", file], async (pi) => {
        await isModel(pi);
        assert.equal((await pi.turn("three")).text, "third answer");
        const over = await pi.turn("four");
        assert.equal(over.stopReason, "error");
        assert.match(String(dig(over.answer, "errorMessage")), /no response number 4/);
      });
    });

    test("each session in one pi has its own position", async () => {
      await withPi("scripted/three-turns.json", [], async (pi) => {
        await pi.turn("one");
        const sessionPath = await sessionFile(pi);
        await pi.ask({ type: "new_session" });
        assert.equal((await pi.turn("one")).text, "first answer");
        assert.equal((await pi.turn("two")).text, "second answer");
        await pi.ask({ type: "switch_session", sessionPath });
        assert.equal((await pi.turn("two")).text, "second answer");
      });
    });

    test("an error ends the turn at once, a transient one is retried by pi, a length limit is told as such, tools run in pi", async () => {
      const names = ["error.json", "retry.json", "length.json", "tools.json"];
      const texts = await Promise.all(names.map((name) => readFile(join(SCENARIOS, name), "utf8")));
      const responses = texts.flatMap((text) => (JSON.parse(text) as { responses: object[] }).responses);
      const path = join(root, "one-after-the-other.json");
      await writeFile(path, JSON.stringify({ responses }));
      await withPi(`scripted/${path}`, ["--no-session"], async (pi) => {
        const failed = await pi.turn("fail");
        assert.equal(failed.stopReason, "error");
        assert.equal(failed.text, "Half of an ans");
        assert.match(String(dig(failed.answer, "errorMessage")), /^invalid_request: /);
        assert.deepEqual(failed.types("auto_retry_start"), []);

        const retried = await pi.turn("try");
        assert.equal(retried.types("auto_retry_start").length, 1);
        assert.equal(retried.text, "It worked the second time.");

        const cutOff = await pi.turn("talk");
        assert.equal(cutOff.stopReason, "length");
        assert.deepEqual(cutOff.types("compaction_start"), []);

        const called = await pi.turn("call");
        const [end] = called.types("tool_execution_end");
        assert.match(JSON.stringify(end), /tool ran for: from the shell/);
        assert.equal(called.text, "The tool has run in turn 4.");
        assert.match((await pi.turn("next")).text, /^echo: next/);
      });
    });

    test("thinking comes as thinking, at the level asked for", async () => {
      await withPi("scripted/thinking.json", ["--no-session", "--thinking", "high"], async (pi) => {
        const turn = await pi.turn("2 + 2");
        assert.equal(turn.deltas("thinking_delta").join(""), 'The prompt is "2 + 2". That is easy.');
        assert.equal(turn.text, "Thought about it (high).");
      });
    });

    test("templates show what the agent was started with", async () => {
      await withPi("scripted/environment.json", ["--no-session", "--tools", "read,bash"], async (pi) => {
        const lines = (await pi.turn("go")).text.split("\n");
        assert.equal(lines[0], `cwd=${join(root, "cwd")}`);
        assert.equal(lines[1], "tools=bash,read");
        assert.equal(lines[3], "label=from the shell");
      });
    });

    test("an abort ends a pause of an hour at once", async () => {
      const path = join(root, "hour.json");
      await writeFile(path, JSON.stringify({ responses: [[{ text: "before" }, { pauseMs: 3_600_000 }]] }));
      await withPi(`scripted/${path}`, ["--no-session"], async (pi) => {
        const { from } = pi.send({ type: "prompt", message: "go" });
        await pi.find("first delta", (record) => record.type === "message_update", from);
        await pi.ask({ type: "abort" });
        const turn = await pi.settled(from);
        assert.equal(turn.stopReason, "aborted");
        assert.equal(turn.text, "before");
      });
    });

    test("a flood arrives whole, and can be aborted on its way", async () => {
      const whole = LONG ? 100_000 : 20_000;
      const path = join(root, "floods.json");
      const responses = [whole, 100_000].map((times) => [{ repeat: { text: "word ", times } }]);
      await writeFile(path, JSON.stringify({ responses }));
      await withPi(`scripted/${path}`, ["--no-session"], async (pi) => {
        const turn = await pi.turn("go");
        assert.equal(turn.deltas("text_delta").length, whole);
        const { from } = pi.send({ type: "prompt", message: "again" });
        await pi.find("first delta", (record) => record.type === "message_update", from);
        await pi.ask({ type: "abort" });
        const aborted = await pi.settled(from);
        assert.equal(aborted.stopReason, "aborted");
        assert.ok(aborted.deltas("text_delta").length < 100_000);
      });
    });

    test("a scenario that is gone when pi starts fails the turn, not pi", async () => {
      const gone = join(root, "gone.json");
      const pi = new Pi(cli, ["--no-session", ...scriptedModelArgs(`scripted/${gone}`, extension)], root, {
        PI_CODING_AGENT_DIR: join(root, "agent"),
      });
      running.add(pi);
      const turn = await pi.turn("go");
      assert.equal(turn.stopReason, "error");
      assert.match(String(dig(turn.answer, "errorMessage")), /Cannot read .*gone\.json/);
    });
  });
}
