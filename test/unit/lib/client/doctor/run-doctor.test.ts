import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { DoctorFacts } from "../../../../../src/lib/client/doctor/facts.ts";
import { isHealthy } from "../../../../../src/lib/client/doctor/finding.ts";
import { runDoctor } from "../../../../../src/lib/client/doctor/run-doctor.ts";
import { PictlError } from "../../../../../src/lib/core/errors.ts";
import { healthyFacts, OWN, RUNNING, temporaryDirectory } from "./doctor-fixture.ts";

test("on a machine where all is well every check says ok, with what it found", async (t) => {
  const root = temporaryDirectory(t);
  const facts = healthyFacts(root);
  for (const dir of [
    facts.paths.stateDir,
    facts.paths.dataDir,
    facts.paths.configDir,
    facts.paths.runtimeDir,
  ]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  const findings = await runDoctor(facts);
  assert.deepEqual(
    findings.filter(({ status, check }) => status !== "ok" && check !== "disk"),
    [],
  );
  assert.deepEqual(
    findings.map(({ check }) => check),
    [
      "node",
      "pi",
      "programs",
      "pi-files",
      "config",
      "config-directory",
      "socket",
      "state",
      "data",
      "disk",
      "credentials",
      "daemon",
      "limits",
      "orphans",
    ],
  );
  const said = findings.map(({ message }) => message).join("\n");
  for (const value of [
    "24.21.0",
    "/usr/bin/node",
    "1.5.2",
    "/usr/bin/pi",
    "first pi on PATH",
    "OPENAI_API_KEY is set",
    "4711",
  ]) {
    assert.ok(said.includes(value), `${value} is missing in:\n${said}`);
  }
  assert.ok(!said.includes("plain-secret-value"));
  assert.deepEqual(readdirSync(facts.paths.stateDir), [], "it left its temporary file");
});

test("where nothing exists yet nothing is made, and no daemon is no fault", async (t) => {
  const root = temporaryDirectory(t);
  const findings = await runDoctor({ ...healthyFacts(root), daemon: { state: "absent" } });
  assert.deepEqual(
    findings.filter(({ status, check }) => status !== "ok" && check !== "disk"),
    [],
  );
  assert.match(findings.find(({ check }) => check === "daemon")?.message ?? "", /Not running/);
  assert.deepEqual(readdirSync(root), []);
});

test("whatever isn't ok says what to do", async (t) => {
  const facts = healthyFacts(temporaryDirectory(t));
  const { paths } = facts;
  mkdirSync(paths.stateDir, { recursive: true });
  chmodSync(paths.stateDir, 0o755);
  mkdirSync(paths.configDir, { recursive: true });
  chmodSync(paths.configDir, 0o777);
  writeFileSync(paths.config, "oops = 1\n");
  writeFileSync(paths.dataDir, "a file in its place");
  mkdirSync(paths.runtimeDir, { recursive: true });
  chmodSync(paths.runtimeDir, 0o755);
  const error = new PictlError("PI_TOO_OLD", "pi 0.1.0 is too old.", { hint: "Update it." }).toBody();
  const findings = await runDoctor({
    ...facts,
    env: { HOME: facts.cwd },
    node: { version: "20.20.0", path: "/usr/bin/node" },
    daemon: {
      ...RUNNING,
      version: "1.1.0",
      pi: { error },
      orphans: [
        { pid: 12, daemonPid: 11 },
        { pid: 13, daemonPid: 11 },
      ],
    },
    limits: { shell: { nofile: [1024, null] }, daemon: { nofile: [256, 256] } },
  });
  const byCheck = new Map(findings.map((finding) => [finding.check, finding]));
  const expected: Record<string, [status: string, message: RegExp, hint: RegExp]> = {
    node: ["error", /20\.20\.0.*older than 22\.19/, /Install Node/],
    pi: ["error", /0\.1\.0 is too old/, /Update it/],
    config: ["error", /config\.toml:1: oops: unknown key/, /configuration\.md/],
    "config-directory": ["warning", /mode 777/, /chmod go-w/],
    socket: ["error", /open to other users/, /chmod 700/],
    state: ["warning", /open to other users \(mode 755\)/, /chmod 700/],
    data: ["error", /not a directory/, /PICTL_HOME/],
    credentials: ["warning", /No provider's variable/, /ANTHROPIC_API_KEY.*\/login.*scripted\/echo/],
    daemon: ["warning", /pictl 1\.1\.0: this is 1\.2\.0/, /pictl daemon restart/],
    limits: ["warning", /nofile 256, not unlimited/, /pictl daemon restart/],
    orphans: ["warning", /2 agents.*\(11\): process 12, 13/, /kill 12 13/],
  };
  for (const [check, [status, message, hint]] of Object.entries(expected)) {
    const finding = byCheck.get(check);
    assert.equal(finding?.status, status, check);
    assert.match(finding?.message ?? "", message, check);
    assert.match(finding?.hint ?? "", hint, check);
  }
});

test("a place that can't be made is an error of that check alone", async (t) => {
  const facts = healthyFacts(temporaryDirectory(t));
  writeFileSync(dirname(facts.paths.stateDir), "a file where PICTL_HOME should be");
  const findings = await runDoctor(facts);
  const failed = findings
    .filter(({ status, check }) => status === "error" && check !== "disk")
    .map(({ check }) => check);
  assert.deepEqual(failed, ["socket", "state", "data"]);
});

test("a daemon that can't be reached is an error with its own hint; what it alone knows is not guessed", async (t) => {
  const error = new PictlError("DAEMON_START_FAILED", "It did not start.", {
    hint: "The end of the log: …",
  }).toBody();
  const findings = await runDoctor({
    ...healthyFacts(temporaryDirectory(t)),
    daemon: { state: "failed", error },
  });
  const daemon = findings.find(({ check }) => check === "daemon");
  assert.deepEqual(daemon, {
    check: "daemon",
    status: "error",
    message: "It did not start.",
    hint: "The end of the log: …",
  });
  for (const check of ["pi", "orphans"])
    assert.match(findings.find((f) => f.check === check)?.message ?? "", /^Not checked/);
});

test("another build of the same version is a skew too", async (t) => {
  const facts: DoctorFacts = { ...healthyFacts(temporaryDirectory(t)), daemon: { ...RUNNING, build: "def" } };
  const daemon = (await runDoctor(facts)).find(({ check }) => check === "daemon");
  assert.equal(daemon?.status, "warning");
  assert.match(daemon?.message ?? "", new RegExp(`def.*${OWN.build}`));
});

test("a system that doesn't tell about orphans is no fault", async (t) => {
  const facts: DoctorFacts = {
    ...healthyFacts(temporaryDirectory(t)),
    daemon: { ...RUNNING, orphans: undefined },
  };
  const orphans = (await runDoctor(facts)).find(({ check }) => check === "orphans");
  assert.deepEqual(
    [orphans?.status, orphans?.message.startsWith("Not checked on this system")],
    ["ok", true],
  );
});

test("a check that fails by itself hides no other one", async (t) => {
  const facts = healthyFacts(temporaryDirectory(t));
  const findings = await runDoctor({
    ...facts,
    env: { ...facts.env, PI_CODING_AGENT_DIR: "file://other-host/x" },
  });
  assert.equal(findings.length, 14);
  assert.match(findings.find(({ check }) => check === "credentials")?.message ?? "", /can't be checked/);
});

test("all is well only without errors and warnings", () => {
  const ok = { check: "a", status: "ok", message: "" } as const;
  assert.equal(isHealthy([ok]), true);
  assert.equal(isHealthy([ok, { ...ok, status: "warning" }]), false);
  assert.equal(isHealthy([ok, { ...ok, status: "error" }]), false);
});

test("the file of the workspace is read and named", async (t) => {
  const facts = healthyFacts(temporaryDirectory(t));
  const workspace = join(facts.cwd, ".pictl", "config.toml");
  mkdirSync(dirname(workspace));
  writeFileSync(workspace, 'agent.command = "/tmp/x"\n');
  const config = (await runDoctor(facts)).find(({ check }) => check === "config");
  assert.equal(config?.status, "error");
  assert.ok(
    config?.message.startsWith(`${workspace}:1: agent: can't be set by a workspace`),
    config?.message,
  );
});

test("Node and pictl aren't to be where sandboxed agents can write, and PATH's entries there are named", async (t) => {
  const root = temporaryDirectory(t);
  const facts = { ...healthyFacts(root), agentPlaces: ["/w"] };
  const look = async (more: Partial<DoctorFacts>) =>
    (await runDoctor({ ...facts, ...more })).find(({ check }) => check === "programs");
  const node = await look({ node: { version: "24.21.0", path: "/w/.venv/bin/node" } });
  assert.match(`${node?.status} ${node?.message}`, /^error Node is \/w\/\.venv\/bin\/node.* write to \/w:/);
  assert.equal((await look({ package: "/w/node_modules/pictl" }))?.status, "error");
  const path = await look({ env: { ...facts.env, PATH: "/w/.venv/bin::/usr/bin" } });
  assert.match(
    `${path?.status} ${path?.message}`,
    /^ok .*aren't taken from PATH's \/w\/\.venv\/bin, the empty entry\./,
  );
  assert.match((await look({}))?.message ?? "", /No sandboxed agent/);
});
