import assert from "node:assert/strict";
import { test } from "node:test";
import { sandboxProfiles } from "../../../../../src/lib/core/choices.ts";
import { PictlError } from "../../../../../src/lib/core/errors.ts";
import { checkPolicyText, FILE_KEYS } from "../../../../../src/lib/sandbox/policy/policy-file.ts";
import { PROFILES } from "../../../../../src/lib/sandbox/policy/profiles.ts";
import { policyTemplate } from "../../../../../src/lib/sandbox/policy/template.ts";

const HOME = "/home/me";
const user = (text: string) => checkPolicyText(text, "/c/sandbox.toml", HOME).settings;
const workspace = (text: string) => checkPolicyText(text, "/w/.pictl/sandbox.toml", HOME, "/w").settings;

function refusal(text: string, read: (text: string) => unknown = user): PictlError {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof PictlError, String(error));
    return error;
  }
  return assert.fail(`${text} was accepted`);
}

test("a whole file", () => {
  const text = `
enabled = true
profile = "strict"
allow_read = ["~/.npmrc", "/srv/data/"]
deny_read = ["~/Documents", "/var/../etc/x", "~/Documents"]
allow_write = ["~/.cargo", "/tmp"]
network = { allow = ["Registry.npmjs.org.", "*.github.com:443", "münchen.example"] }
isolate_pid = true
max_processes = 512
max_open_files = 4096
max_memory = "1.5G"
tmp_size = 1048576
env = ["LANG", "TERM"]
allow_no_sandbox = true
`;
  assert.deepEqual(user(text), {
    enabled: true,
    profile: "strict",
    read: ["/home/me/.npmrc", "/srv/data"],
    denyRead: ["/home/me/Documents", "/etc/x"],
    allowWrite: ["/home/me/.cargo", "/tmp"],
    network: {
      kind: "hosts",
      allow: [
        { host: "registry.npmjs.org" },
        { host: "*.github.com", port: 443 },
        { host: "xn--mnchen-3ya.example" },
      ],
    },
    isolatePid: true,
    maxProcesses: 512,
    maxOpenFiles: 4096,
    maxMemory: 1.5 * 1024 ** 3,
    tmpSize: 1024 ** 2,
    env: ["LANG", "TERM"],
    allowNoSandbox: true,
  });
  const { lines } = checkPolicyText(text, "x", HOME);
  assert.deepEqual([lines.enabled, lines.read, lines.allowNoSandbox], [2, 4, 14]);
});

test("a workspace's paths may be relative to it, the user's not", () => {
  assert.deepEqual(workspace('deny_read = [".env", "./a/../b", "~/x", "/y"]').denyRead, [
    "/w/.env",
    "/w/b",
    "/home/me/x",
    "/y",
  ]);
  assert.match(refusal('deny_read = [".env"]').message, /must be an absolute path or start with ~\/\.$/);
});

test("a network without named hosts is the model's", () => {
  assert.deepEqual(user("network = { allow = [] }").network, { kind: "model" });
  for (const kind of ["none", "model", "open"])
    assert.deepEqual(user(`network = "${kind}"`).network, { kind });
});

const REFUSED: readonly [text: string, line: number | undefined, key: string | undefined, message: RegExp][] =
  [
    ["enabled = ", 1, undefined, /:1: /],
    ["\nenabled = 1", 2, "enabled", /enabled: must be true or false/],
    ["enabled = true\nprofil = 'strict'", 2, "profil", /:2: profil: unknown key/],
    ['profile = "paranoid"', 1, "profile", /profile: .*"strict"/],
    ['deny_read = "~/.ssh"', 1, "deny_read", /deny_read: .*array/],
    ['deny_read = ["~/.ssh", "x"]', 1, "deny_read.1", /deny_read\.1: must be an absolute path/],
    ['deny_read = ["~/.env*"]', 1, "deny_read.0", /patterns aren't possible/],
    ['deny_read = ["~other/x"]', 1, "deny_read.0", /start with ~\//],
    ['deny_read = ["/a\\u0000b"]', 1, "deny_read.0", /must be an absolute path/],
    ['allow_write = ["/"]', 1, "allow_write.0", /must not be "\/"/],
    ['allow_write = ["/x/.."]', 1, "allow_write.0", /must not be "\/"/],
    ['allow_write = ["~"]', 1, "allow_write.0", /below the home/],
    ['allow_write = ["/home"]', 1, "allow_write.0", /below the home/],
    ['allow_write = ["/run"]', 1, "allow_write.0", /must not be \/run/],
    ['allow_write = ["/proc/sys"]', 1, "allow_write.0", /not be in \/proc/],
    ['allow_read = ["/tmp"]', 1, "allow_read.0", /must not be \/tmp/],
    ['network = "internet"', 1, "network", /network: must be "none", "model", "open"/],
    ['network = { allow = ["x.test"], deny = [] }', 1, undefined, /network/],
    ['network = { allow = ["a.test", "*"] }', 1, "network.allow.1", /must be a name/],
    ['network = { allow = ["*.com"] }', 1, "network.allow.0", /not stand for all of "\.com"/],
    ['network = { allow = ["10.0.0.1"] }', 1, "network.allow.0", /addresses are refused/],
    ['network = { allow = ["0x7f.1"] }', 1, "network.allow.0", /addresses are refused/],
    ['network = { allow = ["[::1]:443"] }', 1, "network.allow.0", /must be a name/],
    ['network = { allow = ["https://x.test"] }', 1, "network.allow.0", /must be a name/],
    ['network = { allow = ["x.test:0"] }', 1, "network.allow.0", /between 1 and 65535/],
    ["max_processes = 0", 1, "max_processes", /between 32 and/],
    ["max_open_files = 100", 1, "max_open_files", /between 256 and/],
    ['max_memory = "lots"', 1, "max_memory", /must be a size such as "4G"/],
    ['max_memory = "0"', 1, "max_memory", /at least 805306368 bytes/],
    ['env = ["A=b"]', 1, "env.0", /name of a variable/],
    ['env = ["LC_*"]', 1, "env.0", /name of a variable/],
  ];

for (const [text, line, key, message] of REFUSED) {
  test(`refused with its place: ${JSON.stringify(text)}`, () => {
    const error = refusal(text);
    assert.equal(error.code, "INVALID_CONFIG");
    assert.equal(error.exitCode, 2);
    assert.match(error.message, message);
    assert.ok(error.message.startsWith(`/c/sandbox.toml:${line}: `), error.message);
    if (key !== undefined) assert.equal(error.details?.key, key);
    assert.match(error.hint ?? "", /docs\/sandbox\.md/);
  });
}

test("a mistyped key names the nearest one", () => {
  assert.deepEqual(refusal("max_process = 3").details?.suggestions, ["max_processes"]);
});

test("the files that `sandbox init` writes are accepted, and so is every line in their comments", () => {
  for (const profile of sandboxProfiles) {
    assert.deepEqual(user(policyTemplate("user", profile)), { enabled: true, profile });
    assert.deepEqual(workspace(policyTemplate("workspace", profile)), { enabled: true, profile });
    for (const kind of ["user", "workspace"] as const) {
      const whole = policyTemplate(kind, profile).replaceAll(/^# (?=\w+ = )/gm, "");
      const settings = (kind === "user" ? user : workspace)(whole);
      if (kind === "user") assert.deepEqual(Object.keys(settings).sort(), Object.values(FILE_KEYS).sort());
      else assert.ok(settings.denyRead);
      if (kind !== "user") continue;
      assert.equal(settings.maxProcesses, PROFILES[profile].maxProcesses);
      assert.equal(settings.maxOpenFiles, PROFILES[profile].maxOpenFiles);
      assert.equal(settings.maxMemory, PROFILES[profile].maxMemory);
      assert.equal(settings.tmpSize, PROFILES[profile].tmpSize);
    }
  }
});
