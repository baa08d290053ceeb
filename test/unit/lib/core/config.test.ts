import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { thinkingLevels } from "../../../../src/lib/core/choices.ts";
import { findWorkspaceConfig, loadConfig } from "../../../../src/lib/core/config.ts";
import type { PictlError } from "../../../../src/lib/core/errors.ts";

function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "pictl-config-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function configFile(t: TestContext, text: string | Buffer): string {
  const path = join(temporaryDirectory(t), "config.toml");
  writeFileSync(path, text);
  return path;
}

const refusal = async (path: string, workspace?: string): Promise<PictlError> => {
  try {
    await loadConfig(path, workspace);
  } catch (error) {
    return error as PictlError;
  }
  return assert.fail("the file was accepted");
};

test("without a file every setting has its default, and neither parser nor schema is loaded", (t) => {
  const path = join(temporaryDirectory(t), "none.toml");
  const script = `
    import { registerHooks } from "node:module";
    const seen = [];
    registerHooks({ resolve(name, context, next) { seen.push(name); return next(name, context); } });
    const { loadConfig } = await import(${JSON.stringify(new URL("../../../../src/lib/core/config.ts", import.meta.url).href)});
    const config = await loadConfig(${JSON.stringify(path)});
    console.log(JSON.stringify({ config, seen }));`;
  const { config, seen } = JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }),
  );
  assert.deepEqual(config, {
    agent: {},
    daemon: { idleTimeoutMs: 1_800_000, drainTimeoutMs: 30_000, logLevel: "info" },
    history: { exclude: [], directories: [] },
    limits: {
      maxLiveAgents: 8,
      spareAgents: 2,
      parkAfterMs: 300_000,
      maxMessageBytes: 10_485_760,
      maxSessions: 10_000,
      maxConnections: 500,
      maxRequestsPerMinute: 6_000,
      maxSessionRequestsPerMinute: 600,
      maxPendingRequests: 1_000,
      maxWaitingPrompts: 100,
      maxSubscriberBytes: 4_194_304,
      maxHistoryRecords: 200_000,
      maxHistoryBytes: 16_777_216,
      questionLifetimeMs: 86_400_000,
      maxLogBytes: 5_242_880,
      agentSilenceMs: 60_000,
      maxAgentBytesPerMinute: 1_073_741_824,
    },
  });
  assert.deepEqual(
    seen.filter((name: string) => /zod|toml|config-file/.test(name)),
    [],
  );
});

test("every key is read, in milliseconds where it is a time", async (t) => {
  const path = configFile(
    t,
    `model = "anthropic/claude"
thinking = "high"
[agent]
command = ["~/bin/pi", "--offline"]
[daemon]
idle_timeout = "never"
drain_timeout = "5s"
log_level = "debug"
[history]
exclude = ["~/private", "x"]
directories = "/old"
[limits]
max_live_agents = 2
spare_agents = 0
park_after = "90s"
max_message_bytes = 65536
max_sessions = 3
max_connections = 4
max_requests_per_minute = 5
max_session_requests_per_minute = 6
max_pending_requests = 7
max_waiting_prompts = 8
max_subscriber_bytes = 9
max_history_records = 10
max_history_bytes = 11
question_lifetime = "12s"
max_log_bytes = 13
agent_silence = "14s"
max_agent_bytes_per_minute = 15
`,
  );
  assert.deepEqual(await loadConfig(path), {
    history: { exclude: ["~/private", "x"], directories: ["/old"] },
    agent: { command: ["~/bin/pi", "--offline"] },
    daemon: { idleTimeoutMs: 0, drainTimeoutMs: 5_000, logLevel: "debug" },
    limits: {
      maxLiveAgents: 2,
      spareAgents: 0,
      parkAfterMs: 90_000,
      maxMessageBytes: 65_536,
      maxSessions: 3,
      maxConnections: 4,
      maxRequestsPerMinute: 5,
      maxSessionRequestsPerMinute: 6,
      maxPendingRequests: 7,
      maxWaitingPrompts: 8,
      maxSubscriberBytes: 9,
      maxHistoryRecords: 10,
      maxHistoryBytes: 11,
      questionLifetimeMs: 12_000,
      maxLogBytes: 13,
      agentSilenceMs: 14_000,
      maxAgentBytesPerMinute: 15,
    },
    model: "anthropic/claude",
    thinking: "high",
  });
});

test("a command given as a string is one program, spaces included", async (t) => {
  const path = configFile(t, 'agent.command = "/opt/my tools/pi"\ndaemon.idle_timeout = "0"');
  const config = await loadConfig(path);
  assert.deepEqual(config.agent.command, ["/opt/my tools/pi"]);
  assert.equal(config.daemon.idleTimeoutMs, 0);
});

test("the thinking levels are those of the protocol", async (t) => {
  for (const level of thinkingLevels) {
    assert.equal((await loadConfig(configFile(t, `thinking = "${level}"`))).thinking, level);
  }
});

const faults: { name: string; text: string; line: number; says: RegExp }[] = [
  {
    name: "a wait without an end, where there must be one",
    text: '[daemon]\ndrain_timeout = "never"\n',
    line: 2,
    says: /daemon\.drain_timeout: .*can't be "never"/,
  },
  {
    name: "an unknown key",
    text: 'model = "a/b"\n[limits]\nmax_agents = 3\n',
    line: 3,
    says: /limits\.max_agents: unknown key/,
  },
  { name: "an unknown table", text: "\n[limit]\n", line: 2, says: /limit: unknown key/ },
  {
    name: "a wrong type",
    text: '[limits]\n\nmax_live_agents = "8"\n',
    line: 3,
    says: /limits\.max_live_agents: .*number/i,
  },
  {
    name: "a number below 1",
    text: "limits.max_live_agents = 0\n",
    line: 1,
    says: /limits\.max_live_agents: /,
  },
  {
    name: "messages that are too small for ordinary requests",
    text: "[limits]\nmax_message_bytes = 65535\n",
    line: 2,
    says: /limits\.max_message_bytes: .*65536 or more/,
  },
  {
    name: "a bad duration",
    text: '[daemon]\nidle_timeout = "soon"\n',
    line: 2,
    says: /daemon\.idle_timeout: "soon".*30s/,
  },
  {
    name: "a duration without quotes",
    text: "[daemon]\nidle_timeout = 30\n",
    line: 2,
    says: /daemon\.idle_timeout: must be a duration in quotes/,
  },
  { name: "an unknown thinking level", text: 'thinking = "lots"\n', line: 1, says: /thinking: .*"xhigh"/ },
  {
    name: "a model that would be an option",
    text: 'model = "--print"\n',
    line: 1,
    says: /model: must be a model/,
  },
  {
    name: "an empty command",
    text: "[agent]\ncommand = []\n",
    line: 2,
    says: /agent\.command: must be a program/,
  },
  {
    name: "a relative command",
    text: '[agent]\ncommand = "./pi"\n',
    line: 2,
    says: /agent\.command: must be /,
  },
  { name: "broken TOML", text: "[limits]\nmax_live_agents = = 3\n", line: 2, says: /Invalid TOML/ },
];
for (const { name, text, line, says } of faults) {
  test(`${name} is refused with file, line and key`, async (t) => {
    const path = configFile(t, text);
    const error = await refusal(path);
    assert.equal(error.code, "INVALID_CONFIG");
    assert.equal(error.exitCode, 2);
    assert.ok(error.message.startsWith(`${path}:${line}: `), error.message);
    assert.match(error.message, says);
    assert.ok(error.hint);
  });
}

test("a syntax error doesn't quote what stands beside it", async (t) => {
  const error = await refusal(configFile(t, 'model = "private-thing" oops\n'));
  assert.ok(!JSON.stringify(error.toBody()).includes("private-thing"));
});

test("a file that isn't UTF-8, isn't a file or is huge is refused", async (t) => {
  assert.match((await refusal(configFile(t, Buffer.from([0x6d, 0xff, 0xfe])))).message, /not UTF-8/);
  assert.match((await refusal(configFile(t, "#".repeat(300_000)))).message, /larger than/);
  const dir = join(temporaryDirectory(t), "config.toml");
  mkdirSync(dir);
  assert.match((await refusal(dir)).message, /is a directory/);
});

test("a workspace chooses the model and the thinking level, and no limit", async (t) => {
  const user = configFile(t, 'model = "a/b"\n[limits]\nmax_live_agents = 4\n');
  const config = await loadConfig(user, configFile(t, 'model = "c/d"\nthinking = "low"\n'));
  assert.equal(config.model, "c/d");
  assert.equal(config.thinking, "low");
  assert.equal(config.limits.maxLiveAgents, 4);
  const limits = await refusal(user, configFile(t, "[limits]\nmax_live_agents = 2\n"));
  assert.match(limits.message, /limits: can't be set by a workspace/);
});

test("a workspace can't choose a program: neither a command nor a scenario", async (t) => {
  const user = join(temporaryDirectory(t), "none.toml");
  const command = await refusal(user, configFile(t, '\n[agent]\ncommand = "/tmp/evil"\n'));
  assert.match(command.message, /:2: agent: can't be set by a workspace: it would choose a program/);
  const daemon = await refusal(user, configFile(t, 'daemon.idle_timeout = "never"\n'));
  assert.match(daemon.message, /daemon: can't be set by a workspace/);
  for (const model of ["scripted/evil.json", "scripted//tmp/evil.json", "SCRIPTED/x"]) {
    assert.match(
      (await refusal(user, configFile(t, `model = "${model}"`))).message,
      /can't name a scenario/,
      model,
    );
  }
  assert.equal((await loadConfig(user, configFile(t, 'model = "scripted/echo"'))).model, "scripted/echo");
});

test("a workspace's file is found up to the root of the repository and not above", (t) => {
  const root = temporaryDirectory(t);
  const deep = join(root, "repo", "packages", "one");
  for (const dir of [deep, join(root, "repo", ".git"), join(root, ".pictl")])
    mkdirSync(dir, { recursive: true });
  writeFileSync(join(root, ".pictl", "config.toml"), "");
  const nowhere = () => [];
  assert.equal(findWorkspaceConfig(deep, nowhere), undefined);
  mkdirSync(join(root, "repo", ".pictl"));
  writeFileSync(join(root, "repo", ".pictl", "config.toml"), "");
  assert.equal(findWorkspaceConfig(deep, nowhere), join(root, "repo", ".pictl", "config.toml"));
});

test("a repository that an agent may have made hides no file of the one around it", (t) => {
  const root = realpathSync(temporaryDirectory(t));
  const repository = join(root, "repo");
  for (const dir of [join(repository, "sub", ".git"), join(repository, ".git"), join(repository, ".pictl")])
    mkdirSync(dir, { recursive: true });
  const file = join(repository, ".pictl", "config.toml");
  writeFileSync(file, "");
  assert.equal(
    findWorkspaceConfig(join(repository, "sub"), () => [repository]),
    file,
  );
});
