import assert from "node:assert/strict";
import { normalize } from "node:path";
import { test } from "node:test";
import { sandboxProfiles } from "../../../../../src/lib/core/choices.ts";
import { contains } from "../../../../../src/lib/core/contains.ts";
import { resolvePaths } from "../../../../../src/lib/core/paths.ts";
import { isSecretName } from "../../../../../src/lib/core/redact.ts";
import { credentialPaths, HOME_CREDENTIALS } from "../../../../../src/lib/sandbox/policy/credentials.ts";
import { policyDigest } from "../../../../../src/lib/sandbox/policy/digest.ts";
import { explainPath } from "../../../../../src/lib/sandbox/policy/explain.ts";
import { traced } from "../../../../../src/lib/sandbox/policy/origins.ts";
import { checkPolicyText } from "../../../../../src/lib/sandbox/policy/policy-file.ts";
import { fixedDenials, profilePolicy } from "../../../../../src/lib/sandbox/policy/profiles.ts";
import { userPolicy } from "../../../../../src/lib/sandbox/policy/user-policy.ts";

const HOME = "/home/me";
const env = { HOME, PATH: "/home/me/.cargo/bin:/usr/bin" };
const places = { home: HOME, workspace: "/home/me/work", env, paths: resolvePaths(env, 1000) };

/** What the issue and any reader would look for first. */
const CREDENTIALS = [
  ".ssh/id_ed25519",
  ".aws/credentials",
  ".gnupg/private-keys-v1.d/x",
  ".netrc",
  ".config/gh/hosts.yml",
  ".config/gcloud/application_default_credentials.json",
  ".kube/config",
  ".docker/config.json",
  ".npmrc",
  ".pypirc",
  ".cargo/credentials.toml",
  ".git-credentials",
  ".mozilla/firefox/x/key4.db",
  ".config/google-chrome/Default/Cookies",
  ".local/share/keyrings/login.keyring",
  ".password-store/x.gpg",
  ".bash_history",
  ".zsh_history",
  ".pi/agent/auth.json",
  ".pi/agent/sessions/other/x.jsonl",
  ".config/pictl/sandbox.toml",
  ".local/state/pictl/registry.db",
  ".local/share/pictl/history.db",
  ".cache/pictl/compiled/x",
];

for (const profile of sandboxProfiles) {
  test(`${profile}: credentials are neither read nor written, whatever else is`, () => {
    const { policy, origins } = traced(profilePolicy(profile, places), { from: "profile", profile });
    const about = { policy, origins, workspace: places.workspace, home: HOME, readOnly: [] };
    for (const name of CREDENTIALS) {
      const { read, write } = explainPath(about, `${HOME}/${name}`);
      assert.deepEqual([read.answer, write.answer], ["denied", "denied"], name);
    }
    for (const path of ["/etc/shadow", "/etc/ssl/private/key.pem"])
      assert.equal(explainPath(about, path).read.answer, "denied", path);
    assert.equal(explainPath(about, "/etc/passwd").read.answer, "allowed");
    assert.equal(explainPath(about, "/run/docker.sock").read.answer, "own");
    assert.equal(explainPath(about, "/tmp/x").read.answer, "own");
    assert.equal(explainPath(about, "/home/me/work/x").write.answer, "allowed");
    assert.equal(
      explainPath(about, "/home/me/.bashrc").write.answer,
      profile === "strict" ? "own" : "denied",
    );
    assert.equal(explainPath(about, "/home/me/x").read.answer, profile === "strict" ? "own" : "allowed");
  });

  test(`${profile}: nothing that is allowed lies in what is denied, passes a secret or is on PATH`, () => {
    const policy = profilePolicy(profile, places);
    for (const root of [...policy.read, ...policy.allowWrite])
      assert.ok(!policy.denyRead.some((denied) => contains(denied, root)), root);
    assert.deepEqual(policy.env.filter(isSecretName), []);
    assert.ok(!policy.allowWrite.some((root) => contains(root, "/home/me/.cargo/bin")));
    for (const limit of ["maxProcesses", "maxOpenFiles", "maxMemory", "tmpSize"] as const)
      assert.ok(policy[limit] > 0);
  });
}

test("a home in a place that is cut out of the root has a root of its own", () => {
  const home = "/tmp/t/home";
  const moved = { ...places, home, env: { HOME: home } };
  assert.deepEqual(profilePolicy("minimal", moved).read, ["/", home]);
  assert.deepEqual(profilePolicy("minimal", places).read, ["/"]);
});

test("credentials are denied where a variable has moved them, and in their usual place", () => {
  const denied = credentialPaths(HOME, {
    GNUPGHOME: "/keys/gpg/",
    KUBECONFIG: "/k/a:/k/b",
    CARGO_HOME: "/opt/cargo",
    XDG_CONFIG_HOME: "/xdg",
    HISTFILE: "/dev/null",
    NETRC: "relative",
  });
  for (const path of [
    "/keys/gpg",
    "/k/a",
    "/k/b",
    "/opt/cargo/credentials.toml",
    "/xdg/gh",
    "/home/me/.gnupg",
    "/home/me/.config/gh",
  ])
    assert.ok(denied.includes(path), path);
  assert.ok(!denied.some((path) => path === "/dev/null" || !path.startsWith("/")));
});

test("the denied places of a home are each there once, and none lies in another", () => {
  const names = Object.values(HOME_CREDENTIALS).flat();
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index || name !== normalize(name)),
    [],
  );
  assert.deepEqual(
    names.filter((name) => names.some((other) => other !== name && contains(other, name))),
    [],
  );
});

test("keys, logins and histories of common tools are denied", () => {
  const files = {
    "~/.dbt/profiles.yml": "dbt",
    "~/.cloudflared/cert.pem": "cloudflared",
    "~/.config/ngrok/ngrok.yml": "ngrok",
    "~/.ngrok2/ngrok.yml": "ngrok 2",
    "~/.config/stripe/config.toml": "stripe",
    "~/.supabase/access-token": "supabase",
    "~/.sentryclirc": "sentry",
    "~/.circleci/cli.yml": "circleci",
    "~/.config/syncthing/key.pem": "syncthing before 1.27",
    "~/.local/state/syncthing/key.pem": "syncthing",
    "~/.local/share/com.vercel.cli/auth.json": "vercel",
    "~/.local/share/jupyter/runtime/kernel-1.json": "jupyter",
    "~/.local/state/bash/history": "bash, by XDG",
    "~/.local/state/zsh/history": "zsh, by XDG",
    "~/.local/state/python_history": "python, by XDG",
    "~/.claude/projects/p/s.jsonl": "Claude Code's sessions",
    "~/.codex/history.jsonl": "Codex's history",
    "~/.gemini/tmp/logs.json": "Gemini's logs",
    "~/.copilot/config.json": "Copilot",
    "~/.local/share/amp/secrets.json": "Amp",
    "~/.config/openstack/clouds.yaml": "OpenStack",
    "~/.jfrog/jfrog-cli.conf.v6": "JFrog",
    "~/.modal.toml": "Modal",
    "~/.local/share/mkcert/rootCA-key.pem": "mkcert",
    "~/.config/mozilla/firefox/p/logins.json": "Firefox, by XDG",
    "~/.config/Code/User/History/1/env": "VS Code's local history",
    "~/.foundry/keystores/k": "Foundry",
    "~/.sf/alias.json": "Salesforce",
    "~/.local/state/nvim/swap/secrets.swp": "Neovim's copies of files",
    "~/.keystore": "Java",
    "~/.dotnet/corefx/cryptography/x509stores/my/k.pfx": ".NET",
    "~/.edgerc": "Akamai",
    "~/.config/fastly/config.toml": "Fastly",
    "~/.config/nix/nix.conf": "Nix",
    "~/.python-gitlab.cfg": "python-gitlab",
    "~/.radicle/keys/radicle": "Radicle",
    "~/.passwd-s3fs": "s3fs",
    "~/.hgrc": "Mercurial",
    "~/.clickhouse-client/config.xml": "ClickHouse",
    "~/.local/share/juju/accounts.yaml": "Juju",
    "~/.singularity/remote.yaml": "Singularity",
    "~/.okta/okta.yaml": "Okta",
    "~/.config/mutt/muttrc": "mutt, by XDG",
    "~/.kimi/config.json": "Kimi",
    "~/.vibe/.env": "Vibe",
    "~/.config/environment.d/keys.conf": "systemd's variables",
    "~/.local/share/Trash/files/id_ed25519": "the waste-paper basket",
    "/etc/apt/auth.conf.d/company.conf": "apt",
  };
  const denied = credentialPaths(HOME, { HOME });
  for (const [path, tool] of Object.entries(files)) {
    const place = path.replace("~", HOME);
    assert.ok(
      denied.some((each) => contains(each, place)),
      `${tool}: ${path}`,
    );
  }
});

test("what builds need of a home stays readable", () => {
  const denied = credentialPaths(HOME, { HOME });
  for (const path of [
    ".gitconfig",
    ".cargo/config.toml",
    ".rustup/toolchains",
    ".nvm/versions",
    ".pyenv/versions",
    ".local/bin",
    ".local/share/mise/installs",
    ".local/share/pnpm/store",
    ".cabal/config",
    ".m2/repository",
    ".gradle/caches",
    ".claude/skills",
    ".vscode-server/bin",
    ".config/git/config",
  ])
    assert.ok(!denied.some((each) => contains(each, `${HOME}/${path}`)), path);
});

const file = (text: string) => checkPolicyText(text, "u.toml", HOME);
const load = (text: string) => {
  const warnings: string[] = [];
  return { ...userPolicy(places, file(text), undefined, warnings), warnings };
};

test("the user's file lifts a denial of the profile by its exact name, and no other", () => {
  const { policy, warnings } = load('allow_read = ["~/.npmrc", "~/.config", "~/.pi/agent/auth.json"]');
  assert.ok(!policy.denyRead.includes("/home/me/.npmrc"));
  assert.ok(policy.denyRead.includes("/home/me/.config/gh"));
  for (const fixed of fixedDenials(places)) assert.ok(policy.denyRead.includes(fixed), fixed);
  assert.match(
    warnings.join("\n"),
    /^u\.toml:1: allow_read "\/home\/me\/\.pi\/agent\/auth\.json" has no effect/m,
  );
  const own = load('allow_read = ["~/.npmrc"]\ndeny_read = ["~/.npmrc"]');
  assert.ok(own.policy.denyRead.includes("/home/me/.npmrc"), "a denial of the file's own goes first");
});

test("what a file allows more than it seems is told", () => {
  assert.match(
    load('allow_write = ["~/.cargo"]').warnings.join(),
    /opens "\/home\/me\/\.cargo\/bin", which is on PATH/,
  );
  assert.match(load('env = ["LANG", "GITHUB_TOKEN"]').warnings.join(), /passes GITHUB_TOKEN/);
  assert.deepEqual(load('allow_write = ["~/.cargo/registry"]\nenv = ["LANG"]').warnings, []);
});

test("the digest is the same for what allows the same, and for nothing else", () => {
  const policy = profilePolicy("development", places);
  const same = { ...policy, env: policy.env.toReversed(), allowNoSandbox: true };
  assert.equal(policyDigest(same), policyDigest(policy));
  const others = [
    { ...policy, maxMemory: 1 },
    { ...policy, home: "empty" as const },
    { ...policy, denyRead: policy.denyRead.slice(1) },
    { ...policy, network: { kind: "model" as const } },
    { ...policy, network: { kind: "hosts" as const, allow: [{ host: "a.test" }] } },
    { ...policy, network: { kind: "hosts" as const, allow: [{ host: "a.test", port: 443 }] } },
    profilePolicy("minimal", places),
    profilePolicy("strict", places),
  ];
  assert.equal(new Set([policy, ...others].map(policyDigest)).size, others.length + 1);
});
