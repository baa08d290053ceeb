import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createRedactor } from "../../../../src/lib/core/redact.ts";

test("the values of variables that look secret go, with the name in their place", () => {
  const redact = createRedactor({
    OPENAI_API_KEY: "plainvalue1",
    github_token: "plainvalue2",
    DB_PASS: "plainvalue3",
  });
  assert.equal(
    redact("a plainvalue1 b plainvalue2 plainvalue3 plainvalue1"),
    "a [redacted:OPENAI_API_KEY] b [redacted:github_token] [redacted:DB_PASS] [redacted:OPENAI_API_KEY]",
  );
});

test("short values, harmless variables and places stay readable", () => {
  const env = {
    MY_KEY: "short",
    HOME: "/home/somebody",
    PWD: "/home/somebody/project",
    GIT_AUTHOR_NAME: "Somebody Else",
    KEYBOARD_LAYOUT: "us-international",
    SSH_AUTH_SOCK: "/run/user/1/agent.sock",
    TLS_KEY_FILE: "/etc/ssl/private.pem",
  };
  const text = Object.values(env).join(" ");
  assert.equal(createRedactor(env)(text), text);
});

test("every credential that pi's page of providers names is a secret", () => {
  const page = fileURLToPath(
    new URL("../docs/providers.md", import.meta.resolve("@earendil-works/pi-coding-agent")),
  );
  const names = [...readFileSync(page, "utf8").matchAll(/`([A-Z_]+(?:API_KEY|TOKEN))`/g)].map(
    (match) => match[1] ?? "",
  );
  assert.ok(names.length > 30, `only ${names.length} variables found in ${page}`);
  for (const name of [...names, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"]) {
    assert.equal(createRedactor({ [name]: "some-plain-value" })("some-plain-value"), `[redacted:${name}]`);
  }
});

test("a secret that contains another leaves nothing of itself", () => {
  const redact = createRedactor({ A_TOKEN: "12345678", B_TOKEN: "12345678-and-more" });
  assert.equal(redact("12345678-and-more"), "[redacted:B_TOKEN]");
});

test("the same secret is found as JSON and as a URL write it, and line by line", () => {
  const value = 'quo"te/and more';
  const redact = createRedactor({
    MY_SECRET: value,
    DEPLOY_KEY: "first line of the key\nsecond line of the key",
  });
  assert.equal(redact(JSON.stringify({ value })), '{"value":"[redacted:MY_SECRET]"}');
  assert.equal(redact(`?q=${encodeURIComponent(value)}`), "?q=[redacted:MY_SECRET]");
  assert.equal(redact("> second line of the key"), "> [redacted:DEPLOY_KEY]");
});

test("a value with $ is taken as it is", () => {
  assert.equal(createRedactor({ A_KEY: "pa$$word$&x" })("pa$$word$&x"), "[redacted:A_KEY]");
  assert.equal(createRedactor({ $X_KEY: "plainvalue" })("plainvalue"), "[redacted:$X_KEY]");
});

const letters = (count: number) => "aB3dE6gH9jK2mN5pQ8sT1vX4".repeat(4).slice(0, count);
const shapes: Record<string, string> = {
  "sk-": `sk-ant-${"a1".repeat(20)}`,
  ghp_: `ghp_${"a1".repeat(18)}`,
  "fine-grained of GitHub": `github_pat_${letters(22)}_${letters(59)}`,
  AKIA: "AKIAABCDEFGHIJKLMNOP",
  xoxb: "xoxb-123456789012-abcdef",
  xapp: `xapp-1-A0123456789-1234567890123-${letters(64)}`,
  JWT: "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
  "Stripe, live": `sk_live_${letters(24)}`,
  "Stripe, restricted": `rk_live_${letters(24)}`,
  "Stripe, test": `sk_test_${letters(24)}`,
  "Google OAuth": `ya29.a0AfB_by${letters(60)}-x`,
  DigitalOcean: `dop_v1_${"0a1b2c3d".repeat(8)}`,
  Groq: `gsk_${letters(52)}`,
  xAI: `xai-${letters(80)}`,
  Cerebras: `csk-${letters(48).toLowerCase()}`,
  Vercel: `vck_${letters(56)}`,
  NVIDIA: `nvapi-${letters(40)}_-${letters(22)}`,
  Fireworks: `fw_${letters(24)}`,
  SendGrid: `SG.${letters(22)}.${letters(43)}`,
  PyPI: `pypi-AgEIcHlwaS5vcmcCJ${letters(40)}-${letters(40)}`,
  "Telegram bot": `123456789:AA${letters(33)}`,
};
for (const [name, secret] of Object.entries(shapes)) {
  test(`the shape ${name} is recognised anywhere`, () => {
    assert.equal(createRedactor({})(`key=${secret}, next`), "key=[redacted], next");
  });
}

test("of a secret that is known by what stands before it, that stays", () => {
  const redact = createRedactor({});
  for (const [before, secret, after] of [
    ["AWS_SECRET_ACCESS_KEY=", `${letters(20)}/${letters(19)}`, " aws s3 ls"],
    ["export DB_PASSWORD=", "correcthorse", "\n"],
    ['DB_PASSWORD="', "correct horse battery", '" make'],
    ["DB_PASSWORD: ", "correct-horse", "\nDB_USER: someone"],
    ['{"DB_PASSWORD":"', "correcthorse", '","DB_USER":"someone"}'],
    ['{\\"DB_PASSWORD\\": \\"', "correcthorse", '\\"}'],
    ["AccountName=store;AccountKey=", `${letters(86)}==`, ";EndpointSuffix=core.windows.net"],
    ["https://hooks.slack.com/services/", `T01234567/B01234567/${letters(24)}`, " posts"],
    ["https://api.telegram.org/bot", `123456789:AA${letters(33)}`, "/getMe"],
    ["curl -H 'x-api-key: ", letters(32), "'"],
    ['"X-API-Key": "', letters(32), '"'],
  ] as const)
    assert.equal(redact(before + secret + after), `${before}[redacted]${after}`);
});

test("what follows Bearer, the password of a URL and a private key go; the rest of the line stays", () => {
  const redact = createRedactor({});
  assert.equal(redact("Authorization: Bearer abcdef0123456789abcdef"), "Authorization: Bearer [redacted]");
  assert.equal(redact("postgres://me:hunter2@db:5432/x"), "postgres://me:[redacted]@db:5432/x");
  assert.equal(
    redact("a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b"),
    "a [redacted] b",
  );
  assert.equal(
    redact("a -----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n=abcd\n-----END PGP PRIVATE KEY BLOCK----- b"),
    "a [redacted] b",
  );
});

test("ordinary text and code are left alone", () => {
  const redact = createRedactor({});
  for (const text of [
    "Bearer of bad news: risk-averse at https://example.org:8080/a@b, task-0123456789, git@host:x/y.git",
    "const token = getToken(); password = readPassword(prompt); this.apiKey = options.apiKey;",
    "API_KEY=$OPENAI_API_KEY DB_PASSWORD=\u0024{DB_PASSWORD} GH_TOKEN=$(gh auth token) API_TOKEN=<your-token> X_KEY={{ key }}",
    "client = Client(API_KEY=get_key(), API_TOKEN=os.environ['API_TOKEN'], A_KEY=process.env.A_KEY) if (A_KEY==anotherKey)",
    "interface Env { API_KEY: string; AUTH_TOKEN: undefined | string }",
    "const keys = {\n  API_KEY: options.apiKey,\n  INVALID_TOKEN: 'the token is not valid',\n};",
    "ERR_INVALID_TOKEN: authentication failed for this user",
    "PASS: everything\nKEY: something\nDB_PASSWORD=short TOKENS=1234567890 MAX_TOKENS=1234567890",
    "x-api-key: required; set the x-api-key: header, or authorization-token",
    "npm_config_user_agent_of_a_package_manager, hf_hub_download_with_progress, fw_version_of_a_device_number",
    "pypi-publish-of-several-packages, xai-of-a-kind, sk_live_ and rk_test_ are Stripe's, ya29. is Google's",
    "SG.ordinary.words, at 1700000000:00, 12345678:550e8400-e29b-41d4-a716-446655440000, do_v1_of_everything",
    "https://hooks.slack.com/services/ with -----BEGIN PGP PUBLIC KEY BLOCK-----",
    "0123456789abcdef0123456789abcdef01234567 and e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b",
  ])
    assert.equal(redact(text), text);
});

test("what is blacked out stays as it is the second time", () => {
  const [first, second] = [createRedactor({ DB_PASSWORD: "correcthorse" }), createRedactor({})];
  assert.equal(second(first("DB_PASSWORD=correcthorse")), "DB_PASSWORD=[redacted:DB_PASSWORD]");
});

test("long text costs in proportion to its length, whatever it nearly is", () => {
  const redact = createRedactor({});
  const nearly = [
    "eyJaaaaaaaaaa-",
    "eyJaaaaaaaaaa.",
    "SG.aaaaaaaaaaaaaaaa-",
    "A_KEY=$",
    "A_KEY: aaaaaaaa,",
    'A_KEY:"aaaaaaaa ',
    "A_KEY=aaaaaaaa.",
    "x-api-key: a",
    "-----BEGIN A",
    "://a:",
    "sk-",
    "123456:",
    "hooks.slack.com/services/-",
    "A_",
    "a",
  ];
  const least = (text: string) =>
    Math.min(
      ...[1, 2, 3].map(() => {
        // The processor's time, which others on a busy machine don't add to.
        const began = process.cpuUsage();
        redact(text);
        const { user, system } = process.cpuUsage(began);
        return (user + system) / 1_000;
      }),
    );
  for (const piece of nearly) {
    const [short, long] = [least(piece.repeat(2_000)), least(piece.repeat(32_000))];
    // 16 times as much text; going back over it would take 256 times as long.
    assert.ok(long < 100 * Math.max(short, 0.5), `${piece}: ${short} ms, then ${long} ms`);
  }
});
