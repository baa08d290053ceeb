import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Agent } from "../../../../src/lib/agent/agent.ts";
import type { ChildSetting } from "../../../../src/lib/core/inherited.ts";
import type { SessionOptions } from "../../../../src/lib/protocol/session.ts";
import { agentKey } from "../../../../src/lib/session/agent-kind.ts";
import { fits, type Spare, SpareAgents } from "../../../../src/lib/session/spare-agents.ts";

const ENV = { PATH: "/bin", HOME: "/nowhere", API_KEY: "the-secret-value" };

interface Launch {
  argv?: string[];
  version?: string;
  args?: string[];
  options?: SessionOptions;
  env?: Record<string, string>;
  cwd?: string;
  inherited?: Partial<ChildSetting>;
}

function key({
  argv = ["/pi"],
  version = "1.0.0",
  args = ["--no-approve"],
  options = {},
  env = {},
  cwd = "/a",
  inherited = {},
}: Launch) {
  const setting = { umask: 0o22, limits: {}, prefix: [], ...inherited };
  return agentKey({ pi: { argv, version }, args, options, env: { ...ENV, ...env }, cwd, setting });
}

describe("agentKey", () => {
  const differing: Record<string, Launch> = {
    "another pi": { argv: ["/other/pi"] },
    "another version of it": { version: "1.0.1" },
    "other arguments": { args: ["--approve"] },
    "another value of a variable": { env: { API_KEY: "another" } },
    "a variable more": { env: { EXTRA: "" } },
    "another directory of pi's": { env: { PI_CODING_AGENT_DIR: "/pi" } },
    "another umask": { inherited: { umask: 0o77 } },
    "another limit": { inherited: { limits: { nofile: [64, 64] } } },
    "another session for its tools": { env: { PICTL_SESSION: "x" } },
  };
  for (const [name, launch] of Object.entries(differing)) {
    test(`differs with ${name}`, () => assert.notEqual(key(launch), key({})));
  }

  test("is the same whatever describes the moment and not the shell", () => {
    const env = { _: "/bin/pictl", PWD: "/a", OLDPWD: "/", SHLVL: "3", COLUMNS: "80", LINES: "24" };
    assert.equal(key({ env }), key({}));
    assert.equal(
      key({ env: { PICTL_AGENT_OF: "/run", PICTL_DAEMON_PID: "1", PICTL_AGENT_ID: "x" } }),
      key({}),
    );
  });

  test("holds no value of the environment", () => {
    assert.doesNotMatch(key({}), /secret/);
    assert.ok(key({}).length < 64);
  });

  test("is of one directory where something of it would stay in the process, else of any", () => {
    assert.equal(key({ cwd: "/b" }), key({ cwd: "/a" }));
    const bound: SessionOptions[] = [
      { approve: true },
      { piArgs: ["-e", "./x.ts"] },
      { systemPrompt: "SYSTEM.md" },
      { appendSystemPrompt: ["/x", "more"] },
    ];
    for (const options of bound) assert.notEqual(key({ options, cwd: "/b" }), key({ options, cwd: "/a" }));
    const absolute = { systemPrompt: "/x", appendSystemPrompt: ["/y"] };
    assert.equal(key({ options: absolute, cwd: "/b" }), key({ options: absolute, cwd: "/a" }));
  });

  test("is of one directory where pi has extensions, and differs with what pi reads only when it starts", (t) => {
    const dir = mkdtempSync(join(tmpdir(), "pictl-kind-"));
    t.after(() => rmSync(dir, { recursive: true }));
    const env = { PI_CODING_AGENT_DIR: dir };
    const settings = (value: object) => writeFileSync(join(dir, "settings.json"), JSON.stringify(value));
    assert.equal(key({ env, cwd: "/b" }), key({ env, cwd: "/a" }));
    const plain = key({ env });
    settings({ theme: "dark", defaultModel: "x" });
    assert.equal(key({ env }), plain);
    settings({ httpProxy: "http://p" });
    assert.notEqual(key({ env }), plain);
    settings({ packages: ["npm:x"] });
    assert.notEqual(key({ env, cwd: "/b" }), key({ env, cwd: "/a" }));
    settings({});
    mkdirSync(join(dir, "extensions"));
    assert.equal(key({ env, cwd: "/b" }), key({ env, cwd: "/a" }));
    writeFileSync(join(dir, "extensions", "x.ts"), "");
    assert.notEqual(key({ env, cwd: "/b" }), key({ env, cwd: "/a" }));
  });
});

describe("fits", () => {
  const wanted = { key: "k", cwd: "/a", model: "p/m", thinking: "high" };

  test("wants the same key, and of a model or level on pi's command line the session's own", () => {
    assert.equal(fits({ kind: { key: "k" } }, wanted), true);
    assert.equal(fits({ kind: { key: "other" } }, wanted), false);
    assert.equal(fits({ kind: { key: "k", model: "m" }, model: "p/m" }, wanted), true);
    assert.equal(fits({ kind: { key: "k", model: "m" }, model: "p/n" }, wanted), false);
    assert.equal(fits({ kind: { key: "k", model: "m" } }, { key: "k", cwd: "/a" }), false);
    assert.equal(fits({ kind: { key: "k", thinking: "high" } }, wanted), true);
    assert.equal(fits({ kind: { key: "k", thinking: "low" } }, wanted), false);
  });
});

describe("SpareAgents", () => {
  let pid = 0;
  const spare = (cwd = "/a", kind = "k"): Spare => {
    pid += 1;
    return { agent: { pid, hasEnded: false } as Agent, kind: { key: kind }, cwd };
  };

  test("gives one that fits, best of the same directory, and each only once", () => {
    const spares = new SpareAgents(3, 1_000, () => undefined);
    const [here, there, other] = [spare("/a"), spare("/b"), spare("/a", "other")];
    for (const each of [here, there, other]) spares.add(each);
    assert.equal(spares.claim({ key: "k", cwd: "/a" }), here);
    assert.equal(spares.claim({ key: "k", cwd: "/a" }), there);
    assert.equal(spares.claim({ key: "k", cwd: "/a" }), undefined);
    assert.deepEqual(spares.pids, [other.agent.pid]);
    spares.remove(other);
  });

  test("keeps no more than it may, the newest", () => {
    const ended: Spare[] = [];
    const spares = new SpareAgents(2, 1_000, (each) => ended.push(each));
    const all = [spare(), spare(), spare()];
    for (const each of all) spares.add(each);
    assert.deepEqual(ended, [all[0]]);
    assert.deepEqual(spares.pids, [all[1]?.agent.pid, all[2]?.agent.pid]);
    for (const each of all) spares.remove(each);
  });

  test("ends one that nobody takes in time", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const ended: Spare[] = [];
    const spares = new SpareAgents(2, 1_000, (each) => ended.push(each));
    const [left, taken] = [spare(), spare("/b")];
    spares.add(left);
    spares.add(taken);
    assert.equal(spares.claim({ key: "k", cwd: "/b" }), taken);
    context.mock.timers.tick(999);
    assert.deepEqual(ended, []);
    context.mock.timers.tick(1);
    assert.deepEqual(ended, [left]);
    assert.deepEqual(spares.pids, []);
  });

  test("gives none whose process has ended", () => {
    const spares = new SpareAgents(2, 1_000, () => undefined);
    const dead = { ...spare(), agent: { pid: 1, hasEnded: true } as Agent };
    spares.add(dead);
    assert.equal(spares.claim({ key: "k", cwd: "/a" }), undefined);
    spares.remove(dead);
  });
});
