import assert from "node:assert/strict";
import { chmodSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Workspace } from "../support/workspace.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/pi");

describe("agents", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());

  it("run with the environment of the shell that asked, not of the one that started the daemon, and leave none of it on disk", async () => {
    const secret = "value-that-must-stay-in-memory";
    await place.ok(["daemon", "start"], { env: { SCRIPTED_LABEL: "from the first shell" } });
    const model = place.scenario("environment.json");
    const options = { env: { SCRIPTED_LABEL: "from the second shell", MY_API_KEY: secret } };
    assert.match(
      await place.ok(["prompt", "--new", "--model", model, "go"], options),
      /from the second shell/,
    );
    const daemon = readFileSync(`/proc/${place.daemonPid()}/environ`, "utf8");
    assert.ok(!daemon.includes("from the first shell"), "the daemon keeps the starter's environment");
    await place.ok(["daemon", "stop"]);
    for (const name of readdirSync(place.root, { recursive: true, encoding: "utf8" })) {
      const path = join(place.root, name);
      try {
        assert.ok(!readFileSync(path).includes(secret), `${name} holds the value`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EISDIR") throw error;
      }
    }
  });

  it("tell once what pi warns of at its start, and doctor names the broken files", async (t) => {
    const other = new Workspace();
    t.after(() => other.dispose());
    const [settings, models] = ["settings.json", "models.json"].map((name) => join(other.agentDir, name));
    writeFileSync(settings ?? "", "{broken");
    writeFileSync(models ?? "", '{ "providers": {}, // a comment is allowed, and a comma\n }');
    const first = await other.run(["prompt", "--model", "scripted/echo", "one"]);
    assert.deepEqual([first.code, first.stdout], [0, "echo: one\n"]);
    assert.ok(first.stderr.includes(`pi: Invalid settings file ${settings}`), first.stderr);
    assert.ok(!first.stderr.includes("models.json"), first.stderr);
    assert.doesNotMatch(first.stderr, /No project session/);
    // Another agent says the first thing again, and something new.
    await other.ok(["session", "close"]);
    writeFileSync(models ?? "", "{ broken");
    const second = await other.run(["prompt", "two"]);
    const told = second.stderr.split("\n").filter((line) => line.includes(other.agentDir));
    assert.equal(told.length, 1, second.stderr);
    assert.ok(told[0]?.includes(`${models} isn't valid JSON, so pi goes without its models.`), told[0]);
    const { findings } = await other.json<{ findings: { check: string; message: string }[] }>(["doctor"]);
    const { message } = findings.find(({ check }) => check === "pi-files") ?? {};
    assert.ok(message?.includes(settings ?? "") && message.includes(models ?? ""), message);
  });

  const LINUX = process.platform === "linux" ? false : "only Linux shows the limits of a process";

  it("have the umask and the limits of the shell that asked", { skip: LINUX }, async (t) => {
    const other = new Workspace();
    t.after(() => other.dispose());
    const fileSize = "sed -n 's/^Max file size *\\([^ ]*\\).*/\\1/p' /proc/self/limits";
    const script = `umask; ulimit -Hn; ${fileSize}; : >"$(umask)"; stat -c %a "$(umask)"`;
    const ask = async (shell: string, ...options: string[]) => {
      await other.ok(["prompt", ...options, "hi"], { shell });
      return await other.ok(["session", "bash", "--", script], { shell });
    };
    await other.ok(["daemon", "start"], { shell: "umask 000; ulimit -n 2048" });
    assert.equal(
      await ask("umask 022; ulimit -n 1024; ulimit -f 100000", "--model", "scripted/echo"),
      "0022\n1024\n51200000\n644",
    );
    // The spare agent that the session leaves can't take it over again: its umask is another one.
    await other.ok(["session", "close"]);
    assert.equal(await ask("umask 027; ulimit -n 512; ulimit -f 90000"), "0027\n512\n46080000\n640");
    // No hard limit can be above the daemon's, which doctor says.
    assert.match(
      await ask("umask 077; ulimit -n 4096", "--new", "--model", "scripted/echo"),
      /^0077\n2048\n/,
    );
    const { findings } = await other.json<{ findings: { check: string; message: string }[] }>(["doctor"], {
      shell: "ulimit -n 4096",
    });
    assert.match(findings.find(({ check }) => check === "limits")?.message ?? "", /nofile 2048, not 4096/);
    const open = readdirSync(other.home, { recursive: true, encoding: "utf8" }).filter(
      (name) => (lstatSync(join(other.home, name)).mode & 0o077) !== 0,
    );
    assert.deepEqual(open, [], "the daemon's files are for nobody else");
  });

  // What a real pi can't be made to do is done by small programs in test/fixtures/pi.
  const faults: { name: string; pi: string; error: string; code: number; says: RegExp }[] = [
    { name: "is missing", pi: "/nowhere/pi", error: "PI_NOT_FOUND", code: 2, says: /\/nowhere\/pi/ },
    {
      name: "is too old",
      pi: join(FIXTURES, "too-old.sh"),
      error: "PI_TOO_OLD",
      code: 2,
      says: /0\.73\.0.*0\.87\.0/,
    },
    {
      name: "is something else",
      pi: join(FIXTURES, "not-pi.sh"),
      error: "PI_NOT_FOUND",
      code: 2,
      says: /hello there/,
    },
    {
      name: "dies at start",
      pi: join(FIXTURES, "dies-at-start.sh"),
      error: "AGENT_START_FAILED",
      code: 6,
      says: /exit code 7[\s\S]*cannot find my configuration/,
    },
    {
      name: "prints garbage",
      pi: join(FIXTURES, "garbage.sh"),
      error: "AGENT_START_FAILED",
      code: 6,
      says: /this is not JSON/,
    },
  ];
  for (const { name, pi, error, code, says } of faults) {
    it(`a pi that ${name} gets one clear error`, async () => {
      if (pi.startsWith(FIXTURES)) chmodSync(pi, 0o755);
      const options = { env: { PICTL_PI: pi } };
      const result = await place.run(["prompt", "--new", "--model", "scripted/echo", "hi"], options);
      assert.equal(result.code, code, result.stderr);
      assert.ok(result.stderr.includes(`[${error}]`), result.stderr);
      assert.match(result.stderr, says);
      assert.doesNotMatch(result.stderr, /^\s+at /m);
      const json = await place.json<{ error: { code: string } }>(["session", "create"], options);
      assert.equal(json.error.code, error);
    });
  }

  it("a dialog that nobody may answer ends the turn with code 5, naming the question", async () => {
    const extension = join(place.root, "asks.ts");
    writeFileSync(
      extension,
      `export default function (pi) {
        pi.on("before_agent_start", async (_event, ctx) => { await ctx.ui.confirm("Really deploy?", "to production"); });
      }`,
    );
    const id = await place.ok([
      "session",
      "create",
      "--model",
      place.scenario("long-turn.json"),
      "--",
      "-e",
      extension,
    ]);
    const result = await place.run(["prompt", "-s", id, "go"]);
    assert.equal(result.code, 5, result.stderr);
    assert.match(result.stderr, /Really deploy\?.*\[QUESTION_UNANSWERED\]/);
  });

  it("an extension's command that starts no run ends at once", async () => {
    const extension = join(place.root, "command.ts");
    writeFileSync(
      extension,
      `export default function (pi) {
        pi.registerCommand("noop", { description: "does nothing", handler: async () => {} });
      }`,
    );
    const id = await place.ok(["session", "create", "--model", "scripted/echo", "--", "-e", extension]);
    const answer = await place.json<{ outcome: string }>(["prompt", "-s", id, "/noop"]);
    assert.equal(answer.outcome, "handled");
    assert.equal(await place.ok(["prompt", "-s", id, "still here"]), "echo: still here");
  });
});
