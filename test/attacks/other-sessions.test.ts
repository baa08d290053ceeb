import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

const ECHO = ["--model", "scripted/echo"];
const SECRET = "canary-4711";

describe("the sessions of others", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  const path = (name: string) => join(place.root, name);
  const policy = (text: string) => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(join(place.paths.configDir, "sandbox.toml"), text);
  };
  const start = async (text: string, ...options: string[]) =>
    (await place.json<{ sessionId: string }>(["prompt", "--new", ...options, ...ECHO, text])).sessionId;
  const list = async (env = {}) =>
    (await place.json<{ sessions: SessionInfo[] }>(["session", "list"], { env })).sessions;
  const show = async (id: string, env = {}) =>
    (await place.json<{ session: SessionInfo }>(["session", "show", "-s", id], { env })).session;
  const inside = (id: string, script: string, env = {}) =>
    place.run(["session", "bash", "-s", id, script], { env });
  const fileOf = async (id: string) => (await show(id)).file ?? "";

  beforeEach(() => {
    place = new Workspace();
    place.shareCompileCache();
    for (const name of [".ssh", "notes"]) {
      mkdirSync(path(name));
      writeFileSync(join(path(name), "key"), SECRET);
    }
  });
  afterEach(() => place.dispose());

  test("can't be read or written by a sandboxed agent of the same project, whatever the policy lets be read", async () => {
    const flat = { PI_CODING_AGENT_SESSION_DIR: path("flat") };
    const bare = writeSession(place, [`${SECRET} bare`]);
    mkdirSync(path("flat"));
    copyFileSync(await fileOf(bare), join(path("flat"), "2026_flat.jsonl"));
    const other = await start(`${SECRET} sandboxed`, "--sandbox", "minimal");
    const own = await start("mine", "--sandbox", "minimal");
    const files = [
      await fileOf(bare),
      await fileOf(other),
      ...readdirSync(path("flat")).map((name) => join(path("flat"), name)),
    ];
    const before = files.map((file) => existsSync(file) && readdirSync(dirname(file)).length);
    await place.ok(["session", "close", own]);
    const change = `{"type":"model_change","provider":"scripted","modelId":"${place.cwd}/evil.json"}`;
    const script = [
      ...files.map((file) => `cat '${file}'; echo '${change}' >> '${file}'; rm -f '${file}'; mv '${file}' .`),
      `find ${place.agentDir} ${path("flat")} -name '*.json*' -exec cat {} +`,
      `ls ${dirname(dirname(await fileOf(own)))}`,
    ].join("; ");
    const { stdout, stderr } = await inside(own, script, flat);
    assert.equal(`${stdout}${stderr}`.includes(SECRET), false, stdout);
    assert.match(stdout, /"mine"[\s\S]*files$/m, "its own is there");
    assert.doesNotMatch(stdout, /session\.json|policy\.json|"sandbox"|"runtimeDir"/);
    assert.deepEqual(
      files.map((file) => existsSync(file) && readdirSync(dirname(file)).length),
      before,
    );
    for (const file of [await fileOf(bare), await fileOf(other)])
      assert.equal(readFileSync(file, "utf8").includes("evil"), false);
    assert.match(await place.ok(["prompt", "-s", bare, "on"]), /^echo: on/);
  });

  test("can't be read where pi's directory is in the workspace", async () => {
    place.env.PI_CODING_AGENT_DIR = join(place.cwd, "agent");
    mkdirSync(join(place.cwd, "agent"));
    writeSession({ cwd: place.cwd, agentDir: join(place.cwd, "agent") }, [`${SECRET} bare`]);
    const own = await start("mine", "--sandbox", "strict");
    const { stdout } = await inside(
      own,
      "grep -rlE 'canary|mine' agent; mv agent away; touch agent/sandboxed-sessions/x",
    );
    assert.match(stdout, /^agent\/sandboxed-sessions\/[^/]*\/[^/]*\/files\/[^/]*\n/);
    assert.doesNotMatch(stdout, /agent\/sessions/);
    assert.equal(existsSync(join(place.cwd, "agent/sandboxed-sessions/x")), false);
  });

  test("aren't made by what an agent puts beside its own file", async () => {
    const bare = writeSession(place, ["bare"]);
    const own = await start("mine", "--sandbox", "strict");
    const file = await fileOf(own);
    const copy = (id: string) => `sed s/${own}/${id}/ ${file} > ${dirname(file)}/2030_${id}.jsonl`;
    await inside(own, `${copy("11111111-2222-4333-8444-555555555555")}; ${copy(bare)}`);
    assert.deepEqual(new Set((await list()).map(({ id }) => id)), new Set([bare, own]));
    assert.equal((await place.run(["session", "show", "-s", "11111111"])).code, 4);
    const { total } = await place.json<{ total: number }>(["history", "search", "mine", "--role", "user"]);
    assert.equal(total, 1);
    await place.ok(["session", "delete", "--yes", own]);
    assert.deepEqual(readdirSync(join(place.agentDir, "sandboxed-sessions")), [], "nothing of it is left");
  });

  test("and its own are described by pictl, not by its file", async () => {
    const other = writeSession(place, ["other"]);
    const own = await start("mine", "--sandbox", "strict", "--name", "worker");
    const file = await fileOf(own);
    await place.ok(["session", "close", own]);
    const [header = "", ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
    const claims = [
      JSON.stringify({ ...JSON.parse(header), cwd: path("notes"), parentSession: await fileOf(other) }),
      ...lines,
      `{"type":"session_info","id":"aaaa0001","parentId":"${JSON.parse(lines.at(-1) ?? "").id}","timestamp":"2030-01-01T00:00:00Z","name":"boss"}`,
      `{"type":"model_change","id":"aaaa0002","parentId":"aaaa0001","timestamp":"2030-01-01T00:00:00Z","provider":"openai","modelId":"gpt-5"}`,
    ];
    writeFileSync(file, `${claims.join("\n")}\n`);
    const { name, cwd, model, parentSession } = await show(own);
    assert.deepEqual(
      { name, cwd, model, parentSession },
      { name: "worker", cwd: place.cwd, model: "scripted/echo", parentSession: undefined },
    );
    assert.equal((await place.run(["prompt", "-s", "boss", "hi"])).code, 4);
    const search = ["history", "search", "mine", "--role", "user"];
    assert.match(await place.ok([...search, "-s", "worker"]), /mine/);
    assert.equal((await place.run([...search, "--project", path("notes")])).code, 4);
    // pi takes what its file says, where it can open it at all.
    writeFileSync(file, `${[header, ...claims.slice(1)].join("\n")}\n`);
    assert.match(await place.ok(["prompt", "-s", "worker", "on"]), /^echo: on/);
    assert.deepEqual([(await show(own)).name, (await show(own)).model], ["worker", "scripted/echo"]);
  });

  test("stay in their sandbox under another PICTL_HOME and without the registry, as they were promised", async () => {
    policy(`enabled = true\nprofile = "minimal"\ndeny_read = [${JSON.stringify(path("notes"))}]\n`);
    const id = await start("mine", "--name", "worker");
    const keys = `cat ${path(".ssh/key")} ${path("notes/key")} 2>/dev/null; echo done`;
    assert.equal((await inside(id, keys)).stdout, "done\n");
    await place.ok(["daemon", "stop"]);
    const env = { PICTL_HOME: path("h2") };
    assert.equal((await list(env)).find((each) => each.id === id)?.sandbox, "minimal");
    assert.equal((await inside("worker", keys, env)).stdout, "done\n");
    assert.equal((await place.run(["prompt", "-s", id, "--no-sandbox", "hi"], { env })).code, 2);
    await place.ok(["session", "rename", "-s", id, "renamed"], { env });
    if (LONG) {
      const copy = (await place.ok(["session", "clone", id], { env })).trim();
      assert.equal((await inside(copy, keys, env)).stdout, "done\n");
    }
    await place.ok(["daemon", "stop"], { env });
    // The first one again, when nothing asks for a sandbox any more.
    policy("");
    assert.equal((await inside(id, `cat ${path(".ssh/key")} 2>/dev/null; echo done`)).stdout, "done\n");
    assert.equal((await list()).find((each) => each.id === id)?.name, "renamed");
    await place.ok(["daemon", "stop"]);
    // And without its registry.
    renameSync(place.paths.registry, `${place.paths.registry}.old`);
    const shown = await show(id);
    assert.deepEqual([shown.sandbox, shown.name], ["minimal", "renamed"]);
    assert.equal((await inside(id, `cat ${path(".ssh/key")} 2>/dev/null; echo done`)).stdout, "done\n");
    await place.ok(["session", "close", id]);
    const directory = dirname(dirname(await fileOf(id)));
    await place.ok(["daemon", "stop"]);
    for (const name of readdirSync(dirname(place.paths.registry)))
      if (name.startsWith("registry.db")) rmSync(join(dirname(place.paths.registry), name));
    rmSync(join(directory, "session.json"));
    const { code, stderr } = await inside(id, keys);
    assert.deepEqual([code, /session\.json.*\[STORAGE_UNAVAILABLE\]/.test(stderr)], [1, true], stderr);
  });

  test("move to a directory of their own when they are sandboxed for the first time", async () => {
    const id = writeSession(place, ["mine"]);
    const file = await fileOf(id);
    policy('enabled = true\nprofile = "strict"\n');
    assert.match(await place.ok(["prompt", "-s", id, "again"]), /^echo: again/);
    const moved = await show(id);
    assert.equal(existsSync(file), false);
    assert.match(moved.file ?? "", /sandboxed-sessions\/.*\/files\//);
    assert.deepEqual([moved.messages, moved.sandbox], [4, "strict"]);
    assert.equal((await list()).length, 1);
    assert.match(await place.ok(["history", "search", "again"]), /again/);
  });
});
