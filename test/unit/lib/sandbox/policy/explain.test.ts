import assert from "node:assert/strict";
import { test } from "node:test";
import { resolvePaths } from "../../../../../src/lib/core/paths.ts";
import { type Explained, explainHost, explainPath } from "../../../../../src/lib/sandbox/policy/explain.ts";
import { narrowerNetwork, parseHostRule, ruleAllows } from "../../../../../src/lib/sandbox/policy/hosts.ts";
import { checkPolicyText } from "../../../../../src/lib/sandbox/policy/policy-file.ts";
import { userPolicy } from "../../../../../src/lib/sandbox/policy/user-policy.ts";

const HOME = "/home/me";
const WORKSPACE = "/home/me/work";
const env = { HOME };

function about(text: string): Explained {
  const file = checkPolicyText(text, "/u.toml", HOME);
  const places = { home: HOME, workspace: WORKSPACE, env, paths: resolvePaths(env, 1000) };
  return { ...userPolicy(places, file, undefined, []), workspace: WORKSPACE, home: HOME, readOnly: [] };
}

const answers = (explained: Explained, path: string) => {
  const { read, write } = explainPath(explained, path);
  return [read.answer, write.answer];
};

test("denials go before everything, with the line that says so", () => {
  const explained = about(
    'deny_read = ["/home/me/work/.env", "/opt"]\nallow_write = ["/opt/cache", "/srv"]\n',
  );
  assert.deepEqual(answers(explained, "/home/me/work/.env"), ["denied", "denied"]);
  assert.deepEqual(answers(explained, "/opt/cache/x"), ["denied", "denied"]);
  assert.deepEqual(explained.policy.allowWrite, ["/srv"], "enforcement never sees a root that is denied");
  assert.deepEqual(answers(explained, "/srv/x"), ["allowed", "allowed"]);
  assert.deepEqual(explainPath(explained, "/opt/x").read, {
    answer: "denied",
    reason: "is denied",
    rule: "/opt",
    origin: { from: "user", path: "/u.toml", line: 1 },
  });
});

test("a denial of what the workspace lies in leaves it alone, one inside of it holds", () => {
  const explained = about('deny_read = ["~", "~/work/secret"]');
  assert.deepEqual(answers(explained, "/home/me/other"), ["denied", "denied"]);
  assert.deepEqual(answers(explained, "/home/me/work/x"), ["allowed", "allowed"]);
  assert.deepEqual(answers(explained, "/home/me/work/secret/x"), ["denied", "denied"]);
});

test("what something outside obeys is read-only in the workspace", () => {
  const explained = { ...about(""), readOnly: [`${WORKSPACE}/.pictl`, `${WORKSPACE}/.git/hooks`] };
  assert.deepEqual(answers(explained, "/home/me/work/.git/hooks/pre-commit"), ["allowed", "denied"]);
  assert.deepEqual(answers(explained, "/home/me/work/.pictl/sandbox.toml"), ["allowed", "denied"]);
  assert.deepEqual(answers(explained, "/home/me/work/.git/index"), ["allowed", "allowed"]);
});

test("links are followed on both sides", () => {
  const links: Record<string, string> = {
    "/home/me/work/key": "/home/me/.ssh/id",
    "/home/me/.aws": "/data/aws",
    "/home/me/work": "/home/me/work",
  };
  const explained = { ...about(""), resolve: (path: string) => links[path] ?? path };
  assert.deepEqual(answers(explained, "/home/me/work/key"), ["denied", "denied"]);
  assert.deepEqual(answers(explained, "/data/aws/credentials"), ["denied", "denied"]);
});

test("strict: the home is an empty one, but for what the user names in it", () => {
  const explained = about('profile = "strict"\nallow_read = ["~/.gitconfig"]\n');
  assert.deepEqual(answers(explained, "/home/me/.gitconfig"), ["allowed", "denied"]);
  assert.deepEqual(answers(explained, "/home/me/.profile"), ["own", "own"]);
  assert.deepEqual(answers(explained, "/srv/x"), ["denied", "denied"]);
});

test("hosts", () => {
  const named = about('network = { allow = ["*.github.com:443", "pypi.org"] }');
  const ask = (explained: Explained, host: string, port: number) => explainHost(explained, host, port).answer;
  assert.equal(ask(named, "API.github.com.", 443), "allowed");
  assert.equal(ask(named, "api.github.com", 22), "denied");
  assert.equal(ask(named, "github.com", 443), "model", "a pattern is what lies below");
  assert.equal(ask(named, "evilgithub.com", 443), "model");
  assert.equal(ask(named, "pypi.org", 80), "allowed");
  assert.equal(ask(named, "pypi.org", 8080), "denied");
  assert.equal(ask(named, "169.254.169.254", 80), "denied");
  assert.equal(ask(named, "[::1]", 80), "denied");
  assert.equal(ask(about('network = "model"'), "pypi.org", 443), "model");
  assert.equal(ask(about('network = "none"'), "pypi.org", 443), "denied");
  assert.equal(ask(about('network = "open"'), "pypi.org", 443), "allowed");
  const provider = [{ host: "api.model.test" }, { host: "127.0.0.1", port: 8080 }];
  assert.equal(explainHost(named, "api.model.test", 443, provider).answer, "allowed");
  assert.equal(explainHost(named, "127.0.0.1", 8080, provider).answer, "allowed");
  assert.equal(explainHost(named, "other.test", 443, provider).answer, "denied");
});

test("two rules have in common what both allow", () => {
  const both = (a: string, b: string) => {
    const [one, other] = [a, b].map((text) => ({ kind: "hosts" as const, allow: [rule(text)] }));
    return one && other && narrowerNetwork(one, other);
  };
  const rule = (text: string) => {
    const parsed = parseHostRule(text);
    assert.ok(typeof parsed !== "string", `${text} must ${String(parsed)}`);
    return parsed;
  };
  assert.deepEqual(both("*.a.test", "x.a.test:443"), {
    kind: "hosts",
    allow: [{ host: "x.a.test", port: 443 }],
  });
  assert.deepEqual(both("*.x.a.test", "*.a.test"), { kind: "hosts", allow: [{ host: "*.x.a.test" }] });
  assert.deepEqual(both("a.test", "*.a.test"), { kind: "model" });
  assert.deepEqual(both("a.test:22", "a.test"), { kind: "model" });
  assert.deepEqual(both("a.test:22", "a.test:23"), { kind: "model" });
  assert.ok(!ruleAllows(rule("*.a.test"), "a.test", 443));
});
