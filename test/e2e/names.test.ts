import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client } from "../../src/lib/client/client.ts";
import type { PictlError } from "../../src/lib/core/errors.ts";
import { sessionDirFor } from "../../src/lib/core/session-files/locate.ts";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

const ECHO = ["--model", "scripted/echo"];

interface ErrorDocument {
  error: { code: string; hint: string; details: { candidates?: { id: string; cwd: string }[] } };
}

describe("names of sessions", () => {
  let place: Workspace;
  let client: Client;
  /** Two plain directories, and a repository with a directory in it. */
  let a: string;
  let b: string;
  let repository: string;
  let below: string;
  before(async () => {
    place = new Workspace();
    [a, b, repository] = ["a", "b", "repo"].map((name) => join(place.root, name)) as [string, string, string];
    below = join(repository, "packages", "one");
    for (const dir of [a, b, below, join(repository, ".git")]) mkdirSync(dir, { recursive: true });
    await place.ok(["daemon", "start"]);
    client = await place.client();
  });
  after(async () => {
    client.close();
    await place.dispose();
  });

  const create = async (cwd: string, name: string) => {
    const options = { model: "scripted/echo" };
    return (await client.request("create_session", { cwd, name, options })).sessionId;
  };

  const shown = async (reference: string, cwd: string) =>
    (await client.request("get_session", { sessionId: reference, cwd })).session;

  async function refusal(
    args: string[],
    cwd: string,
  ): Promise<ErrorDocument["error"] & { exit: number | null }> {
    const { stdout, code } = await place.run([...args, "--json"], { cwd });
    return { ...(JSON.parse(stdout) as ErrorDocument).error, exit: code };
  }

  const refused = (request: Promise<unknown>) =>
    request.then(
      () => assert.fail("it was not refused"),
      (error: PictlError) => error,
    );

  /** As pi's own interface writes a session that was given a name there. */
  function writtenByPi(cwd: string, id: string, name: string): void {
    const dir = sessionDirFor(cwd, place.agentDir);
    mkdirSync(dir, { recursive: true });
    const timestamp = "2026-01-01T00:00:00.000Z";
    const lines = [
      { type: "session", version: 3, id, timestamp, cwd },
      { type: "session_info", id: "aaaaaaaa", parentId: null, timestamp, name },
    ];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileSync(join(dir, `2026-01-01T00-00-00-000Z_${id}.jsonl`), text);
  }

  it("are unique in a directory, however they are given, and free in another one", async () => {
    const first = await create(a, "cleanup");
    writeSession({ cwd: a, agentDir: place.agentDir }, ["hello"], { name: "other" });
    for (const args of [
      ["session", "create", "--name", "cleanup"],
      ["session", "create", "--name", " cleanup "],
      ["session", "rename", "-s", "other", "cleanup"],
      ["session", "clone", "other", "--name", "cleanup"],
      ["session", "fork", "other", "--at", "1", "--name", "cleanup"],
      ["prompt", "--new", "--name", "cleanup", "hi"],
      ["prompt", "--fork", "-s", "other", "--name", "cleanup", "hi"],
    ]) {
      const { code, exit, hint } = await refusal(args, a);
      assert.deepEqual([code, exit], ["NAME_TAKEN", 2], args.join(" "));
      assert.match(hint, /pictl session ensure cleanup/);
    }
    const { sessions } = await client.request("list_sessions", { cwd: a });
    assert.deepEqual(sessions.map(({ name }) => name).sort(), ["cleanup", "other"]);
    // A session keeps its own name.
    await place.ok(["session", "rename", "-s", first, "cleanup"], { cwd: a });
    const second = writeSession({ cwd: b, agentDir: place.agentDir }, ["hello"], { name: "cleanup" });
    assert.equal((await shown("cleanup", a)).id, first);
    assert.equal((await shown("cleanup", b)).id, second);
    const env = { PICTL_SESSION: "cleanup" };
    assert.match(await place.ok(["prompt", "in b"], { cwd: b, env }), /^echo: in b/);
    assert.equal((await shown(second, a)).messages, 4);
  });

  it("of another directory delete nothing: that takes the id", async () => {
    const id = writeSession({ cwd: a, agentDir: place.agentDir }, ["hello"], { name: "teardown" });
    const { code, exit, hint } = await refusal(["session", "delete", "teardown", "--yes"], b);
    assert.deepEqual([code, exit], ["SESSION_NOT_FOUND", 4]);
    assert.ok(hint.includes(`pictl session delete ${id}`), hint);
    assert.equal((await shown("teardown", a)).id, id);
    await place.ok(["session", "delete", id, "--yes"], { cwd: b });
  });

  it("of another directory are used where there is one, and stderr says which; several are listed", async () => {
    const id = await create(a, "only-a");
    for (const args of [
      ["prompt", "-s", "only-a", "over there"],
      ["session", "show", "only-a"],
      ["session", "wait", "only-a", "only-a"],
      ["history", "show", "only-a"],
      ["history", "search", "over", "--session", "only-a"],
    ]) {
      const { code, stderr } = await place.run(args, { cwd: b });
      assert.equal(code, 0, stderr);
      const told = stderr.split("\n").filter((line) => line.includes(`"only-a" of ${a} (${id})`));
      assert.equal(told.length, 1, `${args.join(" ")}: ${stderr}`);
      const here = await place.run(args, { cwd: a });
      assert.ok(!here.stderr.includes("Using session"), here.stderr);
    }
    // An id says what it is.
    assert.equal((await place.run(["session", "show", id], { cwd: b })).stderr, "");
    const error = await refusal(["session", "show", "cleanup"], place.cwd);
    assert.deepEqual([error.code, error.exit], ["SESSION_AMBIGUOUS", 4]);
    assert.deepEqual(error.details.candidates?.map(({ cwd }) => cwd).sort(), [a, b]);
    for (const { id, cwd } of error.details.candidates ?? [])
      assert.match(error.hint, new RegExp(`${id}  (now|\\d+[smh])  ${cwd}  cleanup`));
    assert.equal((await refusal(["history", "show", "nothing"], a)).code, "SESSION_NOT_FOUND");
  });

  it("belong to the whole repository, and list shows there what a prompt may continue", async () => {
    const root = await create(repository, "shared");
    assert.equal((await refusal(["session", "create", "--name", "shared"], below)).code, "NAME_TAKEN");
    const found = await place.run(["session", "show", "shared"], { cwd: below });
    assert.deepEqual([(await shown("shared", below)).id, found.stderr], [root, ""]);
    const listed = async (cwd: string) =>
      (await place.json<{ sessions: SessionInfo[] }>(["session", "list"], { cwd })).sessions
        .filter(({ current }) => current !== undefined)
        .map(({ id, current }) => ({ id, current }));
    assert.deepEqual(await listed(below), [{ id: root, current: true }]);
    const own = await create(below, "own");
    assert.deepEqual(await listed(below), [
      { id: own, current: true },
      { id: root, current: false },
    ]);
    assert.deepEqual(await listed(repository), [{ id: root, current: true }]);
    const { sessions } = await place.json<{ sessions: SessionInfo[] }>(["session", "list", "--all"]);
    assert.equal(sessions.find((session) => session.id === own)?.current, true, "seen from elsewhere");
    assert.match(await place.ok(["session", "list"], { cwd: below }), /DIRECTORY/);
    assert.equal((await shown("own", repository)).id, own);
  });

  it("ensure creates once, however many ask at once, and finds it afterwards", async () => {
    const options = { model: "scripted/echo", tools: "read,ls" };
    const request = { cwd: b, name: "many", options };
    const results = await Promise.all(
      Array.from({ length: 20 }, () => client.request("ensure_session", request)),
    );
    assert.equal(new Set(results.map(({ sessionId }) => sessionId)).size, 1);
    assert.equal(results.filter(({ created }) => created).length, 1);
    const [id] = results.map(({ sessionId }) => sessionId);
    assert.equal(await place.ok(["session", "ensure", "many"], { cwd: b }), id);
    const again = await place.json(["session", "ensure", "many", ...ECHO, "--tools", "ls, read"], { cwd: b });
    assert.deepEqual([again.sessionId, again.created], [id, false]);
    for (const [flags, code, exit] of [
      [["--tools", "read,bash"], "SESSION_DIFFERS", 2],
      [["--model", place.scenario("tools.json")], "SESSION_DIFFERS", 2],
      [["--approve"], "SESSION_DIFFERS", 2],
      [["--ephemeral"], "SESSION_DIFFERS", 2],
      [["--system-prompt", "Be a stone."], "SESSION_DIFFERS", 2],
      [["--sandbox", "strict"], "SANDBOX_REQUIRED", 7],
    ] as const) {
      const error = await refusal(["session", "ensure", "many", ...flags], b);
      assert.deepEqual([error.code, error.exit], [code, exit], flags.join(" "));
    }
    // What was changed since it was created is compared as it is now.
    const level = await place.ok(["session", "ensure", "level", ...ECHO, "--thinking", "high"], { cwd: b });
    await client.command("set_thinking_level", { sessionId: level, level: "low" });
    await client.request("close_session", { sessionId: level });
    const change = await refusal(["session", "ensure", "level", "--thinking", "high"], b);
    assert.equal(change.code, "SESSION_DIFFERS");
    assert.equal(await place.ok(["session", "ensure", "level", "--thinking", "low"], { cwd: b }), level);
    const { session } = await client.request("get_session", { sessionId: id });
    assert.deepEqual([session.model, session.sandbox], ["scripted/echo", undefined]);
  });

  it("of a session whose agent can't start are free again", async () => {
    const request = { cwd: b, name: "broken", options: { piArgs: ["--extension", "/nowhere/at-all.ts"] } };
    const results = await Promise.allSettled([1, 2, 3].map(() => client.request("ensure_session", request)));
    assert.deepEqual(
      results.map(({ status }) => status),
      ["rejected", "rejected", "rejected"],
    );
    const { created } = await client.request("ensure_session", {
      cwd: b,
      name: "broken",
      options: { model: "scripted/echo" },
    });
    assert.ok(created);
  });

  it("given by pi's own interface may be there twice: they are listed, and no third one is made", async () => {
    const ids = ["0199b1d2-0000-7000-8000-00000000000a", "0199b1d2-0000-7000-8000-00000000000b"];
    for (const id of ids) writtenByPi(a, id, "e\u0301tude");
    for (const args of [
      ["session", "show", "\u00e9tude"],
      ["session", "ensure", "\u00e9tude"],
    ]) {
      const error = await refusal(args, a);
      assert.equal(error.code, "SESSION_AMBIGUOUS");
      assert.deepEqual(error.details.candidates?.map(({ id }) => id).sort(), ids);
    }
    assert.equal((await refusal(["session", "create", "--name", "\u00e9tude"], a)).code, "NAME_TAKEN");
    await place.ok(["session", "rename", "-s", ids[0] ?? "", "etude"], { cwd: a });
    assert.equal((await shown("\u00e9tude", a)).id, ids[1]);
  });

  it("that can't be typed, seen, or told from an id are refused", async () => {
    const { id } = await shown("cleanup", a);
    const names = [" ", "-x", "a\nb", "x\u001b[2J", "\u202ex", "\u200b", "x".repeat(201), id, id.slice(0, 8)];
    for (const name of [...names, "12345678-1234-1234-1234-123456789012"]) {
      for (const request of [
        client.request("create_session", { cwd: a, name }),
        client.request("ensure_session", { cwd: a, name }),
        client.request("set_session_name", { cwd: a, name }),
      ]) {
        const { code } = await refused(request);
        assert.equal(code, "INVALID_INPUT", JSON.stringify(name));
      }
    }
    const record = { type: "set_session_name", name: "cleanup" };
    assert.equal((await refused(client.request("send_record", { cwd: a, record }))).code, "INVALID_INPUT");
    const toPi = await refusal(["session", "ensure", "x", "--", "--name", "cleanup"], a);
    assert.equal(toPi.code, "INVALID_INPUT");
    const free = await create(a, "Cleanup");
    for (const name of ["Cleanup", "fix/login form", "deadbeef"]) {
      await client.request("set_session_name", { sessionId: free, name });
      assert.equal((await shown(name, a)).id, free);
    }
  });

  it("as an argument with another meaning are refused with both readings", async () => {
    const before = await shown("cleanup", a);
    const id = await place.ok(["session", "ensure", "talk", ...ECHO], { cwd: a });
    for (const [command, ...args] of [
      ["session compact", "cleanup", "keep", "this"],
      ["session model", "cleanup"],
      ["session thinking", "cleanup"],
      ["session bash", "cleanup"],
      ["session respond", before.id.slice(0, 8)],
      ["prompt", "cleanup"],
      ...(LONG
        ? ([
            ["session compact", "cleanup"],
            ["session compact", before.id],
            ["session respond", "cleanup"],
            ["prompt", "cleanup", "the directory"],
          ] as const)
        : []),
    ] as const) {
      const words = command.split(" ");
      const error = await refusal([...words, ...args], a);
      assert.deepEqual([error.code, error.exit], ["USAGE", 2], `${command} ${args.join(" ")}`);
      assert.ok(error.hint.includes(`pictl ${command} -s ${args[0]}`), error.hint);
      assert.ok(error.hint.includes(`pictl ${command} -- ${args[0]}`), error.hint);
    }
    const untouched = await shown(id, a);
    assert.deepEqual([untouched.messages, untouched.model, untouched.name], [0, "scripted/echo", "talk"]);
    for (const args of [
      ["prompt", "--", "cleanup"],
      ["prompt", "-s", "talk", "cleanup"],
      ["prompt", "cleanup it is"],
    ])
      assert.match(await place.ok(args, { cwd: a }), /^echo: cleanup/);
    const env = { PICTL_SESSION: "talk" };
    assert.match(await place.ok(["prompt", "cleanup"], { cwd: a, env }), /^echo: cleanup/);
    assert.equal((await place.run(["session", "bash", "--", "echo", "cleanup"], { cwd: a })).code, 0);
    // Only a session here is meant: elsewhere it is a word.
    assert.match(await place.ok(["prompt", "talk"], { cwd: b }), /^echo: talk/);
  });
});
