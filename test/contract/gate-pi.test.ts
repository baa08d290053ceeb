import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { planProviders } from "../../src/lib/sandbox/gate/providers/plan.ts";
import { runCommand } from "../../src/lib/sandbox/gate/providers/run-command.ts";
import { startGate, startUpstream } from "../support/gate.ts";
import { firstAndLastPis } from "../support/pis.ts";
import { LONG, scaled } from "../support/speed.ts";

const KEY = "sk-ant-api-real-key-of-a-test-0123456789";
const TEAM = "team-secret-0123456789";
/** What a hijacked agent would look at. */
const LOOK = "env; cat $PI_CODING_AGENT_DIR/*; tr '\\0' '\\n' < /proc/$PPID/environ";

/** A directory for pi outside, one for pi inside, and a home that is neither. */
function places(t: TestContext): { outside: string; inside: string; home: string } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-gate-pi-")));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [outside = "", inside = "", home = ""] = ["outside", "inside", "home"].map((name) => {
    mkdirSync(join(root, name));
    return join(root, name);
  });
  return { outside, inside, home };
}

function runPi(
  cli: string,
  agentDir: string,
  cwd: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, PI_CODING_AGENT_DIR: agentDir, PI_OFFLINE: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const errors = text(child.stderr);
  const output = text(child.stdout);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", async (code) => {
      if (code === 0) resolve(await output);
      else reject(new Error(`pi ended with ${code}: ${await errors} ${await output}`));
    });
  });
}

/** Every text below a directory. */
function everything(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
}

function events(
  response: Parameters<RequestListener>[1],
  records: { event?: string; data: unknown }[],
): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const { event, data } of records) {
    response.write(
      `${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`,
    );
  }
  response.end();
}

/** An OpenAI-compatible model: first it looks around with bash, then it says "done". */
const openAi: RequestListener = (request, response) => {
  const chunk = (delta: unknown, finish: string | null) => ({
    data: {
      id: "c",
      object: "chat.completion.chunk",
      created: 1,
      model: "m",
      choices: [{ index: 0, delta, finish_reason: finish }],
    },
  });
  const look = {
    id: "call_1",
    type: "function",
    index: 0,
    function: { name: "bash", arguments: JSON.stringify({ command: LOOK }) },
  };
  events(response, [
    ...(request.headers["x-turn"] === "done"
      ? [chunk({ role: "assistant", content: "done" }, null), chunk({}, "stop")]
      : [chunk({ role: "assistant", tool_calls: [look] }, null), chunk({}, "tool_calls")]),
    { data: "[DONE]" },
  ]);
};

/** An Anthropic-style model that says "done". */
const anthropic: RequestListener = (_request, response) => {
  const message = {
    id: "m",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  events(
    response,
    [
      { type: "message_start", message },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "done" } },
      { type: "content_block_stop", index: 0 },
      {
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: 1 },
      },
      { type: "message_stop" },
    ].map((data) => ({ event: data.type, data })),
  );
};

for (const [index, { name, cli, skip }] of firstAndLastPis.entries()) {
  test(`${name} answers through the gate, and finds no key in what it can see`, {
    skip,
    timeout: scaled(60_000),
  }, async (t) => {
    const { outside, inside, home } = places(t);
    let turns = 0;
    const upstream = await startUpstream(t, (request, response) => {
      turns += 1;
      if (turns > 1) request.headers["x-turn"] = "done";
      openAi(request, response);
    });
    writeFileSync(
      join(outside, "models.json"),
      `{
        // pi allows comments
        "providers": {
          "mine": {
            "baseUrl": "http://127.0.0.1:${upstream.port}/v1",
            "api": "openai-completions",
            "apiKey": "!printf %s ${KEY}",
            "headers": { "X-Team": "$TEAM_SECRET", "User-Agent": "mine/1" },
            "models": [{ "id": "m", "headers": { "X-Model": "${TEAM}" } }],
          },
        },
      }`,
    );
    const plan = planProviders({
      agentDir: outside,
      env: { PATH: process.env.PATH, TEAM_SECRET: TEAM, OTHER_API_KEY: KEY },
      model: "mine/m",
      runPi: () => Promise.reject(new Error("not needed")),
      runCommand,
    });
    assert.deepEqual([plan.used, plan.unserved], [["mine"], []]);
    const { port, gate, records } = await startGate(t, { providers: plan.gateProviders });
    writeFileSync(join(inside, "models.json"), plan.modelsJson({ port, token: gate.token }));
    const output = await runPi(
      cli,
      inside,
      home,
      ["-p", "--no-session", "--model", "mine/m", "look around"],
      {
        NO_PROXY: "127.0.0.1",
        HTTP_PROXY: `http://127.0.0.1:${port}`,
      },
    );
    assert.equal(output.trim(), "done");
    assert.equal(upstream.requests.length, 2);
    for (const { headers } of upstream.requests) {
      assert.equal(headers.authorization, `Bearer ${KEY}`);
      assert.equal(headers["x-team"], TEAM);
      assert.equal(headers["x-model"], TEAM);
      assert.equal(headers["user-agent"], "mine/1");
    }
    const seen = upstream.requests[1]?.body ?? "";
    assert.match(seen, /PI_CODING_AGENT_DIR=/);
    for (const secret of [KEY, TEAM]) {
      assert.ok(!seen.includes(secret), "the model was told a secret by the tool");
      assert.ok(!everything(inside).includes(secret) && !everything(home).includes(secret));
      assert.ok(!JSON.stringify(records).includes(secret));
    }
    assert.deepEqual(
      records.map(({ verdict, provider }) => [verdict, provider]),
      [
        ["allowed", "mine"],
        ["allowed", "mine"],
      ],
    );
  });

  const kinds = {
    "a stored key": {
      auth: { anthropic: { type: "api_key", key: "$STORED" } },
      header: "x-api-key",
      value: KEY,
    },
    "a stored login": {
      auth: {
        anthropic: {
          type: "oauth",
          access: `sk-ant-oat01-${KEY}`,
          refresh: "r",
          expires: Date.now() + 3_600_000,
        },
      },
      header: "authorization",
      value: `Bearer sk-ant-oat01-${KEY}`,
    },
    "a variable": { auth: {}, header: "x-api-key", value: KEY },
  };
  // Where the credential comes from is read outside, whatever pi runs inside: another pi than the bundled one tries one.
  for (const [kind, source] of Object.entries(kinds).slice(0, LONG || index === 0 ? undefined : 1)) {
    test(`${name} uses a provider that is built in, with ${kind} that stays outside`, {
      skip,
      timeout: scaled(60_000),
    }, async (t) => {
      const { outside, inside, home } = places(t);
      const upstream = await startUpstream(t, anthropic);
      const base = `http://127.0.0.1:${upstream.port}/base`;
      writeFileSync(
        join(outside, "models.json"),
        JSON.stringify({ providers: { anthropic: { baseUrl: base } } }),
      );
      writeFileSync(join(outside, "auth.json"), JSON.stringify(source.auth));
      const plan = planProviders({
        agentDir: outside,
        env: kind === "a variable" ? { ANTHROPIC_API_KEY: KEY } : { STORED: KEY },
        provider: "anthropic",
        runPi: () => Promise.reject(new Error("not needed")),
        runCommand,
      });
      const { port, gate } = await startGate(t, { providers: plan.gateProviders });
      writeFileSync(join(inside, "models.json"), plan.modelsJson({ port, token: gate.token }));
      const output = await runPi(cli, inside, home, [
        "-p",
        "--no-session",
        "--provider",
        "anthropic",
        "--model",
        "claude-sonnet-4-5",
        "hello",
      ]);
      assert.equal(output.trim(), "done");
      const [request] = upstream.requests;
      assert.match(request?.url ?? "", /^\/base\/v1\/messages/);
      assert.equal(request?.headers[source.header], source.value);
      assert.ok(!everything(inside).includes(KEY));
    });
  }

  test(`${name} prints the token of a login, renewed where it must be`, {
    skip,
    timeout: scaled(60_000),
  }, async (t) => {
    const { outside } = places(t);
    const login = {
      type: "oauth",
      access: "sk-ant-oat01-of-a-test",
      refresh: "r",
      expires: Date.now() + 3_600_000,
    };
    writeFileSync(join(outside, "auth.json"), JSON.stringify({ anthropic: login }));
    const output = await runPi(cli, outside, outside, [
      "auth",
      "print-bearer-token",
      "--provider",
      "anthropic",
    ]);
    assert.equal(output.trim(), login.access);
  });
}
