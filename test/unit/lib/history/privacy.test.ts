import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { PictlError } from "../../../../src/lib/core/errors.ts";
import { noteAgentPlaces } from "../../../../src/lib/core/outside/agent-places.ts";
import { HistoryService, type OperationName, type Operations } from "../../../../src/lib/history/service.ts";

const KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123";

/** A history over sessions of their own, in a directory that each test fills. */
class Place {
  readonly root: string;
  readonly exclude: string[] = [];
  /** The file that names where sandboxed agents can write. */
  readonly agentPlaces: string;
  readonly #service: HistoryService;

  constructor(t: TestContext) {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-history-")));
    mkdirSync(join(this.root, "sessions"));
    this.agentPlaces = join(this.root, "agent-places");
    this.#service = new HistoryService(join(this.root, "history.db"), { agentPlaces: this.agentPlaces });
    t.after(() => {
      this.#service.close();
      rmSync(this.root, { recursive: true });
    });
  }

  /** A directory below the root. */
  directory(...names: string[]): string {
    const path = join(this.root, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  session(
    id: string,
    cwd: string,
    { name, text = `needle ${id}` }: { name?: string; text?: string } = {},
  ): string {
    const timestamp = new Date().toISOString();
    const lines = [
      { type: "session", version: 3, id, timestamp, cwd },
      {
        type: "message",
        id: `${id}1`,
        parentId: null,
        timestamp,
        message: { role: "user", content: text },
      },
      ...(name === undefined
        ? []
        : [{ type: "session_info", id: `${id}2`, parentId: `${id}1`, timestamp, name }]),
    ];
    const file = join(this.root, "sessions", `${id}.jsonl`);
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return file;
  }

  run<N extends OperationName>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    const roots = [{ path: join(this.root, "sessions"), nested: false }];
    return this.#service.run(name, { roots, exclude: this.exclude }, params);
  }

  async refusal(params: Operations["forget"]["params"]): Promise<PictlError> {
    const answer = await this.run("forget", params).catch((error: PictlError) => error);
    return answer instanceof Error ? answer : assert.fail(`answered ${JSON.stringify(answer)}`);
  }

  /** The sessions that are found. */
  async found(): Promise<string[]> {
    const { hits } = await this.run("search", { query: "needle", waitMs: 60_000 });
    return hits.map(({ sessionId }) => sessionId).sort();
  }
}

test("what is forgotten, and what is let in again, is told with its name, and that without credentials", async (t) => {
  const place = new Place(t);
  const file = place.session("aaaa", "/p", { name: `the key ${KEY}` });
  const expected = { sessions: [{ sessionId: "aaaa", sessionName: "the key [redacted]", file }] };
  assert.deepEqual(await place.run("forget", { session: "aa" }), expected);
  assert.deepEqual(await place.found(), []);
  assert.deepEqual(await place.run("forget", { session: "aa", undo: true }), expected);
  assert.deepEqual(await place.found(), ["aaaa"]);
});

test("the first prompt of a list ends before a word that was cut: it may be half a secret", async (t) => {
  const place = new Place(t);
  const text = `${"needle ".repeat(27)}${KEY} and more`;
  place.session("aaaa", "/p", { text });
  place.session("bbbb", "/p", { text: `needle ${KEY}` });
  const { sessions } = await place.run("list", {});
  assert.deepEqual(sessions.map(({ firstMessage }) => firstMessage?.trim()).sort(), [
    "needle [redacted]",
    "needle ".repeat(27).trim(),
  ]);
});

test("a beginning that several forgotten sessions have lets none of them in", async (t) => {
  const place = new Place(t);
  for (const id of ["aa11", "aa22"]) {
    place.session(id, "/p");
    await place.run("forget", { session: id });
  }
  assert.equal((await place.refusal({ session: "aa", undo: true })).code, "SESSION_AMBIGUOUS");
  assert.equal((await place.refusal({ session: "bb", undo: true })).code, "SESSION_NOT_FOUND");
  assert.deepEqual(await place.found(), []);
  await place.run("forget", { session: "aa1", undo: true });
  assert.deepEqual(await place.found(), ["aa11"]);
});

test("history.exclude means a place, whichever way leads there, also when it is gone", async (t) => {
  const place = new Place(t);
  const real = place.directory("real", "Q");
  symlinkSync(join(place.root, "real"), join(place.root, "link"));
  place.session("aaaa", real);
  place.session("bbbb", join(place.root, "link", "Q"));
  place.session("cccc", join(place.root, "really"));
  for (const path of ["link", "real", "link/Q", "real/Q", "link/gone/.."]) {
    place.exclude.splice(0, 1, join(place.root, path));
    assert.deepEqual(await place.found(), ["cccc"], path);
    place.exclude.splice(0, 1);
    assert.deepEqual(await place.found(), ["aaaa", "bbbb", "cccc"]);
  }
  rmSync(real, { recursive: true });
  place.exclude.push(join(place.root, "link", "Q"));
  assert.deepEqual(await place.found(), ["cccc"]);
  place.exclude.splice(0, 1, join(place.root, "sessions", "cccc.jsonl"));
  assert.deepEqual(await place.found(), ["aaaa", "bbbb"]);
});

test("a project that no session is of can't be forgotten, nor let in again", async (t) => {
  const place = new Place(t);
  const cwd = place.directory("quinces");
  place.session("aaaa", cwd);
  for (const undo of [false, true]) {
    const { code, message } = await place.refusal({ project: "typo", undo });
    assert.deepEqual([code, message.includes('"typo"')], ["SESSION_NOT_FOUND", true]);
  }
  assert.equal((await place.run("forget", { project: "quinces" })).sessions.length, 1);
  assert.deepEqual(await place.found(), []);
  assert.equal((await place.run("forget", { project: "quinces", undo: true })).sessions.length, 1);
  assert.deepEqual(await place.found(), ["aaaa"]);
});

test("to forget names something, or nothing happens", async (t) => {
  const place = new Place(t);
  place.session("aaaa", "/p");
  for (const undo of [false, true]) assert.equal((await place.refusal({ undo })).code, "INVALID_INPUT");
  assert.deepEqual(await place.found(), ["aaaa"]);
});

test("one no of a workspace counts, whatever stands nearer to the session", async (t) => {
  const place = new Place(t);
  place.directory("repository", ".git");
  const cwd = place.directory("repository", "packages", "inner");
  place.session("aaaa", cwd);
  for (const [where, text] of [
    [["repository"], "history = false\n"],
    [["repository", "packages"], ""],
    [["repository", "packages", "inner"], "history = true\n"],
  ] as const)
    writeFileSync(join(place.directory(...where, ".pictl"), "config.toml"), text);
  assert.deepEqual(await place.found(), []);
  writeFileSync(join(place.root, "repository", ".pictl", "config.toml"), "");
  assert.deepEqual(await place.found(), ["aaaa"]);
});

test("the no of a project outlives its directory, also when everything is read anew", async (t) => {
  const place = new Place(t);
  const cwd = place.directory("project");
  place.session("aaaa", cwd);
  const config = join(place.directory("project", ".pictl"), "config.toml");
  writeFileSync(config, "history = false\n");
  assert.deepEqual(await place.found(), []);
  rmSync(cwd, { recursive: true });
  assert.deepEqual(await place.found(), []);
  await place.run("reindex", { wait: true });
  assert.deepEqual(await place.found(), []);
  place.directory("project");
  assert.deepEqual(await place.found(), ["aaaa"]);
  rmSync(cwd, { recursive: true });
  assert.deepEqual(await place.found(), ["aaaa"]);
});

test("a repository that an agent may have made takes no session out of what its project keeps out", async (t) => {
  const place = new Place(t);
  const project = place.directory("project");
  const cwd = place.directory("project", "sub");
  place.directory("project", ".git");
  place.directory("project", "sub", ".git");
  place.session("one", cwd);
  assert.deepEqual(await place.found(), ["one"]);
  noteAgentPlaces(place.agentPlaces, [project]);
  for (const name of ["project", "sub"]) {
    place.exclude.splice(0, 1, name);
    assert.deepEqual(await place.found(), [], name);
  }
  place.exclude.length = 0;
  assert.deepEqual(await place.found(), ["one"]);
  place.directory("project", ".pictl");
  writeFileSync(join(project, ".pictl", "config.toml"), "history = false\n");
  assert.deepEqual(await place.found(), []);
});
