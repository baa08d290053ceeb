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

const shapes: Record<string, string> = {
  "sk-": `sk-ant-${"a1".repeat(20)}`,
  ghp_: `ghp_${"a1".repeat(18)}`,
  AKIA: "AKIAABCDEFGHIJKLMNOP",
  xoxb: "xoxb-123456789012-abcdef",
  JWT: "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
};
for (const [name, secret] of Object.entries(shapes)) {
  test(`the shape ${name} is recognised anywhere`, () => {
    assert.equal(createRedactor({})(`key=${secret}, next`), "key=[redacted], next");
  });
}

test("what follows Bearer, the password of a URL and a private key go; the rest of the line stays", () => {
  const redact = createRedactor({});
  assert.equal(redact("Authorization: Bearer abcdef0123456789abcdef"), "Authorization: Bearer [redacted]");
  assert.equal(redact("postgres://me:hunter2@db:5432/x"), "postgres://me:[redacted]@db:5432/x");
  assert.equal(
    redact("a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b"),
    "a [redacted] b",
  );
});

test("ordinary text is left alone", () => {
  const text =
    "Bearer of bad news: risk-averse at https://example.org:8080/a@b, task-0123456789, git@host:x/y.git";
  assert.equal(createRedactor({})(text), text);
});
