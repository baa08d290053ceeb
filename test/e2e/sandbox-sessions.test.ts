import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

const ECHO = ["--model", "scripted/echo"];
/** Also inside, where of a file only what its package has is seen. */
const FORGES = fileURLToPath(new URL("../fixtures/pi/forges-state.js", import.meta.url));
const SECRET = "not-for-the-agent-4711";

describe("the sessions of sandboxed agents", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
    place.shareCompileCache();
    execFileSync("git", ["init", "-q", place.cwd]);
    mkdirSync(join(place.root, ".ssh"));
    writeFileSync(join(place.root, ".ssh", "id_test"), SECRET);
  });
  afterEach(() => place.dispose());

  function projectSettings(settings: object): void {
    mkdirSync(join(place.cwd, ".pi"), { recursive: true });
    writeFileSync(join(place.cwd, ".pi", "settings.json"), JSON.stringify(settings));
  }

  it("have a directory of their own, whatever settings and variables say", async () => {
    symlinkSync(join(place.root, ".ssh"), join(place.cwd, "link"));
    const env = { PI_CODING_AGENT_SESSION_DIR: join(place.root, ".ssh") };
    const own = /\/pi\/sandboxed-sessions\/--[^/]*--\/([^/]*)\/files\/[^/]*_\1\.jsonl$/;
    const names = ["~/.ssh", ...(LONG ? ["sessions", "~", "link/new"] : []), undefined];
    for (const sessionDir of names) {
      if (sessionDir !== undefined) projectSettings({ sessionDir });
      else rmSync(join(place.cwd, ".pi"), { recursive: true });
      const options: { env?: Record<string, string> } = sessionDir === undefined ? { env } : {};
      await place.ok(["prompt", "--new", "--sandbox", "strict", ...ECHO, "hi"], options);
      const { session } = await place.ask("get_session", { cwd: place.cwd }, options.env);
      assert.match(session.file ?? "", own);
    }
    assert.deepEqual(readdirSync(join(place.root, ".ssh")), ["id_test"]);
    assert.equal(existsSync(join(place.cwd, "sessions")), false);
    // Found where the variable isn't set, too.
    await place.ask("close_session", { cwd: place.cwd });
    assert.match(await place.ok(["prompt", "again"]), /again/);
    assert.equal((await listed()).length, names.length);
  });

  async function show(session?: string): Promise<SessionInfo> {
    return (await place.ask("get_session", { cwd: place.cwd, sessionId: session })).session;
  }

  const listed = async () => (await place.ask("list_sessions", { cwd: place.cwd })).sessions;

  const seesKeys = async (session: string) =>
    (await place.run(["session", "bash", "-s", session, "cat ~/.ssh/id_test"])).stdout.includes(SECRET);

  it("keep their sandbox when the agent takes its file away, under another name or for good", async () => {
    await place.ok(["prompt", "--sandbox", "strict", ...ECHO, "first"]);
    const { id, file } = await show();
    const directory = dirname(file as string);
    const renamed = `2020-01-01T00-00-00-000Z_${id}.jsonl`;
    await place.run(["session", "bash", `mv ${file} ${directory}/${renamed}; kill -9 $PPID`]);
    assert.deepEqual(readdirSync(directory), [renamed]);
    await place.ask("close_session", { cwd: place.cwd });
    assert.equal((await listed()).length, 1);
    assert.match(await place.ok(["prompt", "second"]), /second/);
    const again = await show();
    assert.deepEqual([again.id, again.sandbox, again.messages], [id, "strict", 4]);
    assert.equal(await seesKeys(id), false);
    await place.run(["session", "bash", `rm ${directory}/${renamed}; kill -9 $PPID`]);
    await place.ok(["daemon", "restart"]);
    assert.match((await place.run(["prompt", "third"])).stderr, /is gone.*\[SESSION_FILE_LOST\]/);
    assert.deepEqual([(await show()).id, (await show()).sandbox], [id, "strict"]);
    assert.equal((await listed()).length, 1);
    await place.ok(["session", "delete", "--yes", "-s", id]);
    assert.equal((await place.run(["session", "show", "-s", id])).code, 4);
  });

  it("run in a sandbox, too, when somebody else has put their file there", async () => {
    const bare = writeSession(place, ["mine"]);
    await place.ok(["prompt", "--new", "--sandbox", "strict", ...ECHO, "first"]);
    const { id, file } = await show();
    const forged = "11111111-2222-4333-8444-555555555555";
    // In the workspace, where the project's settings then say that sessions are.
    const copy = (name: string, as: string) => `sed s/${id}/${as}/ ${file} > kept/2030-01-01_${name}.jsonl`;
    await place.ok(["session", "bash", `mkdir kept; ${copy(forged, forged)}; ${copy("another", bare)}`]);
    await place.ok(["session", "close"]);
    const { file: bareFile = "" } = await show(bare);
    place.env.PI_CODING_AGENT_SESSION_DIR = join(place.cwd, "kept");
    const sessions = await listed();
    assert.deepEqual(
      new Map(sessions.flatMap((each) => (each.copyOf === undefined ? [[each.id, each.sandbox]] : []))),
      new Map([
        [forged, "strict"],
        [id, "strict"],
        [bare, undefined],
      ]),
    );
    assert.match(await place.ok(["prompt", "-s", forged, "hello"]), /hello/);
    assert.equal(await seesKeys(forged), false);
    assert.match(
      await place.ok(["session", "show", "-s", forged]),
      /Sandbox: +strict[\s\S]*sandboxed agents could write/,
    );
    const copied = sessions.find((each) => each.copyOf !== undefined);
    assert.deepEqual([copied?.id, copied?.sandbox], [bare, "strict"]);
    assert.equal(bareFile, copied?.copyOf, "what is known has the last word");
    // Whoever knows it to be their own may say so.
    const running = await place.run(["prompt", "-s", forged, "--no-sandbox", "hello"]);
    assert.equal(running.code, 2, running.stderr);
    await place.ok(["session", "close", "-s", forged]);
    mkdirSync(place.paths.configDir, { recursive: true });
    const policy = join(place.paths.configDir, "sandbox.toml");
    writeFileSync(policy, "enabled = true\n");
    assert.equal((await place.run(["prompt", "-s", forged, "--no-sandbox", "hello"])).code, 7);
    rmSync(policy);
    assert.match(await place.ok(["prompt", "-s", forged, "--no-sandbox", "hello"]), /hello/);
    assert.equal(await seesKeys(forged), true);
  });

  it("are what the agent says of them only where that can be so", async () => {
    const project = join(place.agentDir, "sandboxed-sessions", `-${place.cwd.replaceAll("/", "-")}--`);
    const directory = `${project}/ID/files`;
    const keys = join(place.root, ".ssh");
    writeFileSync(join(keys, "empty_ID.jsonl"), "");
    const pi = { PICTL_PI: FORGES };
    const create = (forged: object) => {
      const env = { ...pi, PI_FORGED: JSON.stringify(forged) };
      return place.run(["session", "create", "--sandbox", "strict", ...ECHO], { env });
    };
    for (const [forged, problem] of [
      ...(LONG
        ? ([
            [{ sessionFile: join(keys, "id_test") }, /is not in its session directory/],
            [{ sessionFile: `${directory}/2030_ID` }, /isn't named for its session/],
          ] as const)
        : []),
      [{ sessionFile: join(keys, "x_ID.jsonl") }, /is not in its session directory/],
      [{ sessionFile: `${directory}/../../../.ssh/x_ID.jsonl` }, /is not in its session directory/],
      [{ sessionFile: `${directory}/2030_other.jsonl` }, /isn't named for its session/],
      [{ sessionFile: { path: "x" } }, /answered get_state with something else \(sessionFile: /],
      [{ sessionId: "another" }, /isn't the one it was started for/],
    ] as const) {
      const { code, stderr } = await create(forged);
      assert.equal(code, 6, stderr);
      assert.match(stderr, problem);
      assert.match(stderr, /AGENT_START_FAILED/);
    }
    assert.equal((await create({ sessionFile: `${directory}/2030_ID.jsonl` })).code, 0);
    assert.equal((await create({})).code, 0);
    const { id, file } = await show();
    assert.equal(file, undefined, "pi hasn't written it");
    await place.ok(["session", "close"]);
    // A link that its agent has put in the place of its file.
    const link = join(project, id, "files", `2030_${id}.jsonl`);
    symlinkSync(join(keys, "id_test"), link);
    const env = { ...pi, PI_FORGED: JSON.stringify({ sessionId: id, sessionFile: link }) };
    const { stderr } = await place.run(["session", "bash", "true"], { env });
    assert.match(stderr, /is not a regular file/);
    assert.deepEqual(readdirSync(keys).sort(), ["empty_ID.jsonl", "id_test"]);
  });

  it("have forks that are new and beside them", async () => {
    await place.ok(["prompt", "--sandbox", "strict", ...ECHO, "first"]);
    const { id } = await show();
    const clone = (forged: object) => {
      const env = { PICTL_PI: FORGES, PI_FORGED: JSON.stringify(forged) };
      return place.run(["session", "clone"], { env });
    };
    assert.match((await clone({ sessionId: id })).stderr, /isn't the one it was started for/);
    const outside = { sessionId: "new", sessionFile: join(place.root, ".ssh", "x_new.jsonl") };
    assert.match((await clone(outside)).stderr, /is not in its session directory/);
    // What it says of a copy, which would be removed when the copy is refused or was only a step.
    const key = join(place.root, ".ssh", "x_copy.jsonl");
    writeFileSync(key, "");
    const copy = { sessionId: "copy", sessionFile: key };
    const withCopy = (args: string[], forged: Record<string, object | string>) => {
      const texts = Object.entries(forged).map(([name, value]) => [
        name,
        typeof value === "string" ? value : JSON.stringify(value),
      ]);
      const env = { PICTL_PI: FORGES, ...Object.fromEntries(texts) };
      return place.run(["session", ...args, "--model", "scripted/echo"], { env });
    };
    const other = { ...copy, model: { provider: "other", id: "m" } };
    const { code, stderr } = await withCopy(["clone"], { PI_FORGED: other });
    assert.equal(code, 6, stderr);
    const forks = { PI_FORGED_FIRST: copy, PI_FORGED: { sessionId: "new" }, PI_FORGED_AFTER: "fork" };
    const forked = await withCopy(["fork", "--at", "1"], forks);
    assert.equal(forked.code, 6, forked.stderr);
    assert.equal(existsSync(key), true, "a file outside was removed");
    assert.equal((await listed()).length, 1);
  });

  it("are read only from regular files, and another kind of file disturbs no other session", async () => {
    const other = writeSession(place, ["other"]);
    await place.ok(["prompt", "--new", "--sandbox", "strict", ...ECHO, "first"]);
    const { id } = await show();
    const out = join(place.cwd, "out.jsonl");
    const exported = (format: string) => ["session", "export", "-s", id, "-f", format, "-o", out];
    const reading = [
      exported("jsonl"),
      ["prompt", "-s", id, "again"],
      ["session", "messages", "-s", id],
      ["session", "clone", "-s", id],
      ...["html", "md"].map(exported),
    ];
    const { file = assert.fail() } = await show(id);
    const saved = readFileSync(file);
    await place.run(["session", "bash", "-s", id, `rm -f ${file}; mkfifo ${file}; kill -9 $PPID`]);
    for (const what of ["pipe", "link"]) {
      if (what === "link") symlinkSync(join(place.root, ".ssh/id_test"), file);
      const sessions = await listed();
      assert.deepEqual(new Set(sessions.map((session) => session.id)), new Set([id, other]));
      // The other ways to read it are tried with the pipe.
      for (const args of what === "pipe" || LONG ? reading : reading.slice(0, 3)) {
        const { code, stderr, stdout } = await place.run(args);
        assert.equal(code, 1, `${what}, ${args}: ${stderr}`);
        assert.match(stderr, /is (not a regular file|a directory|a symbolic link).*\[STORAGE_UNAVAILABLE\]/);
        assert.doesNotMatch(stdout, new RegExp(SECRET));
        assert.equal(existsSync(out), false);
      }
      const found = await place.ask("search_history", { cwd: place.cwd, query: "other" });
      assert.equal(found.sessions, 1);
      assert.match((await place.turn({ sessionId: other, message: "more" })).text, /more/);
      rmSync(file);
    }
    assert.match((await place.run(["prompt", "-s", id, "again"])).stderr, /\[SESSION_FILE_LOST\]/);
    writeFileSync(file, saved);
    await place.ok(["prompt", "-s", id, "and on"]);
    await place.ok(["session", "export", "-s", id, "-f", "jsonl", "-o", out]);
    assert.match(readFileSync(out, "utf8"), /and on/);
    const kept = (await show(id)).file as string;
    const own = readFileSync(kept, "utf8");
    const ontoItself = await place.run(["session", "export", "--force", "-s", id, "-o", kept]);
    assert.match(ontoItself.stderr, /is the session's own file/);
    assert.equal(readFileSync(kept, "utf8"), own);
  });
});
