import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DaemonStatus } from "../../src/lib/protocol/requests.ts";
import type { SessionInfo, SessionOptions } from "../../src/lib/protocol/session.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

const ECHO = ["--model", "scripted/echo"];
/** A pi that costs little, for what never comes to an agent. */
const INSTANT_PI = fileURLToPath(new URL("../fixtures/pi/instant.js", import.meta.url));
const SECRET = "not-for-the-agent-4711";

describe("a session in a sandbox", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
    place.shareCompileCache();
    execFileSync("git", ["init", "-q", place.cwd]);
    mkdirSync(join(place.root, ".ssh"));
    writeFileSync(join(place.root, ".ssh", "id_test"), SECRET);
  });
  afterEach(async () => {
    await place.dispose();
    assert.deepEqual(controlGroups(place), []);
  });

  function policy(text: string): void {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(join(place.paths.configDir, "sandbox.toml"), text);
  }

  async function show(session?: string): Promise<SessionInfo> {
    const target = session === undefined ? { cwd: place.cwd } : { sessionId: session };
    return (await place.ask("get_session", target)).session;
  }

  const status = (): Promise<DaemonStatus> => place.ask("get_daemon_status", {});

  async function statusWhen(what: (status: DaemonStatus) => boolean): Promise<void> {
    const client = await place.client();
    try {
      while (!what(await client.request("get_daemon_status", {}))) await setTimeout(20);
    } finally {
      client.close();
    }
  }

  it("runs its tools, writes in the workspace, and the transcript shows what was denied, in each profile", async () => {
    const model = place.scenario("sandbox-attempts.json");
    // The other two are those of sessions elsewhere, and what each denies is tried by the check of the sandbox.
    for (const profile of LONG ? ["minimal", "development", "strict"] : ["development"]) {
      rmSync(join(place.cwd, "inside.txt"), { force: true });
      await place.ok(["prompt", "--new", "--sandbox", profile, "--model", model, "go"]);
      const transcript = await place.ok(["session", "messages"]);
      assert.doesNotMatch(transcript, new RegExp(SECRET));
      assert.match(transcript, /id_test: (No such file or directory|Permission denied)/);
      assert.match(transcript, /pictl-outside: Read-only file system/);
      assert.match(transcript, /hooks\/pre-commit: Read-only file system/);
      assert.match(transcript, /cannot move '\.git'.*busy/);
      assert.equal(readFileSync(join(place.cwd, "inside.txt"), "utf8"), "written\n");
      assert.equal(existsSync(join(place.root, "outside.txt")), false);
      assert.equal((await show()).sandbox, profile);
    }
  });

  it("keeps other projects' sessions and variables of the shell out, and of what an option names lets files in, but no directories, nor what is denied", async () => {
    const others = join(place.agentDir, "sessions", "--other--");
    mkdirSync(others, { recursive: true });
    writeFileSync(join(others, "1.jsonl"), SECRET);
    writeFileSync(join(place.root, "named.md"), "a file of mine");
    mkdirSync(join(place.root, "docs"));
    writeFileSync(join(place.root, "docs/x"), SECRET);
    const files = ["named.md", "docs", ".ssh", ".ssh/id_test"].map((name) => join(place.root, name));
    const named = files.flatMap((file) => ["--skill", file]);
    const shell = { MY_TOKEN: SECRET, EDITOR: "vi" };
    await place.ok(["session", "create", "--sandbox", "strict", ...ECHO, "--", ...named], { env: shell });
    await place.turn({ cwd: place.cwd, message: "hello" }, shell);
    const look = [
      'env; cat /proc/*/environ; (cd "$PI_CODING_AGENT_DIR"; ls . */*; cat sessions/*/* */*/*/files/*)',
      `cat ${files[0]}; cat ${files[1]}/* ${files[2]}/*`,
    ];
    const seen = (await place.run(["session", "bash", look.join("; ")], { env: shell })).stdout;
    assert.match(seen, /of this|hello/);
    assert.match(seen, /a file of mine/);
    assert.doesNotMatch(seen, new RegExp(SECRET));
    assert.doesNotMatch(seen, /MY_TOKEN|EDITOR|--other--/);
    // Where all projects share one directory for their sessions.
    const shared = join(place.root, "all-sessions");
    const env = { PI_CODING_AGENT_SESSION_DIR: shared };
    mkdirSync(shared);
    writeFileSync(join(shared, "2026-01-01_11111111-2222-4333-8444-555555555555.jsonl"), SECRET);
    await place.ok(["prompt", "--new", "--sandbox", "strict", ...ECHO, "hello"], { env });
    await place.turn({ cwd: place.cwd, message: "again" }, env);
    const { stdout } = await place.run(["session", "bash", `cat ${shared}/*`], { env });
    assert.match(stdout, /No such file|Permission denied/);
    assert.doesNotMatch(stdout, new RegExp(SECRET));
  });

  it("goes on in its sandbox after git has replaced .git/config, its agent was killed, and the daemon was, and is forked, cloned, exported and found like any other", async () => {
    await place.ok(["prompt", "--sandbox", "strict", ...ECHO, "first"]);
    const before = (await show()).agentPid;
    await place.turn({ cwd: place.cwd, message: "second" });
    assert.equal((await show()).agentPid, before);
    execFileSync("git", ["config", "user.name", "me"], { cwd: place.cwd });
    await place.turn({ cwd: place.cwd, message: "once more" });
    const { agentPid, messages: sofar } = await show();
    assert.notEqual(agentPid, before);
    assert.equal(sofar, 6);
    const { stdout } = await place.run(["session", "bash", "echo '# mine' >> .git/config"]);
    assert.match(stdout, /Read-only file system/);
    assert.ok(agentPid);
    assert.equal(readFileSync(`/proc/${agentPid}/comm`, "utf8").startsWith("bwrap"), false);
    process.kill(agentPid, "SIGKILL");
    await statusWhen(({ agents }) => agents.length === 0);
    const daemon = place.daemonPid();
    assert.ok(daemon);
    process.kill(daemon, "SIGKILL");
    assert.match(await place.ok(["prompt", "three"]), /three/);
    const { sandbox, messages } = await show();
    assert.deepEqual({ sandbox, messages }, { sandbox: "strict", messages: 9 });
    assert.equal((await place.run(["session", "bash", "ls ~/.ssh"])).code !== 0, true);
    const { sandbox: old } = {
      sandbox: readdirSync(place.paths.runtimeDir).filter((name) => name.startsWith("sandbox-")),
    };
    assert.equal(old.length, 1, `what the killed daemon left was taken away: ${old}`);

    const { sessionId } = await place.json<{ sessionId: string }>(["session", "fork", "--at", "2"]);
    assert.equal((await show(sessionId)).sandbox, "strict");
    assert.match((await place.turn({ sessionId, message: "other" })).text, /other/);
    assert.equal((await place.run(["session", "bash", "-s", sessionId, "ls ~/.ssh"])).code !== 0, true);
    const clone = await place.ok(["session", "clone"]);
    assert.equal((await show(clone.trim())).sandbox, "strict");
    for (const format of ["html", "md", "json", "jsonl"] as const) {
      const outputPath = join(place.root, `out.${format}`);
      await place.ask("export_session", { cwd: place.cwd, format, outputPath });
      assert.match(readFileSync(outputPath, "utf8"), format === "html" ? /<html/ : /second/);
    }
    const { total } = await place.json<{ total: number }>(["history", "search", "second", "--role", "user"]);
    assert.equal(total, 1, "a prompt and its copies are one");
  });

  it("is parked, and its agent is never shared with another policy", async () => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, '[limits]\npark_after = "1s"\nspare_agents = 2\n');
    await place.ok(["daemon", "start"]);
    const talk = async (options: SessionOptions) => {
      const create = { options: { model: "scripted/echo", ...options } };
      const { sessionId: id } = await place.turn({ cwd: place.cwd, fresh: true, create, message: "hi" });
      return { id, pid: (await show(id)).agentPid };
    };
    const goOn = (sessionId: string) => place.turn({ sessionId, message: "again" });
    const spares = async (...pids: (number | undefined)[]) =>
      await statusWhen(({ spareAgents }) =>
        pids.every((pid) => spareAgents.some((spare) => spare.pid === pid)),
      );
    const bare = writeSession(place, ["hi"]);
    const minimal = await talk({ sandbox: "minimal" });
    const strict = await talk({ sandbox: "strict" });
    await spares(minimal.pid, strict.pid);
    const started = (await status()).agentsStarted;
    await goOn(bare);
    const { agentPid } = await show(bare);
    assert.ok(agentPid && agentPid !== minimal.pid && agentPid !== strict.pid);
    assert.equal((await status()).agentsStarted, started + 1);
    await goOn(minimal.id);
    assert.equal((await show(minimal.id)).agentPid, minimal.pid, "the same session: the spare goes on");
    // A policy that has changed since isn't that of the spare.
    policy('allow_write = ["/tmp"]\ndeny_read = ["/opt"]\n');
    await goOn(strict.id);
    const after = await show(strict.id);
    assert.ok(after.agentPid && after.agentPid !== strict.pid && after.agentPid !== minimal.pid);
    assert.equal(after.sandbox, "strict");
  });

  it("is what the user's sandbox.toml says, with its warnings, isn't left out in silence where the session has none, or another, and --no-sandbox is refused unless that allows it; its background commands end with it", async () => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, '[limits]\npark_after = "1s"\n');
    policy('enabled = true\nprofile = "strict"\nenv = ["FOO_TOKEN"]\n');
    const warning = /^Warning: .*sandbox\.toml:3: env passes FOO_TOKEN/m;
    const instant = { env: { PICTL_PI: INSTANT_PI } };
    assert.match((await place.run(["session", "create"], instant)).stderr, warning);
    const begun = await place.run(["prompt", "--new", "--sandbox", "strict", ...ECHO, "hi"]);
    assert.match(begun.stderr, warning);
    const again = await place.run(["prompt", "--sandbox", "strict", "again"]);
    assert.equal(again.code, 0, again.stderr);
    assert.doesNotMatch(again.stderr, warning);
    assert.equal((await place.run(["prompt", "--sandbox", "minimal", "hi"])).code, 7);
    // The session stays with its agent while a command of it runs in the background.
    await place.ok(["session", "bash", "sleep 1000 >/dev/null 2>&1 & echo started"]);
    const running = () => place.processes().filter(({ command }) => command.startsWith("sleep 1000"));
    // The shell has answered before its copy has become that program.
    while (running().length === 0) await setTimeout(20);
    await place.ok(["session", "close"]);
    assert.equal(running().length, 0);
    const bare = writeSession(place, ["hi"]);
    const none = await place.run(["prompt", "-s", bare, "--sandbox", "strict", "hi"]);
    assert.equal(none.code, 7);
    assert.match(none.stderr, /has no sandbox[\s\S]*--new --sandbox strict/);
    const { warnings } = await place.json<{ warnings: string[] }>(["session", "create"], instant);
    assert.equal(warnings.length, 1);
    assert.equal((await show()).sandbox, "strict");
    const refused = await place.json<{ error: { code: string } }>([
      "prompt",
      "--new",
      "--no-sandbox",
      ...ECHO,
      "hi",
    ]);
    assert.equal(refused.error.code, "SANDBOX_REQUIRED");
    assert.equal((await place.run(["session", "create", "--no-sandbox", ...ECHO])).code, 7);
    policy("enabled = true\nallow_no_sandbox = true\n");
    await place.ok(["session", "create", "--no-sandbox"], instant);
    assert.equal((await show()).sandbox, undefined);
  });

  it("is refused with the line that installs bubblewrap where there is none, with what bubblewrap says where that can't make it, and for the home", async () => {
    const bin = join(place.root, "bin");
    mkdirSync(bin);
    const env = { PATH: bin };
    for (const args of [
      ["session", "create", "--sandbox", "minimal", ...ECHO],
      ["prompt", "--sandbox", "strict", ...ECHO, "hi"],
    ]) {
      const { code, stderr, stdout } = await place.run(args, { env });
      assert.deepEqual({ code, stdout }, { code: 7, stdout: "" });
      assert.match(stderr, /bubblewrap[\s\S]*apt-get install bubblewrap/);
    }
    const document = await place.json<{ error: { code: string; hint: string } }>(
      ["prompt", "--sandbox", "strict", ...ECHO, "hi"],
      { env },
    );
    assert.equal(document.error.code, "SANDBOX_UNAVAILABLE");
    assert.equal((await status()).agentsStarted, 0, "nothing was started without one");
    const says = "bwrap: No permissions to create new namespace, likely because of the kernel";
    writeFileSync(join(bin, "bwrap"), `#!/bin/sh\necho "${says}" >&2\nexit 1\n`, { mode: 0o755 });
    const create = ["session", "create", "--sandbox", "minimal", ...ECHO];
    const broken = await place.run(create, { env: { PATH: `${bin}:${process.env.PATH}` } });
    assert.equal(broken.code, 7, broken.stderr);
    assert.match(broken.stderr, /No permissions to create new namespace[\s\S]*sysctl/);
    policy('deny_read = ["/usr"]\n');
    const denied = await place.run(create);
    assert.equal(denied.code, 7, denied.stderr);
    assert.match(denied.stderr, /SANDBOX_UNAVAILABLE/);
    const ofHome = await place.run(["prompt", "--sandbox", "strict", ...ECHO, "hi"], { cwd: place.root });
    assert.equal(ofHome.code, 7);
    assert.match(ofHome.stderr, /home/);
  });
});

/** Control groups of this place's daemon that outlived it. */
function controlGroups(place: Workspace): string[] {
  const pids = [...place.log().matchAll(/"pid":(\d+)/g)].map(([, pid]) => pid);
  const groups = existsSync("/sys/fs/cgroup/pids") ? readdirSync("/sys/fs/cgroup/pids") : [];
  return groups.filter((name) => pids.some((pid) => name.startsWith(`pictl-${pid}-`)));
}
