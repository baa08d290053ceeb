import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PictlError } from "../../../../../../src/lib/core/errors.ts";
import {
  type PlanOptions,
  type ProviderPlan,
  planProviders,
  requireServed,
} from "../../../../../../src/lib/sandbox/gate/providers/plan.ts";
import { runCommand } from "../../../../../../src/lib/sandbox/gate/providers/run-command.ts";

const GATE = { port: 3128, token: "TOKEN" };
const SECRET = "s3cret-0123456789";

/** A plan for pi's files as given; texts are written as they are. */
function plan(
  t: TestContext,
  files: { models?: unknown; auth?: unknown; settings?: unknown },
  options: Partial<PlanOptions> = {},
): ProviderPlan {
  const agentDir = mkdtempSync(join(tmpdir(), "pictl-plan-"));
  t.after(() => rmSync(agentDir, { recursive: true }));
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(agentDir, `${name}.json`), typeof value === "string" ? value : JSON.stringify(value));
  }
  return planProviders({
    agentDir,
    env: {},
    runPi: () => Promise.reject(new Error("no pi here")),
    runCommand,
    ...options,
  });
}

function entries(made: ProviderPlan): Record<string, Record<string, unknown>> {
  return (JSON.parse(made.modelsJson(GATE)) as { providers: Record<string, Record<string, unknown>> })
    .providers;
}

async function credentialOf(made: ProviderPlan) {
  return await made.gateProviders[0]?.credential(new AbortController().signal);
}

test("the session's provider is the named one, else the default one, else each that has a credential", (t) => {
  const files = {
    models: { providers: { mine: { baseUrl: "http://mine.test/v1", api: "x", apiKey: SECRET } } },
    auth: { groq: { type: "api_key", key: SECRET } },
    settings: { defaultProvider: "groq" },
  };
  const env = { OPENAI_API_KEY: SECRET, XAI_API_KEY: "" };
  const used = (options: Partial<PlanOptions>) => plan(t, files, { env, ...options }).used.sort();
  assert.deepEqual(used({ model: "mine/some/model" }), ["mine"]);
  assert.deepEqual(used({ model: "gpt-5", provider: "openai" }), ["openai"]);
  assert.deepEqual(used({}), ["groq"]);
  assert.deepEqual(used({ model: "sonnet" }), ["groq", "mine", "openai"]);
  assert.deepEqual(used({ model: "unknown/thing" }), ["groq", "mine", "openai"]);
  assert.deepEqual(used({ model: "mine/m", all: true }), ["groq", "mine", "openai"]);
});

test("inside there is no secret, other providers aren't there, and all else is as it was", (t) => {
  const mine = {
    name: "Mine",
    baseUrl: "https://mine.example/v1/",
    api: "openai-completions",
    apiKey: SECRET,
    authHeader: true,
    headers: { "X-Key": SECRET, "x-title": "a title", "User-Agent": "$AGENT" },
    compat: { supportsStore: false },
    models: [
      { id: "a", contextWindow: 5, headers: { "X-Other": `!echo ${SECRET}` } },
      { id: "b", baseUrl: "http://127.0.0.1:8080" },
    ],
    modelOverrides: { c: { name: "C", headers: { "X-Key": SECRET } } },
  };
  const made = plan(
    t,
    {
      models: {
        $schema: "s",
        providers: { mine, other: { baseUrl: "http://o.test", apiKey: `other ${SECRET}` } },
      },
    },
    { provider: "mine" },
  );
  const text = made.modelsJson(GATE);
  assert.ok(!text.includes(SECRET) && !text.includes("$AGENT"), text);
  const { mine: inside, ...others } = entries(made);
  assert.deepEqual(others, {});
  const headers = inside?.headers as Record<string, string>;
  assert.equal(headers["x-title"], "a title");
  assert.match(headers["X-Key"] ?? "", /placeholder/);
  assert.match(headers["User-Agent"] ?? "", /placeholder/);
  assert.notEqual(headers["X-Key"], inside?.apiKey);
  const models = inside?.models as { headers: Record<string, string> }[];
  const overrides = inside?.modelOverrides as Record<string, { headers: Record<string, string> }>;
  assert.equal(overrides.c?.headers["X-Key"], headers["X-Key"]);
  assert.deepEqual(inside, {
    ...mine,
    baseUrl: "http://127.0.0.1:3128/TOKEN/mine/mine.example/v1",
    apiKey: inside?.apiKey,
    headers,
    models: [
      { id: "a", contextWindow: 5, headers: models[0]?.headers },
      { id: "b", baseUrl: "http://127.0.0.1:3128/TOKEN/mine/127.0.0.1:8080" },
    ],
    modelOverrides: { c: { name: "C", headers: { "X-Key": headers["X-Key"] } } },
  });
  assert.equal((JSON.parse(text) as { $schema: string }).$schema, "s");
});

test("what the placeholders stand for comes from files, variables and commands outside", async (t) => {
  const models = {
    providers: {
      mine: {
        baseUrl: "http://m.test",
        api: "x",
        apiKey: `!echo ${SECRET}`,
        headers: { A: `a-$B-$${"{B}"}-$$`, U: "!echo u" },
      },
    },
  };
  const made = plan(t, { models }, { provider: "mine", env: { B: "b", PATH: process.env.PATH } });
  const inside = entries(made).mine;
  const headers = inside?.headers as Record<string, string>;
  assert.deepEqual(await credentialOf(made), {
    values: { [String(inside?.apiKey)]: SECRET, [headers.A ?? ""]: "a-b-b-$", [headers.U ?? ""]: "u" },
  });
});

test("pi's order of sources holds: what is stored, then models.json, then a variable", async (t) => {
  const env = { GROQ_API_KEY: "from-env", PATH: process.env.PATH };
  const models = { providers: { groq: { apiKey: "from-models" } } };
  const auth = { groq: { type: "api_key", key: "$X", env: { X: "from-auth" } } };
  const value = async (files: object) =>
    Object.values((await credentialOf(plan(t, files, { env, provider: "groq" })))?.values ?? {});
  assert.deepEqual(await value({ models, auth }), ["from-auth"]);
  assert.deepEqual(await value({ models }), ["from-models"]);
  assert.deepEqual(await value({}), ["from-env"]);
});

test("a provider that is built in gets an entry with its own base behind the gate, and its other APIs are found", (t) => {
  const env = { OPENROUTER_API_KEY: SECRET };
  const made = plan(t, {}, { env, provider: "openrouter" });
  assert.equal(
    entries(made).openrouter?.baseUrl,
    "http://127.0.0.1:3128/TOKEN/openrouter/openrouter.ai/api/v1",
  );
  assert.deepEqual(made.gateProviders[0]?.mounts, [
    {
      url: "https://openrouter.ai/api/v1",
      named: false,
      also: [{ path: "/v1/messages", url: "https://openrouter.ai/api" }],
    },
  ]);
  const moved = plan(
    t,
    { models: { providers: { openrouter: { baseUrl: "https://us.openrouter.ai/api/v1" } } } },
    { env, provider: "openrouter" },
  );
  assert.deepEqual(moved.gateProviders[0]?.mounts, [{ url: "https://us.openrouter.ai/api/v1", named: true }]);
  const old = plan(t, {}, { env: { OPENCODE_API_KEY: SECRET }, provider: "opencode", piVersion: "0.87.1" });
  assert.equal(old.gateProviders[0]?.mounts[0]?.url, "https://opencode.ai/zen/v1");
});

test("a subscription's token keeps the begin by which pi knows it, and a bearer token goes into its own header", async (t) => {
  const key = (env: Record<string, string>) =>
    String(entries(plan(t, {}, { env, provider: "anthropic" })).anthropic?.apiKey);
  assert.match(key({ ANTHROPIC_OAUTH_TOKEN: "sk-ant-oat01-x" }), /^sk-ant-oat/);
  assert.doesNotMatch(key({ ANTHROPIC_API_KEY: "sk-ant-api-x" }), /^sk-ant-oat/);
  const bearer = plan(
    t,
    {},
    { env: { ANTHROPIC_AUTH_TOKEN: SECRET, ANTHROPIC_API_KEY: "x" }, provider: "anthropic" },
  );
  assert.deepEqual(await credentialOf(bearer), {
    values: {},
    headers: { Authorization: `Bearer ${SECRET}` },
  });
});

test("Azure's and Cloudflare's bases are made of the account's settings", (t) => {
  const url = (provider: string, env: Record<string, string>, files = {}) =>
    plan(t, files, { env, provider }).gateProviders[0]?.mounts[0]?.url;
  const azure = { AZURE_OPENAI_API_KEY: SECRET };
  assert.equal(
    url("azure", { ...azure, AZURE_OPENAI_RESOURCE_NAME: "r" }),
    "https://r.openai.azure.com/openai/v1",
  );
  assert.equal(
    url("azure-openai-responses", { ...azure, AZURE_OPENAI_BASE_URL: "https://r.ai.azure.com/" }),
    "https://r.ai.azure.com/openai/v1",
  );
  const auth = {
    "cloudflare-ai-gateway": { type: "api_key", key: SECRET, env: { CLOUDFLARE_ACCOUNT_ID: "a b" } },
  };
  assert.equal(
    url("cloudflare-ai-gateway", { CLOUDFLARE_GATEWAY_ID: "g" }, { auth }),
    "https://gateway.ai.cloudflare.com/v1/a%20b/g/compat",
  );
  const made = plan(t, { auth }, { env: { CLOUDFLARE_GATEWAY_ID: "g" }, provider: "cloudflare-ai-gateway" });
  assert.deepEqual(made.env, { CLOUDFLARE_ACCOUNT_ID: "a b", CLOUDFLARE_GATEWAY_ID: "g" });
});

test("what can't be served says why, and alone it refuses the session", (t) => {
  const oauth = { type: "oauth", access: "a", refresh: "r", expires: 0 };
  const cases: [string, object, Record<string, string>, RegExp][] = [
    ["amazon-bedrock", {}, { AWS_PROFILE: "p" }, /AWS/],
    ["google-vertex", {}, { GOOGLE_CLOUD_API_KEY: SECRET }, /Google Cloud/],
    ["github-copilot", { auth: { "github-copilot": oauth } }, {}, /exchanges its token/],
    ["openai-codex", { auth: { "openai-codex": oauth } }, {}, /account/],
    ["openai", { auth: { openai: oauth } }, {}, /account/],
    ["groq", { auth: { groq: { type: "new-kind" } } }, {}, /new-kind/],
    ["groq", {}, {}, /GROQ_API_KEY/],
    ["cloudflare-workers-ai", {}, { CLOUDFLARE_API_KEY: SECRET }, /CLOUDFLARE_ACCOUNT_ID is not set/],
    ["mine", { models: { providers: { mine: { apiKey: SECRET } } } }, {}, /baseUrl/],
    ["mine", { models: { providers: { mine: { apiKey: SECRET, baseUrl: "file:///etc" } } } }, {}, /baseUrl/],
    [
      "mine",
      { models: { providers: { mine: { apiKey: SECRET, baseUrl: `http://u:${SECRET}@h.test` } } } },
      {},
      /baseUrl/,
    ],
    [
      "radius",
      { models: { providers: { radius: { oauth: "radius", baseUrl: "http://r.test", apiKey: "x" } } } },
      {},
      /login/,
    ],
  ];
  for (const [provider, files, env, reason] of cases) {
    const made = plan(t, files, { env, provider });
    assert.deepEqual([made.gateProviders, made.unserved.map(({ id }) => id)], [[], [provider]]);
    assert.throws(
      () => requireServed(made),
      (error) =>
        error instanceof PictlError &&
        error.exitCode === 7 &&
        reason.test(error.message) &&
        !error.message.includes(SECRET),
      provider,
    );
  }
  requireServed(plan(t, {}, {}));
  requireServed(plan(t, {}, { env: { AWS_PROFILE: "p", GROQ_API_KEY: SECRET } }));
});

test("every variable that holds a credential is named, but those of a provider that the user lets in", (t) => {
  const models = {
    providers: {
      mine: { baseUrl: "http://m.test", apiKey: "$MY_ACCESS", headers: { A: `x$${"{MY_TEAM}"}` } },
    },
  };
  const env = { OPENAI_API_KEY: "x", SOME_PASSWORD: "x", HOME: "/h", LANG: "C", AWS_PROFILE: "p" };
  const { secretEnv } = plan(t, { models }, { env });
  for (const name of [
    "MY_ACCESS",
    "MY_TEAM",
    "OPENAI_API_KEY",
    "SOME_PASSWORD",
    "ANTHROPIC_API_KEY",
    "AWS_PROFILE",
  ]) {
    assert.ok(secretEnv.includes(name), name);
  }
  for (const name of ["HOME", "LANG"]) assert.ok(!secretEnv.includes(name), name);
  const exposed = plan(t, { models }, { env, all: true, expose: ["amazon-bedrock", "mine"] });
  assert.deepEqual(exposed.unserved, []);
  assert.ok(!exposed.secretEnv.includes("AWS_PROFILE") && !exposed.secretEnv.includes("MY_ACCESS"));
  assert.ok(exposed.secretEnv.includes("OPENAI_API_KEY"));
  assert.deepEqual(entries(exposed).mine, models.providers.mine);
});

test("a file that pi couldn't read either refuses, and doesn't show what is in it", (t) => {
  for (const models of [
    `{"providers": {"a": {"apiKey": "${SECRET}"`,
    { providers: { a: { apiKey: [SECRET] } } },
    { providers: [SECRET] },
  ]) {
    assert.throws(
      () => plan(t, { models }),
      (error) =>
        error instanceof PictlError &&
        error.code === "SANDBOX_PROVIDER" &&
        !`${error.message}${error.hint}`.includes(SECRET),
    );
  }
});
