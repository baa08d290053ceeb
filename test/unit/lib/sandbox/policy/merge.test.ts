import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { type SandboxProfile, sandboxProfiles } from "../../../../../src/lib/core/choices.ts";
import { resolvePaths } from "../../../../../src/lib/core/paths.ts";
import { explainHost, explainPath } from "../../../../../src/lib/sandbox/policy/explain.ts";
import { loadPolicy } from "../../../../../src/lib/sandbox/policy/load.ts";
import { narrow } from "../../../../../src/lib/sandbox/policy/narrow.ts";
import { policyLines } from "../../../../../src/lib/sandbox/policy/origins.ts";
import type { NetworkPolicy, SandboxPolicy } from "../../../../../src/lib/sandbox/policy/policy.ts";
import { checkPolicyText } from "../../../../../src/lib/sandbox/policy/policy-file.ts";
import { profilePolicy } from "../../../../../src/lib/sandbox/policy/profiles.ts";
import { userPolicy } from "../../../../../src/lib/sandbox/policy/user-policy.ts";
import { narrowByWorkspace } from "../../../../../src/lib/sandbox/policy/workspace-policy.ts";
import { LONG } from "../../../../support/speed.ts";

/**
 * What a merged policy allows, both sides must allow. It is asked through the same functions that `sandbox
 * explain` uses, over a small world of paths and hosts in which roots, denials and what is cut out of them
 * (/tmp, /run, an empty home) often meet.
 */
const HOME = "/home/me";
const WORKSPACE = "/home/me/work/app";
const env = { HOME, PATH: "/usr/bin" };
const places = { home: HOME, workspace: WORKSPACE, env, paths: resolvePaths(env, 1000) };

const WORLD = [
  "/etc/passwd",
  "/etc/shadow",
  "/usr/bin/env",
  "/usr/lib/a/b",
  "/var/data",
  "/var/data/x",
  "/home/other/x",
  "/home/me",
  "/home/me/.bashrc",
  "/home/me/.ssh/id",
  "/home/me/.npmrc",
  "/home/me/.cargo",
  "/home/me/.cargo/bin/x",
  "/home/me/.cargo/registry/x",
  "/home/me/.cargo/credentials.toml",
  "/home/me/.cache/pip/x",
  "/home/me/work/other/x",
  "/home/me/work/app/x",
  "/home/me/work/app/secret/key",
  "/home/me/work/app/.git/hooks/x",
  "/home/me/.config/pictl/sandbox.toml",
  "/home/me/.pi/agent/auth.json",
  "/tmp/x",
  "/tmp/a/b",
  "/run/user/1000/bus",
  "/run/user/1000/bus/x",
];
const HOSTS = ["a.example.com", "example.com", "b.a.example.com", "registry.npmjs.org", "pypi.org", "x.test"];
const PORTS = [80, 443, 22, 8443];

const writtenPath = fc.constantFrom(
  "~/.cargo",
  "~/.cargo/registry",
  "~/.cache/pip",
  "~/.cache",
  "~/.npmrc",
  "~/.ssh",
  "~/work/other",
  "~/work/app/secret",
  "/usr",
  "/usr/lib",
  "/usr/lib/a",
  "/etc",
  "/var/data",
  "/var",
  "/home",
  "/home/other",
  "/tmp/a",
  "/run/user",
  "/run/user/1000/bus",
);
const inFile = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined });
const allowed = inFile(
  fc.array(
    writtenPath.filter((path) => path !== "/home"),
    { maxLength: 4 },
  ),
);
const hostRule = fc
  .tuple(
    fc.constantFrom("*.example.com", "*.a.example.com", ...HOSTS),
    fc.constantFrom("", ":443", ":80", ":22", ":8443"),
  )
  .map(([host, port]) => host + port);
const network = fc.oneof(
  fc.constantFrom("none", "model", "open"),
  fc.array(hostRule, { maxLength: 4 }).map((allow) => ({ allow })),
);
const settings = fc.record({
  enabled: inFile(fc.boolean()),
  profile: inFile(fc.constantFrom(...sandboxProfiles)),
  allow_read: allowed,
  deny_read: inFile(fc.array(writtenPath, { maxLength: 4 })),
  allow_write: inFile(
    fc.array(
      fc.oneof(
        fc.constant("/tmp"),
        writtenPath.filter((path) => path !== "/home"),
      ),
      { maxLength: 4 },
    ),
  ),
  network: inFile(network),
  isolate_pid: inFile(fc.boolean()),
  max_processes: inFile(fc.integer({ min: 32, max: 9999 })),
  max_open_files: inFile(fc.integer({ min: 256, max: 99_999 })),
  max_memory: inFile(fc.constantFrom("768M", "1G", "64G", 1073741824)),
  tmp_size: inFile(fc.constantFrom("1M", "1G", "64G")),
  env: inFile(fc.array(fc.constantFrom("LANG", "TERM", "FOO", "CI", "GITHUB_TOKEN"), { maxLength: 4 })),
  allow_no_sandbox: inFile(fc.boolean()),
});
type Settings = Parameters<typeof toToml>[0];

function toToml(file: Record<string, unknown>): string {
  const value = (one: unknown): string =>
    typeof one === "object" && one !== null && !Array.isArray(one) && "allow" in one
      ? `{ allow = ${JSON.stringify(one.allow)} }`
      : JSON.stringify(one);
  return Object.entries(file)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => `${key} = ${value(one)}\n`)
    .join("");
}

const userSide = (file: Settings, flag?: SandboxProfile) =>
  userPolicy(places, checkPolicyText(toToml(file), "user.toml", HOME), flag, []);
const workspaceFile = (file: Settings) => checkPolicyText(toToml(file), "ws.toml", HOME, WORKSPACE);
const merge = (user: Settings, workspace: Settings) =>
  narrowByWorkspace(userSide(user), workspaceFile(workspace), places, []).policy;

/** Everything of the world that a policy allows. */
function rights(policy: SandboxPolicy): Set<string> {
  const about = { policy, origins: {}, workspace: WORKSPACE, home: HOME, readOnly: [] };
  const paths = WORLD.flatMap((path) => {
    const { read, write } = explainPath(about, path);
    return [
      ...(read.answer === "allowed" ? [`read ${path}`] : []),
      ...(write.answer === "allowed" ? [`write ${path}`] : []),
    ];
  });
  const hosts = HOSTS.flatMap((host) =>
    PORTS.filter((port) => explainHost(about, host, port).answer === "allowed").map(
      (port) => `connect ${host}:${port}`,
    ),
  );
  return new Set([
    ...paths,
    ...hosts,
    ...policy.env.map((name) => `env ${name}`),
    ...(policy.allowWrite.includes("/tmp") ? ["own /tmp"] : []),
    ...(policy.network.kind === "none" ? [] : ["the model's hosts"]),
    ...(policy.network.kind === "open" ? ["everything of the network"] : []),
    ...(policy.isolatePid ? [] : ["other processes"]),
    ...(policy.enabled ? [] : ["no sandbox"]),
    ...(policy.allowNoSandbox ? ["--no-sandbox"] : []),
  ]);
}

function assertWithin(inner: SandboxPolicy, outer: SandboxPolicy, what: string): void {
  const allowed = rights(outer);
  assert.deepEqual(
    [...rights(inner)].filter((right) => !allowed.has(right)),
    [],
    what,
  );
  for (const limit of ["maxProcesses", "maxOpenFiles", "maxMemory", "tmpSize"] as const)
    assert.ok(inner[limit] <= outer[limit], `${what}: ${limit}`);
}

test("a merged policy allows nothing that the user's refuses", () => {
  fc.assert(
    fc.property(settings, settings, (user, workspace) => {
      assertWithin(merge(user, workspace), userSide(user).policy, "beyond the user's");
    }),
    { numRuns: LONG ? 500 : 60 },
  );
});

test("nor what the workspace's refuses", () => {
  fc.assert(
    fc.property(settings, settings, (user, workspace) => {
      const merged = merge(user, workspace);
      const { settings: said } = workspaceFile(workspace);
      // What a file doesn't say, it doesn't refuse: a policy that allows all but what is said.
      const top: SandboxPolicy = {
        ...profilePolicy("minimal", places),
        denyRead: [],
        allowWrite: [...WORLD, ...userSide(user).policy.allowWrite],
        network: { kind: "open" },
        isolatePid: false,
        maxProcesses: Number.MAX_SAFE_INTEGER,
        maxOpenFiles: Number.MAX_SAFE_INTEGER,
        maxMemory: Number.MAX_SAFE_INTEGER,
        tmpSize: Number.MAX_SAFE_INTEGER,
        env: [...userSide(user).policy.env],
        allowNoSandbox: true,
      };
      const { enabled, profile, allowNoSandbox: _, ...restrictions } = said;
      // Roots inside of what "/" leaves out are the user's to open.
      const read = [...top.read, ...userSide(user).policy.read];
      assertWithin(
        merged,
        { ...top, read, ...restrictions, enabled: enabled === true },
        "beyond the workspace's",
      );
      if (profile === "strict" && userSide(user).policy.profile !== "strict")
        assertWithin(
          merged,
          { ...profilePolicy("strict", places), allowNoSandbox: true },
          "beyond its profile",
        );
    }),
    { numRuns: LONG ? 500 : 60 },
  );
});

test("two whole policies: the merged one allows what both allow, and no more", () => {
  fc.assert(
    fc.property(settings, settings, (one, other) => {
      const [a, b] = [userSide(one).policy, userSide(other).policy];
      const merged = narrow(a, b, HOME);
      assertWithin(merged, a, "beyond the first");
      assertWithin(merged, { ...b, allowNoSandbox: true }, "beyond the second");
      assert.deepEqual(rights(narrow(a, a, HOME)), rights(a), "with itself nothing changes");
      const [ra, rb, both] = [rights(a), rights(b), rights(merged)];
      // Nothing is lost by accident either, but for the right to do without, which is the first's alone.
      const lost = [...ra].filter(
        (right) => rb.has(right) && !both.has(right) && !/^(read|no sandbox|--no)/.test(right),
      );
      assert.deepEqual(lost, []);
    }),
    { numRuns: LONG ? 300 : 40 },
  );
});

test("a flag never weakens what the user's file demands, and the files never what the flag says", () => {
  fc.assert(
    fc.property(settings, fc.constantFrom(...sandboxProfiles), (user, flag) => {
      const { policy } = userSide(user, flag);
      assert.equal(policy.enabled, true);
      if (user.enabled === true && user.allow_no_sandbox !== true)
        assertWithin(policy, userSide(user).policy, "beyond the user's file");
      if (flag === "strict" && user.profile !== "strict")
        assertWithin(policy, { ...profilePolicy("strict", places), allowNoSandbox: true }, "beyond strict");
    }),
    { numRuns: LONG ? 300 : 40 },
  );
});

const NONE: Settings = {};
test("denials come together, allowances are what both have, limits the lower ones", () => {
  const merged = merge(
    {
      allow_write: ["~/.cargo", "~/.npm", "/tmp"],
      deny_read: ["/var/data"],
      network: { allow: ["*.github.com", "pypi.org"] },
      max_processes: 512,
      max_memory: "4G",
      env: ["LANG", "FOO"],
      isolate_pid: false,
      expose_credentials: ["amazon-bedrock", "google-vertex"],
    },
    {
      allow_write: ["~/.cargo/registry", "/srv"],
      deny_read: [".env"],
      network: { allow: ["api.github.com:443", "evil.test"] },
      max_processes: 9000,
      max_memory: "1G",
      env: ["FOO", "GITHUB_TOKEN"],
      expose_credentials: ["amazon-bedrock", "anthropic"],
      isolate_pid: true,
    },
  );
  assert.deepEqual(merged.allowWrite, ["/home/me/.cargo/registry"]);
  assert.ok(merged.denyRead.includes("/var/data") && merged.denyRead.includes(`${WORKSPACE}/.env`));
  assert.deepEqual(merged.network, { kind: "hosts", allow: [{ host: "api.github.com", port: 443 }] });
  assert.deepEqual([merged.maxProcesses, merged.maxMemory], [512, 1024 ** 3]);
  assert.deepEqual(merged.env, ["FOO"]);
  assert.deepEqual(merged.exposeCredentials, ["amazon-bedrock"]);
  assert.equal(merged.isolatePid, true);
});

test("networks: none is narrower than model, model than named hosts, these than open", () => {
  const hosts = { allow: ["pypi.org"] };
  const order = ["none", "model", hosts, "open"];
  for (const [i, user] of order.entries()) {
    for (const [j, workspace] of order.entries()) {
      const { policy } = userSide({ network: order[Math.min(i, j)] });
      assert.deepEqual(merge({ network: user }, { network: workspace }).network, policy.network);
    }
  }
  const disjoint: NetworkPolicy = merge({ network: hosts }, { network: { allow: ["crates.io"] } }).network;
  assert.deepEqual(disjoint, { kind: "model" });
});

test("a workspace's weaker profile changes nothing, a stricter one holds whole", () => {
  for (const profile of ["minimal", "development"]) {
    assert.deepEqual(merge({ profile: "development" }, { profile }), merge({ profile: "development" }, NONE));
  }
  const { summary: _, ...strict } = { summary: "", ...profilePolicy("strict", places) };
  const merged = merge({ profile: "development" }, { profile: "strict" });
  assert.deepEqual(
    { ...merged, env: merged.env.toSorted(), read: merged.read.toSorted() },
    { ...strict, env: strict.env.toSorted(), read: strict.read.toSorted(), allowNoSandbox: true },
  );
});

test("enabled can be turned on by a workspace and not off; allow_no_sandbox isn't its to say", () => {
  assert.equal(merge({ enabled: true }, { enabled: false }).enabled, true);
  assert.equal(merge({}, { enabled: true }).enabled, true);
  assert.equal(merge({ enabled: true }, { allow_no_sandbox: true }).allowNoSandbox, false);
  assert.equal(
    merge({ enabled: true, allow_no_sandbox: true }, { allow_no_sandbox: false }).allowNoSandbox,
    true,
  );
  assert.equal(merge({}, { enabled: true }).allowNoSandbox, true, "who hasn't demanded it may do without");
  const warnings: string[] = [];
  const file = workspaceFile({ enabled: false, profile: "minimal", allow_no_sandbox: true });
  narrowByWorkspace(userSide({ enabled: true }), file, places, warnings);
  assert.deepEqual(
    warnings.map((text) => /^ws\.toml:(\d): (\S+)/.exec(text)?.slice(1)),
    [
      ["3", "allow_no_sandbox"],
      ["1", "enabled"],
    ],
  );
});

const root = mkdtempSync(join(tmpdir(), "pictl-policy-"));
after(() => rmSync(root, { recursive: true, force: true }));

function tree(name: string, files: Record<string, string>) {
  const home = join(root, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  const environment = { HOME: home };
  return { home, env: environment, paths: resolvePaths(environment, 1000) };
}

test("every file between the home and the directory restricts, with the line that says so", async () => {
  const place = tree("nested", {
    ".config/pictl/sandbox.toml": 'enabled = true\n# mine\nallow_write = ["~/.cargo", "/tmp"]\n',
    "repo/.git/HEAD": "",
    "repo/.pictl/sandbox.toml": 'deny_read = ["keys"]\nallow_write = ["~/.cargo/git"]\n',
    "repo/sub/.pictl/sandbox.toml": "\nmax_processes = 100\n",
    ".pictl/sandbox.toml": 'network = "none"\n',
  });
  const { policy, origins, files, warnings } = await loadPolicy({
    ...place,
    workspace: join(place.home, "repo/sub"),
  });
  const user = join(place.home, ".config/pictl/sandbox.toml");
  const repo = join(place.home, "repo/.pictl/sandbox.toml");
  const sub = join(place.home, "repo/sub/.pictl/sandbox.toml");
  assert.deepEqual(files, [user, join(place.home, ".pictl/sandbox.toml"), repo, sub]);
  assert.deepEqual(warnings, []);
  assert.equal(policy.network.kind, "none", "the repository ends at its root, and what restricts it doesn't");
  assert.deepEqual(policy.allowWrite, [join(place.home, ".cargo/git")]);
  assert.deepEqual(origins.enabled, { from: "user", path: user, line: 1 });
  assert.deepEqual(origins.maxProcesses, { from: "workspace", path: sub, line: 2 });
  assert.deepEqual(origins[`denyRead ${join(place.home, "repo/keys")}`], {
    from: "workspace",
    path: repo,
    line: 1,
  });
  assert.deepEqual(origins[`allowWrite ${join(place.home, ".cargo/git")}`], {
    from: "workspace",
    path: repo,
    line: 2,
  });
  assert.deepEqual(origins.maxMemory, { from: "profile", profile: "development" });
  for (const { name, key } of policyLines(policy))
    assert.ok(origins[name] ?? (key === "denyRead" && origins.denyRead), `${name} has an origin`);
});

test("without files a sandbox is off, and the flag turns it on", async () => {
  const place = tree("none", { "repo/x": "" });
  const workspace = join(place.home, "repo");
  const off = await loadPolicy({ ...place, workspace });
  assert.deepEqual([off.policy.enabled, off.policy.profile, off.files], [false, "development", []]);
  const on = await loadPolicy({ ...place, workspace, profile: "strict" });
  assert.deepEqual([on.policy.enabled, on.policy.profile], [true, "strict"]);
  assert.deepEqual([on.origins.enabled, on.origins.profile], [{ from: "flag" }, { from: "flag" }]);
});

test("the flag's profile takes the place of the file's, unless the file demands a stricter one", async () => {
  const files = (text: string) => ({ ".config/pictl/sandbox.toml": text, "repo/x": "" });
  const load = async (name: string, text: string, profile: SandboxProfile) => {
    const place = tree(name, files(text));
    return loadPolicy({ ...place, workspace: join(place.home, "repo"), profile });
  };
  const free = await load("free", 'profile = "strict"\nmax_processes = 77\n', "minimal");
  assert.deepEqual([free.policy.profile, free.policy.home], ["minimal", "read"]);
  assert.equal(free.policy.maxProcesses, 77, "the rest of the file holds");
  const demanded = await load("demanded", 'enabled = true\nprofile = "strict"\n', "minimal");
  assert.deepEqual([demanded.policy.profile, demanded.policy.home], ["strict", "empty"]);
  assert.match(demanded.warnings.join(), /--sandbox minimal changes nothing/);
  const allowing = await load(
    "allowing",
    'enabled = true\nprofile = "strict"\nallow_no_sandbox = true\n',
    "minimal",
  );
  assert.equal(allowing.policy.profile, "minimal");
  const narrowed = await load("narrowed", 'enabled = true\nallow_write = ["~/.x"]\n', "strict");
  assert.deepEqual([narrowed.policy.profile, narrowed.policy.allowWrite], ["strict", []]);
});
