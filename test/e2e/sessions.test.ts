import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bundledPiCli } from "../../src/lib/agent/pi/bundled-pi.ts";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { writeSession } from "../support/session-file.ts";
import { Workspace } from "../support/workspace.ts";

interface ShownSession {
  session: SessionInfo;
  messages?: { number?: number; entryId: string; role: string; text: string }[];
}

describe("sessions", () => {
  let place: Workspace;
  let talk: string;
  before(async () => {
    place = new Workspace();
    talk = await place.ok(["session", "create", "--name", "talk", "--model", "scripted/echo"]);
    for (const text of ["first words", "second words", "third words"]) await say(talk, text);
  });
  after(() => place.dispose());

  const show = (...args: string[]) => place.json<ShownSession>(["session", "show", ...args]);
  /** The same without a command. */
  const look = (sessionId: string, messages = false) => place.ask("get_session", { sessionId, messages });
  const say = async (sessionId: string, message: string) => (await place.turn({ sessionId, message })).text;
  const close = (sessionId: string) => place.ask("close_session", { sessionId });
  const list = async (...args: string[]) =>
    (await place.json<{ sessions: SessionInfo[] }>(["session", "list", ...args])).sessions;

  it("create prints the id alone, and it is pi's own", async () => {
    assert.match(talk, /^[0-9a-f-]{36}$/);
    const { session } = await show(talk);
    assert.equal(session.id, talk);
    assert.equal(session.name, "talk");
    const header = JSON.parse(readFileSync(session.file ?? "", "utf8").split("\n", 1)[0] ?? "") as {
      id: string;
    };
    assert.equal(header.id, talk);
  });

  it("takes a full id, a unique prefix and a name", async () => {
    for (const reference of [talk, talk.slice(0, 13), "talk"]) {
      assert.equal((await show(reference)).session.id, talk);
    }
  });

  it("PICTL_SESSION picks the session of a whole script", async () => {
    const { session } = await place.json<ShownSession>(["session", "show"], {
      env: { PICTL_SESSION: "talk" },
    });
    assert.equal(session.id, talk);
  });

  it("list shows this directory's sessions, --all every one", async () => {
    const elsewhere = join(place.root, "elsewhere");
    mkdirSync(elsewhere);
    const other = writeSession({ cwd: elsewhere, agentDir: place.agentDir }, ["over there"]);
    const here = await list();
    assert.ok(here.some((each) => each.id === talk));
    assert.ok(!here.some((each) => each.id === other));
    const [found] = (await list("--all")).filter((each) => each.id === other);
    assert.equal(found?.cwd, elsewhere);
    assert.equal(found?.firstMessage, "over there");
  });

  it("list tells name, state, model, messages, tokens and cost", async () => {
    const [info] = (await list()).filter((each) => each.id === talk);
    assert.equal(info?.name, "talk");
    assert.equal(info?.state, "idle");
    assert.equal(info?.model, "scripted/echo");
    assert.ok((info?.messages ?? 0) >= 6);
    assert.ok((info?.tokens.total ?? 0) > 0);
    assert.ok((info?.cost ?? 0) > 0);
  });

  it("list is plain when piped", async () => {
    const plain = await place.ok(["session", "list"]);
    assert.ok(plain.includes("talk"));
    assert.ok(!plain.includes("\u001b["), "colour in a pipe");
  });

  it("show --messages numbers the user messages", async () => {
    const { messages = [] } = await show(talk, "--messages");
    const users = messages.filter((message) => message.role === "user");
    assert.deepEqual(
      users.map((message) => message.number),
      [1, 2, 3],
    );
    assert.deepEqual(
      users.map((message) => message.text),
      ["first words", "second words", "third words"],
    );
    assert.match(await place.ok(["session", "show", talk, "--messages"]), /#2[\s\S]*second words/);
  });

  it("fork makes a new session from an earlier message and leaves the parent alone", async () => {
    const before = (await look(talk)).session;
    const fileBefore = readFileSync(before.file ?? "", "utf8");
    const forked = await place.ok(["session", "fork", talk, "--at", "2"]);
    assert.notEqual(forked, talk);
    assert.match(await say(forked, "another way"), /2 messages so far, the first was: first words/);
    assert.equal(readFileSync(before.file ?? "", "utf8"), fileBefore);
    assert.equal((await look(talk)).session.agentPid, before.agentPid);
  });

  it("fork without --at lists the choices; a wrong one is not found", async () => {
    const choices = await place.ok(["session", "fork", talk]);
    for (const text of ["first words", "second words", "third words"])
      assert.ok(choices.includes(text), choices);
    const result = await place.run(["session", "fork", talk, "--at", "9"]);
    assert.equal(result.code, 4);
    assert.match(result.stderr, /\[ENTRY_NOT_FOUND\][\s\S]*second words/);
  });

  it("fork takes an old file's messages, which have no ids until pi has read it", async () => {
    const id = "0199a000-0000-7000-8000-000000000001";
    const directory = dirname((await look(talk)).session.file ?? "");
    const time = "2025-10-01T08:00:00.000Z";
    const user = (text: string) => ({
      type: "message",
      timestamp: time,
      message: { role: "user", content: text, timestamp: Date.parse(time) },
    });
    const lines = [{ type: "session", id, timestamp: time, cwd: place.cwd }, user("older"), user("newer")];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileSync(join(directory, `2025-10-01T08-00-00-000Z_${id}.jsonl`), text);
    const made = await place.json<{ text: string }>(["session", "fork", id, "--at", "2"]);
    assert.equal(made.text, "newer", JSON.stringify(made));
    await place.ok(["session", "delete", id, "--yes"]);
  });

  it("clone goes on from the end", async () => {
    const cloned = await place.ok(["session", "clone", talk]);
    assert.notEqual(cloned, talk);
    assert.match(await say(cloned, "and on"), /4 messages so far/);
    assert.equal((await look(cloned)).session.name, "talk (clone)");
    assert.equal((await show("talk")).session.id, talk);
    assert.equal((await look(talk, true)).messages?.filter((each) => each.role === "user").length, 3);
  });

  it("changes the model of a session that exists", async () => {
    await place.ok([
      "prompt",
      "-s",
      "talk (clone)",
      "--model",
      place.scenario("tools.json"),
      "now with tools",
    ]);
    assert.match((await look("talk (clone)")).session.model ?? "", /tools\.json$/);
    await close("talk (clone)");
    assert.match((await look("talk (clone)")).session.model ?? "", /tools\.json$/);
  });

  it("exports md, json, jsonl and html, with an agent and without, which close has ended", async () => {
    const file = (await look(talk)).session.file ?? "";
    for (const running of [true, false]) {
      if (!running) {
        await place.ok(["session", "close", talk]);
        assert.equal((await look(talk)).session.state, "stopped");
      }
      assert.equal((await look(talk)).session.agentPid === undefined, !running);
      assert.match(await place.ok(["session", "export", talk, "-f", "md"]), /second words/);
      const document = JSON.parse(await place.ok(["session", "export", talk, "-f", "json"])) as ShownSession;
      assert.equal(document.session.id, talk);
      const jsonl = await place.run(["session", "export", talk, "-f", "jsonl"]);
      assert.equal(jsonl.stdout, readFileSync(file, "utf8"));
      const html = join(place.root, `out-${running}.html`);
      await place.ok(["session", "export", talk, "-f", "html", "-o", html]);
      assert.match(readFileSync(html, "utf8"), /<html/i);
    }
    assert.equal((await look(talk)).session.agentPid, undefined, "an export started an agent");
  });

  it("rename changes the name in pi's file, also of a closed session", async () => {
    const id = writeSession(place, ["hello"]);
    await place.ok(["session", "rename", "-s", id, "renamed"]);
    const { session } = await show("renamed");
    assert.equal(session.id, id);
    assert.match(readFileSync(session.file ?? "", "utf8"), /"name":"renamed"/);
  });

  it("delete needs --yes without a terminal, and removes pi's file", async () => {
    const id = writeSession(place, ["short life"]);
    const { session } = await look(id);
    const refused = await place.run(["session", "delete", id]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /\[CONFIRMATION_REQUIRED\][\s\S]*--yes/);
    assert.ok(existsSync(session.file ?? ""));
    await place.ok(["session", "delete", id, "--yes"]);
    assert.ok(!existsSync(session.file ?? ""));
    assert.equal((await place.run(["session", "show", id])).code, 4);
  });

  it("an ephemeral session answers and leaves no file", async () => {
    const id = await place.ok(["session", "create", "--ephemeral", "--model", "scripted/echo"]);
    await say(id, "one");
    assert.match(await say(id, "two"), /2 messages so far/);
    const { session, messages = [] } = await show(id, "--messages");
    assert.equal(session.file, undefined);
    assert.equal(messages.filter((each) => each.role === "user").length, 2);
    await close(id);
    assert.equal((await place.run(["session", "show", id])).code, 4);
  });

  it("passes the options of an agent on to pi, and trusts nothing of the project unless --approve says so", async () => {
    const scenario = join(place.root, "told.json");
    writeFileSync(scenario, JSON.stringify({ responses: [[{ text: "tools={{tools}} system={{system}}" }]] }));
    const cwd = join(place.root, "trust");
    mkdirSync(join(cwd, ".pi", "prompts"), { recursive: true });
    writeFileSync(join(cwd, ".pi", "prompts", "mine.md"), "Do it: $1");
    // A file of the shell's directory, for a session of another one.
    writeFileSync(join(place.cwd, "prompt.md"), "From the file.");
    const model = ["--model", `scripted/${scenario}`];
    const client = await place.client();
    try {
      const commandsOf = async (sessionId: string) => {
        const { commands } = (await client.command("get_commands", { sessionId })) as {
          commands: { name: string }[];
        };
        return commands.map((command) => command.name);
      };
      const without = ["--new", "--exclude-tools", "bash", "--append-system-prompt", "Add this."];
      const told = await place.ok(["prompt", ...model, ...without, "go"], { cwd });
      assert.match(told, /^tools=edit,read,write system=[\s\S]*Add this\./);
      const untrusted = (await place.ask("get_session", { cwd })).session.id;
      assert.ok(!(await commandsOf(untrusted)).includes("mine"));
      const elsewhere = ["--cwd", cwd, "--system-prompt", "prompt.md", "--tools", "read,ls"];
      const trusted = await place.ok(["session", "create", ...model, ...elsewhere, "--approve"]);
      assert.ok((await commandsOf(trusted)).includes("mine"));
      assert.match(await say(trusted, "go"), /^tools=ls,read system=[\s\S]*From the file\./);
    } finally {
      client.close();
    }
    const reserved = await place.run(["session", "create", "--", "--mode", "json"]);
    assert.equal(reserved.code, 2);
    assert.match(reserved.stderr, /--mode can't be passed on/);
  });

  it("options of a new session are refused for one that exists", async () => {
    const result = await place.run(["prompt", "-s", talk, "--tools", "read", "hi"]);
    assert.equal(result.code, 2);
    assert.match(result.stderr, /--new/);
  });

  it("lists and resumes what pi's own interface wrote", async () => {
    const cwd = join(place.root, "pi-made");
    mkdirSync(cwd);
    const pi = process.env.PICTL_TEST_PI ?? bundledPiCli();
    const extension = join(import.meta.dirname, "../../dist/scripted-model.js");
    const args = [pi, "-p", "-e", extension, "--model", "scripted/echo", "--name", "from pi", "said in pi"];
    const made = spawnSync(process.execPath, args, {
      cwd,
      env: place.env as NodeJS.ProcessEnv,
      encoding: "utf8",
      input: "",
    });
    assert.equal(made.status, 0, made.stderr);
    const { sessions } = await place.json<{ sessions: SessionInfo[] }>(["session", "list"], { cwd });
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0]?.origin, "pi");
    assert.equal(sessions[0]?.state, "stopped");
    const before = place.processes().length;
    assert.match(await place.ok(["session", "show", "from pi", "--messages"]), /said in pi/);
    assert.equal(place.processes().length, before, "looking at a session started an agent");
    assert.match(await place.ok(["prompt", "-s", "from pi", "and in pictl"]), /the first was: said in pi/);
  });

  it("a directory that is a link is seen in every way, and each session once", async () => {
    const id = writeSession(place, ["hello there"], { name: "linked" });
    const all = join(place.agentDir, "sessions");
    const directory = dirname((await look(id)).session.file ?? assert.fail());
    renameSync(directory, join(place.root, "kept"));
    symlinkSync(join(place.root, "kept"), directory);
    symlinkSync(directory, join(all, "--twice--"));
    symlinkSync(".", join(all, "--circle--"));
    symlinkSync("nowhere", join(all, "--dangling--"));
    for (const args of [
      ["session", "list"],
      ["session", "list", "--all"],
    ]) {
      const { sessions } = await place.json<{ sessions: SessionInfo[] }>(args);
      assert.deepEqual(
        sessions.filter((session) => session.id === id).map(({ name }) => name),
        ["linked"],
        args.join(" "),
      );
    }
    // Also for a daemon that has to find it.
    const other = new Workspace({ PI_CODING_AGENT_DIR: place.agentDir });
    try {
      assert.match(await other.ok(["session", "messages", id.slice(0, 9).toUpperCase()]), /hello there/);
      assert.match(await other.ok(["history", "search", "--all", "hello there"]), /1 session/);
    } finally {
      await other.dispose();
    }
  });

  it("two files with one id are told apart, and a deletion names what is left", async () => {
    const cwd = join(place.root, "copies");
    mkdirSync(cwd);
    const id = writeSession({ cwd, agentDir: place.agentDir }, ["one"]);
    const { file = assert.fail() } = (await look(id)).session;
    const copies = [join(dirname(file), "copy.jsonl"), file.replace(/\.jsonl$/, ".old.jsonl")].sort();
    for (const copy of copies) copyFileSync(file, copy);
    const { sessions } = await place.json<{ sessions: SessionInfo[] }>(["session", "list"], { cwd });
    assert.deepEqual(
      sessions.map((each) => [each.id, each.file, each.copyOf]).sort(),
      [[id, file, undefined], ...copies.map((copy) => [id, copy, file])].sort(),
    );
    assert.match(await place.ok(["session", "list"], { cwd }), /same id, file copy\.jsonl/);
    assert.match(await place.ok(["prompt", "-s", id.toUpperCase(), "two"], { cwd }), /2 messages so far/);
    const short = await place.run(["session", "delete", id.slice(0, 1), "--yes"]);
    assert.notEqual(short.code, 0);
    assert.ok(existsSync(file));
    const { left } = await place.json<{ left: string[] }>(["session", "delete", id, "--yes"]);
    assert.deepEqual([...left].sort(), copies);
    const ambiguous = await place.run(["prompt", "-s", id, "three"], { cwd });
    assert.equal(ambiguous.code, 4);
    for (const copy of copies) assert.ok(ambiguous.stderr.includes(copy), ambiguous.stderr);
    rmSync(copies[0] ?? assert.fail());
    assert.match(await place.ok(["session", "messages", "-s", id], { cwd }), /one/);
    const last = await place.run(["session", "delete", id, "--yes"]);
    assert.doesNotMatch(last.stderr, /left/);
  });

  it("one whose directory is gone is read and renamed without an agent, and goes on elsewhere as a copy", async () => {
    const [gone, there] = [join(place.root, "gone"), join(place.root, "there")];
    for (const directory of [gone, there]) mkdirSync(directory);
    await place.ok(["prompt", "--model", "scripted/echo", "--name", "moved", "one"], { cwd: gone });
    const { id } = (await place.ask("get_session", { cwd: gone })).session;
    const read = ["last", "messages", "entries", "tree"].map((command) => [command, "-s", id]);
    const asked = await Promise.all(read.map((args) => place.ok(["session", ...args])));
    const stats = await place.json<{ tokens: object; cost: number }>(["session", "stats", "-s", id]);
    await close(id);
    rmSync(gone, { recursive: true });
    for (const [index, args] of read.entries())
      assert.equal(await place.ok(["session", ...args]), asked[index], args.join(" "));
    const { tokens, cost } = await place.json<{ tokens: object; cost: number }>([
      "session",
      "stats",
      "-s",
      id,
    ]);
    assert.deepEqual([tokens, cost], [stats.tokens, stats.cost]);
    await place.ok(["session", "rename", "-s", id, "renamed"]);
    assert.equal((await look(id)).session.name, "renamed");

    const refused = await place.run(["prompt", "-s", id, "here"]);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /prompt --fork --cwd/);
    writeSession({ cwd: there, agentDir: place.agentDir }, ["other"], { name: "renamed (clone)" });
    const copied = await place.run(["prompt", "-s", id, "--fork", "--cwd", there, "two"]);
    assert.match(copied.stdout, /2 messages so far, the first was: one/, copied.stderr);
    const fork = await place.ok(["session", "fork", id, "--at", "1", "--cwd", there, "--name", "again"]);
    const { sessions } = await place.json<{ sessions: SessionInfo[] }>(["session", "list"], { cwd: there });
    assert.deepEqual(
      sessions.map(({ name, cwd }) => [name, cwd]).sort(),
      ["again", "renamed (clone 2)", "renamed (clone)"].map((name) => [name, there]),
    );
    assert.equal(await say(fork, "instead"), "echo: instead");

    mkdirSync(gone);
    await say(id, "back");
    const { file = assert.fail() } = (await look(id)).session;
    assert.match(readFileSync(file, "utf8"), /"name":"renamed"/);
  });
});
