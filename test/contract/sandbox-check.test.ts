import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { sandboxProfiles } from "../../src/lib/core/choices.ts";
import { type Paths, resolvePaths } from "../../src/lib/core/paths.ts";
import { type CheckReport, checkSandbox } from "../../src/lib/sandbox/check/check.ts";
import { ROWS } from "../../src/lib/sandbox/check/rows.ts";
import { gapsOf, mergeGaps } from "../../src/lib/sandbox/check/settings.ts";
import { ownNamespaces, refusal } from "../../src/lib/sandbox/inside/refuse-outside.ts";
import { OrdinaryUser } from "../support/ordinary-user.ts";
import { LONG, scaled } from "../support/speed.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROBE = join(ROOT, "src/lib/sandbox/inside/probe.ts");
const PICTL = join(ROOT, "bin/run.js");

const home = mkdtempSync(join(tmpdir(), "pictl-check-"));
after(() => rmSync(home, { recursive: true, force: true }));

function paths(): Paths {
  return resolvePaths({ ...process.env, PICTL_HOME: home });
}

function check(options: Partial<Parameters<typeof checkSandbox>[0]>): Promise<CheckReport> {
  const defaults = { cwd: home, home: homedir(), env: process.env, paths: paths(), agentPlaces: [] };
  return checkSandbox({ ...defaults, ...options });
}

function table({ rows }: CheckReport): string {
  return rows
    .map(({ id, status, seen, control }) => `${id} ${status}: ${seen} (control: ${control})`)
    .join("\n");
}

describe("the probe", () => {
  const own = ownNamespaces();
  const elsewhere = Object.fromEntries(Object.keys(own).map((name) => [name, `${name}:[1]`]));
  const cases: Record<string, string | undefined> = {
    "without being told what is outside": undefined,
    "in the same namespaces": JSON.stringify({ outside: own }),
    "with wrong namespaces, where it is not in a sandbox": JSON.stringify({ outside: elsewhere }),
    ...(LONG
      ? {
          "with something that isn't JSON": "outside",
          "with nothing known of outside": JSON.stringify({ outside: {} }),
          "in the same namespaces, said to be shared": JSON.stringify({
            outside: own,
            shared: Object.keys(own),
          }),
        }
      : {}),
  };
  for (const [name, argument] of Object.entries(cases)) {
    test(`refuses to run ${name}`, () => {
      // A row that would be harmless, should it be tried after all.
      const input = JSON.stringify({ inside: {}, rows: [{ id: "capabilities", as: "attempt" }] });
      const args = argument === undefined ? [PROBE] : [PROBE, argument];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: "utf8" });
      assert.match(stderr, /refuses to run/);
      assert.equal(stdout, "");
      assert.equal(status, 86);
    });
  }

  test("has a reason not to run where a single namespace is the same or isn't known", () => {
    assert.equal(refusal(elsewhere, own), undefined);
    assert.match(refusal({}, own) ?? "", /isn't known/);
    assert.match(refusal(own, own, Object.keys(own)) ?? "", /same user namespace/);
    for (const name of Object.keys(own)) {
      assert.match(
        refusal({ ...elsewhere, [name]: own[name] }, own) ?? "",
        new RegExp(`same ${name} namespace`),
      );
      const unknown = { ...elsewhere, [name]: undefined } as Record<string, string>;
      assert.match(refusal(unknown, own) ?? "", new RegExp(`${name} namespace outside isn't known`));
    }
  });
});

describe("pictl sandbox check", () => {
  /** What the command reports, in full. */
  const reported = (args: readonly string[], cwd?: string): CheckReport => {
    const { stdout, stderr } = pictl(["sandbox", "check", "--json", ...args], {}, cwd);
    assert.equal(stderr, "");
    return JSON.parse(stdout) as CheckReport;
  };

  // Development is what is tried where processes are seen, and minimal as an ordinary user.
  for (const profile of LONG ? sandboxProfiles : (["strict"] as const)) {
    test(`passes for ${profile} as whoever runs the tests`, () => {
      const report = reported(["--profile", profile]);
      assert.ok(report.ok, table(report));
      assert.equal(report.rows.length, ROWS.length);
      assert.equal(report.profile, profile);
    });
  }

  test("leaves nothing behind", () => {
    assert.deepEqual(readdirSync(paths().stateDir), []);
  });

  test("passes where processes are seen and nothing may be reached, and promises no more", () => {
    const cwd = join(home, "project");
    mkdirSync(join(home, "config"), { recursive: true });
    mkdirSync(cwd);
    const file = join(home, "config/sandbox.toml");
    writeFileSync(file, 'isolate_pid = false\nnetwork = "none"\n');
    try {
      const report = reported([], cwd);
      assert.ok(report.ok, table(report));
      assert.equal(report.profile, "development");
      const status = (id: string) => report.rows.find((row) => row.id === id)?.status;
      assert.deepEqual(
        [status("signal"), status("net-loopback"), status("gate-forbidden")],
        ["not promised", "held", "not promised"],
      );
    } finally {
      rmSync(file);
    }
  });

  describe("as an ordinary user", () => {
    let user: OrdinaryUser;
    before(() => {
      user = new OrdinaryUser();
    });
    after(() => user.remove());

    for (const profile of LONG ? sandboxProfiles : (["minimal"] as const)) {
      test(`passes for ${profile}, from a package`, async () => {
        const { code, stdout, stderr } = await user.pictl("sandbox", "check", "--profile", profile, "--json");
        assert.equal(code, 0, `${stderr}\n${stdout}`);
        const report = JSON.parse(stdout) as CheckReport;
        assert.match(report.user, /^user [1-9]/);
        assert.ok(report.ok, table(report));
      });
    }
  });

  test("refuses a policy with a mistake at once, naming the file itself, and leaves nothing", () => {
    const file = join(home, "project/.pictl/sandbox.toml");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, "foo = 1\n");
    try {
      const { status, stderr } = pictl(["sandbox", "check"], {}, join(home, "project"));
      assert.equal(status, 2);
      assert.ok(stderr.includes(`${file}:1: foo: unknown key`), stderr);
      assert.deepEqual(existsSync(paths().stateDir) ? readdirSync(paths().stateDir) : [], []);
    } finally {
      rmSync(join(home, "project"), { recursive: true });
    }
  });

  test("exits 7 with the line that installs it where there is no bubblewrap", () => {
    const { status, stdout } = pictl(["sandbox", "check", "--json"], { PATH: "/nonexistent" });
    const { error } = JSON.parse(stdout) as { error: { code: string; hint: string } };
    assert.equal(status, 7);
    assert.equal(error.code, "SANDBOX_UNAVAILABLE");
    assert.match(error.hint, /apt-get install bubblewrap/);
  });

  test("shows a table, and with --only the rows that are named", () => {
    const { status, stdout, stderr } = pictl(["sandbox", "check", "--only", "read-ssh,capabilities"]);
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /^RESULT +ROW +TRIED +EXPECTED +SEEN\n✔ held +read-ssh .*\n✔ held +capabilities .*\n/,
    );
    assert.match(stdout, /2 held, 0 failed, 0 inconclusive, 0 not promised\.\n$/);
  });

  test("names a row that doesn't exist", () => {
    const { status, stderr } = pictl(["sandbox", "check", "--only", "read-shh"]);
    assert.equal(status, 2);
    assert.match(stderr, /There is no row "read-shh"/);
  });

  test("lists its rows without trying anything", () => {
    const { status, stdout } = pictl(["sandbox", "check", "--list", "--json"], { PATH: "/nonexistent" });
    assert.equal(status, 0);
    const { rows } = JSON.parse(stdout) as { rows: { id: string }[] };
    assert.deepEqual(
      rows.map(({ id }) => id),
      ROWS.map(({ id }) => id),
    );
  });
});

function pictl(args: readonly string[], env: Record<string, string> = {}, cwd = home) {
  return spawnSync(process.execPath, [PICTL, ...args], {
    cwd,
    encoding: "utf8",
    timeout: scaled(60_000),
    env: { ...process.env, PICTL_HOME: home, NO_COLOR: "1", ...env },
  });
}

describe("each row fails when what it guards is taken away", { concurrency: 2 }, () => {
  const removable = ROWS.filter(({ guard }) => guard.always === undefined);
  const groups = [...Map.groupBy(removable, ({ guard }) => JSON.stringify(guard))];
  // Each guard by itself in the long form; else some of them, at once where they may be: on the machine's own network
  // the gates of several sandboxes would want the same port.
  const some = groups.filter((_, index) => index % 5 === 0);
  const [ofNetwork = [], others = []] = [true, false].map((expected) =>
    some.filter(([, [row]]) => (row?.guard.bubblewrap?.includes("net") ?? false) === expected),
  );
  const tried = LONG ? groups.map((group) => [group]) : [ofNetwork, others];
  for (const taken of tried) {
    test(taken.map(([name]) => name).join(", "), async () => {
      const rows = taken.flatMap(([, ofGuard]) => ofGuard);
      const report = await check({
        // Where everything can be read that isn't denied: in strict nothing is there to be denied.
        profile: "development",
        only: rows.map(({ id }) => id),
        without: (root) => rows.map(({ guard }) => gapsOf(guard, root)).reduce(mergeGaps),
      });
      for (const row of rows) {
        const result = report.rows.find(({ id }) => id === row.id);
        // What the machine refuses to everybody, or what only root could do, shows nothing here.
        const isMoot =
          result?.status === "not promised" &&
          /^no promise: (the machine|only root|no control group|none of them)/.test(result.expected);
        assert.ok(result?.status === "failed" || isMoot, table(report));
      }
      assert.equal(
        report.ok,
        report.rows.every(({ status }) => status === "not promised"),
      );
    });
  }

  test("those that can't fail say what holds them", () => {
    assert.deepEqual(
      ROWS.filter(({ guard }) => guard.always !== undefined).map(({ id }) => id),
      ["read-proc-root", "gate-port", "gate-metadata", "ptrace-host", "mknod", "proc-files", "setuid"],
    );
  });
});
