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
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { attack } from "../support/attack.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import type { Workspace } from "../support/workspace.ts";

const SECRET = "canary-4711";

attack("the sessions of others", "minimal", (setting) => {
  const { profile } = setting;
  let place: Workspace;
  /** Each test has a project of its own. */
  let cwd: string;
  const path = (name: string) => join(place.root, name);
  const policy = (text: string) => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(join(place.paths.configDir, "sandbox.toml"), text);
    place.giveToUser();
  };
  const start = async (message: string, { name = undefined as string | undefined, env = {} } = {}) => {
    const create = {
      options: { model: "scripted/echo", sandbox: profile },
      ...(name === undefined ? {} : { name }),
    };
    return (await place.turn({ cwd, fresh: true, create, message }, env)).sessionId;
  };
  const say = async (sessionId: string, message: string) =>
    (await place.turn({ sessionId, cwd, message })).text;
  const list = async () => (await place.ask("list_sessions", { cwd })).sessions;
  const show = async (sessionId: string) => (await place.ask("get_session", { sessionId, cwd })).session;
  const inside = (id: string, script: string, env = {}) =>
    place.run(["session", "bash", "-s", id, script], { cwd, env });
  const close = (sessionId: string) => place.ask("close_session", { sessionId });
  const fileOf = async (id: string) => (await show(id)).file ?? "";
  const bareSession = (text: string, agentDir = place.agentDir) => {
    const id = writeSession({ cwd, agentDir }, [text]);
    place.giveToUser();
    return id;
  };

  const makePlace = () => {
    place = setting.makePlace();
    place.shareCompileCache();
    for (const name of [".ssh", "notes"]) {
      mkdirSync(path(name));
      writeFileSync(join(path(name), "key"), SECRET);
    }
  };
  let projects = 0;
  const makeProject = () => {
    projects += 1;
    cwd = path(`project-${projects}`);
    mkdirSync(cwd);
    place.giveToUser();
  };

  describe("with one daemon", () => {
    before(async () => {
      makePlace();
      await place.ok(["daemon", "start"]);
    });
    beforeEach(makeProject);
    after(() => place.dispose());

    test("stay where they are, whatever an agent writes into the project's settings", async () => {
      const agents = await start("hello");
      await inside(agents, `mkdir .pi && echo '{"sessionDir":"sess"}' > .pi/settings.json`);
      const create = { options: { model: "scripted/echo" } };
      const { sessionId } = await place.turn({ cwd, fresh: true, create, message: "mine" });
      assert.equal(dirname(dirname(await fileOf(sessionId))), join(place.agentDir, "sessions"));
      assert.ok(!existsSync(join(cwd, "sess")));
      await close(sessionId);
      assert.match(await say(sessionId, "again"), /first was: mine/);
    });

    test("go on in a sandbox, once an agent could have written their files", async () => {
      const flat = { PI_CODING_AGENT_SESSION_DIR: join(cwd, "sess") };
      const create = { options: { model: "scripted/echo" } };
      const { sessionId } = await place.turn({ cwd, fresh: true, create, message: "mine" }, flat);
      await close(sessionId);
      await close(await start("hello"));
      assert.equal((await show(sessionId)).sandbox, undefined);
      await place.turn({ sessionId, cwd, message: "again" }, flat);
      assert.equal((await show(sessionId)).sandbox, profile);
    });

    test("are shown with the sandbox that a policy gave them, also without an agent", async (t) => {
      t.after(() => policy(""));
      policy(`enabled = true\nprofile = "${profile}"\n`);
      const create = { options: { model: "scripted/echo" } };
      const { sessionId } = await place.turn({ cwd, fresh: true, create, message: "one" });
      await close(sessionId);
      assert.equal((await show(sessionId)).sandbox, profile);
      const same = { options: { sandbox: profile } };
      assert.match((await place.turn({ sessionId, cwd, create: same, message: "two" })).text, /was: one/);
    });

    test("can't be read or written by a sandboxed agent of the same project, whatever the policy lets be read", async () => {
      const flat = { PI_CODING_AGENT_SESSION_DIR: path("flat") };
      const bare = bareSession(`${SECRET} bare`);
      mkdirSync(path("flat"));
      copyFileSync(await fileOf(bare), join(path("flat"), "2026_flat.jsonl"));
      const other = await start(`${SECRET} sandboxed`);
      const own = await start("mine");
      const files = [
        await fileOf(bare),
        await fileOf(other),
        ...readdirSync(path("flat")).map((name) => join(path("flat"), name)),
      ];
      const seen = () => files.map((file) => [readFileSync(file, "utf8"), readdirSync(dirname(file)).length]);
      const before = seen();
      const ownDirectory = dirname(dirname(await fileOf(own)));
      await close(own);
      const change = `{"type":"model_change","provider":"scripted","modelId":"${cwd}/evil.json"}`;
      const script = [
        ...files.map(
          (file) => `cat '${file}'; echo '${change}' >> '${file}'; rm -f '${file}'; mv '${file}' .`,
        ),
        `find ${place.agentDir} ${path("flat")} -name '*.json*' -exec cat {} +`,
        `ls ${ownDirectory}`,
      ].join("; ");
      const { stdout, stderr } = await inside(own, script, flat);
      assert.equal(`${stdout}${stderr}`.includes(SECRET), false, stdout);
      assert.match(stdout, /"mine"[\s\S]*files$/m, "its own is there");
      assert.doesNotMatch(stdout, /session\.json|policy\.json|"sandbox"|"runtimeDir"/);
      assert.deepEqual(seen(), before);
    });

    test("can't be read where pi's directory is in the workspace", async () => {
      const env = { PI_CODING_AGENT_DIR: join(cwd, "agent") };
      mkdirSync(join(cwd, "agent"));
      bareSession(`${SECRET} bare`, join(cwd, "agent"));
      const own = await start("mine", { env });
      const script = "grep -rlE 'canary|mine' agent; mv agent away; touch agent/sandboxed-sessions/x";
      const { stdout } = await inside(own, script, env);
      assert.match(stdout, /^agent\/sandboxed-sessions\/[^/]*\/[^/]*\/files\/[^/]*\n/);
      assert.doesNotMatch(stdout, /agent\/sessions/);
      assert.equal(existsSync(join(cwd, "agent/sandboxed-sessions/x")), false);
    });

    test("aren't made by what an agent puts beside its own file, and its own are described by pictl, not by that", async () => {
      const bare = bareSession("bare");
      const own = await start("mine", { name: "worker" });
      const file = await fileOf(own);
      const copy = (id: string) => `sed s/${own}/${id}/ ${file} > ${dirname(file)}/2030_${id}.jsonl`;
      await inside(own, `${copy("11111111-2222-4333-8444-555555555555")}; ${copy(bare)}`);
      assert.equal(readdirSync(dirname(file)).length, 3);
      assert.deepEqual(new Set((await list()).map(({ id }) => id)), new Set([bare, own]));
      await assert.rejects(show("11111111"), { code: "SESSION_NOT_FOUND" });
      const search = ["history", "search", "mine", "--role", "user"];
      const { total } = await place.json<{ total: number }>(search, { cwd });
      assert.equal(total, 1);

      await close(own);
      const [header = "", ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
      const claims = [
        JSON.stringify({ ...JSON.parse(header), cwd: path("notes"), parentSession: await fileOf(bare) }),
        ...lines,
        `{"type":"session_info","id":"aaaa0001","parentId":"${JSON.parse(lines.at(-1) ?? "").id}","timestamp":"2030-01-01T00:00:00Z","name":"boss"}`,
        `{"type":"model_change","id":"aaaa0002","parentId":"aaaa0001","timestamp":"2030-01-01T00:00:00Z","provider":"openai","modelId":"gpt-5"}`,
      ];
      writeFileSync(file, `${claims.join("\n")}\n`);
      const { name, cwd: its, model, parentSession } = await show(own);
      assert.deepEqual(
        { name, cwd: its, model, parentSession },
        { name: "worker", cwd, model: "scripted/echo", parentSession: undefined },
      );
      await assert.rejects(show("boss"), { code: "SESSION_NOT_FOUND" });
      assert.match(await place.ok([...search, "-s", "worker"], { cwd }), /mine/);
      assert.equal((await place.run([...search, "--project", path("notes")])).code, 4);
      // pi takes what its file says, where it can open it at all.
      writeFileSync(file, `${[header, ...claims.slice(1)].join("\n")}\n`);
      assert.match(await say("worker", "on"), /^echo: on/);
      const after = await show(own);
      assert.deepEqual([after.name, after.model], ["worker", "scripted/echo"]);
      await place.ask("delete_session", { sessionId: own });
      assert.equal(existsSync(dirname(dirname(dirname(file)))), false, "something of it is left");
    });

    test("move to a directory of their own when they are sandboxed for the first time", async (t) => {
      const id = bareSession("mine");
      const file = await fileOf(id);
      policy(`enabled = true\nprofile = "${profile}"\n`);
      t.after(() => policy(""));
      assert.match(await say(id, "again"), /^echo: again/);
      const moved = await show(id);
      assert.equal(existsSync(file), false);
      assert.match(moved.file ?? "", /sandboxed-sessions\/.*\/files\//);
      assert.deepEqual([moved.messages, moved.sandbox], [4, profile]);
      assert.equal((await list()).length, 1);
      assert.match(await place.ok(["history", "search", "again"], { cwd }), /again/);
    });
  });

  describe("with one daemon after the other", () => {
    beforeEach(() => {
      makePlace();
      makeProject();
    });
    afterEach(() => place.dispose());

    test("stay in their sandbox under another PICTL_HOME and without the registry, as they were promised", async () => {
      const keys = `cat ${path(".ssh/key")} ${path("notes/key")} 2>/dev/null; echo done`;
      const ssh = `cat ${path(".ssh/key")} 2>/dev/null; echo done`;
      const begin = async (home: string) => {
        place.env.PICTL_HOME = home;
        await place.ok(["daemon", "start"]);
      };
      const stop = () => place.stopDaemon();
      policy(`enabled = true\nprofile = "${profile}"\ndeny_read = [${JSON.stringify(path("notes"))}]\n`);
      await begin(place.home);
      const create = { name: "worker", options: { model: "scripted/echo" } };
      const { sessionId: id } = await place.turn({ cwd, fresh: true, create, message: "mine" });
      assert.equal((await inside(id, keys)).stdout, "done\n");
      await stop();
      // Here nothing asks for a sandbox, and nothing is known of the session but what lies beside its file.
      place.env.PICTL_HOME = path("h2");
      place.shareCompileCache();
      await begin(path("h2"));
      assert.equal((await list()).find((each) => each.id === id)?.sandbox, profile);
      assert.equal((await inside("worker", keys)).stdout, "done\n");
      assert.equal((await place.run(["prompt", "-s", id, "--no-sandbox", "hi"], { cwd })).code, 2);
      await place.ask("set_session_name", { sessionId: id, name: "renamed" });
      if (LONG) {
        const { sessionId: copy } = await place.ask("clone", { sessionId: id });
        assert.equal((await inside(copy, keys)).stdout, "done\n");
      }
      await stop();
      // The first one again, when nothing asks for a sandbox any more.
      await begin(place.home);
      policy("");
      assert.equal((await inside(id, ssh)).stdout, "done\n");
      assert.equal((await list()).find((each) => each.id === id)?.name, "renamed");
      const directory = dirname(dirname(await fileOf(id)));
      await stop();
      if (LONG) {
        // And without its registry.
        renameSync(place.paths.registry, `${place.paths.registry}.old`);
        await begin(place.home);
        const shown = await show(id);
        assert.deepEqual([shown.sandbox, shown.name], [profile, "renamed"]);
        assert.equal((await inside(id, ssh)).stdout, "done\n");
        await stop();
      }
      for (const name of readdirSync(dirname(place.paths.registry)))
        if (name.startsWith("registry.db")) rmSync(join(dirname(place.paths.registry), name));
      rmSync(join(directory, "session.json"));
      const { code, stderr } = await inside(id, keys);
      assert.deepEqual([code, /session\.json.*\[STORAGE_UNAVAILABLE\]/.test(stderr)], [1, true], stderr);
    });
  });
});
