import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { PictlError } from "../../src/lib/core/errors.ts";
import { LONG } from "../support/speed.ts";
import { Workspace } from "../support/workspace.ts";

describe("a session's file that another program changes", () => {
  let place: Workspace;
  /** Each test has a directory of its own, and a session with a name of its own. */
  let cwd: string;
  let name: string;
  let sessionId: string;
  let file: string;
  /** The file as it was after the first turn, and after the second. */
  let older: string;
  let whole: string;
  let tests = 0;
  before(async () => {
    place = new Workspace();
    await ok("daemon", "start");
  });
  after(() => place.dispose());
  /** Begins a session of its own for a test, of two turns. */
  const begin = async (options = { model: "scripted/echo", tools: "read" }, texts = ["one", "two"]) => {
    tests += 1;
    cwd = join(place.root, `work-${tests}`);
    name = `mine-${tests}`;
    mkdirSync(cwd);
    ({ sessionId } = await place.ask("create_session", { cwd, name, options }));
    const [first = "", second = ""] = texts;
    await place.turn({ sessionId, message: first });
    file = (await show()).file ?? assert.fail();
    older = readFileSync(file, "utf8");
    await place.turn({ sessionId, message: second });
    await settled();
    whole = readFileSync(file, "utf8");
  };

  const show = async () => (await place.ask("get_session", { sessionId })).session;
  /** After a turn the daemon asks the agent for what it has; when this is answered, that is too. */
  const settled = () => place.ask("send_record", { sessionId, record: { type: "get_state" } });
  const close = () => place.ask("close_session", { sessionId });
  const run = (...args: string[]) => place.run(args, { cwd });
  const ok = (...args: string[]) => place.ok(args, { cwd });
  const prompt = (text: string, ...flags: string[]) => run("prompt", "-s", name, ...flags, text);
  const putBack = () => {
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, whole);
  };
  const EARLIER = /Warning: .*holds an earlier state/;
  const siblings = () => readdirSync(dirname(file));

  /** Changes that leave no session of this id at the path, and how the error names each. */
  const losses: [string, RegExp, number, () => void][] = [
    ["removed", /is gone.*\[SESSION_FILE_LOST\]/, 4, () => rmSync(file)],
    ["emptied", /is empty.*\[SESSION_FILE_LOST\]/, 4, () => truncateSync(file)],
    [
      "without its header",
      /does not start as a pi session.*\[SESSION_FILE_LOST\]/,
      4,
      () => writeFileSync(file, whole.slice(whole.indexOf("\n") + 1)),
    ],
    [
      "another session's",
      /holds session 0000.*\[SESSION_FILE_LOST\]/,
      4,
      () =>
        writeFileSync(
          file,
          whole.replace(/"id":"[^"]{8}/, '"id":"00000000').replaceAll(`"${name}"`, '"theirs"'),
        ),
    ],
    [
      "a link",
      /is (not a regular file|a directory|a symbolic link).*\[STORAGE_UNAVAILABLE\]/,
      1,
      () => {
        renameSync(file, `${file}.kept`);
        symlinkSync(`${file}.kept`, file);
      },
    ],
    [
      "a directory",
      /is (not a regular file|a directory|a symbolic link).*\[STORAGE_UNAVAILABLE\]/,
      1,
      () => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
    [
      "a pipe",
      /is (not a regular file|a directory|a symbolic link).*\[STORAGE_UNAVAILABLE\]/,
      1,
      () => {
        rmSync(file);
        execFileSync("mkfifo", [file]);
      },
    ],
  ];

  it("is refused when it isn't the session's any more, also when that is parked, and goes on when it is back", async () => {
    await begin();
    const { agentPid } = await show();
    for (const [what, message, code, change] of losses) {
      change();
      const before = siblings();
      const refused = await run("prompt", "-s", name, "three");
      assert.equal(refused.code, code, `${what}: ${refused.stderr}`);
      assert.match(refused.stderr, message, what);
      assert.deepEqual(siblings(), before, `${what}: something was written`);
      putBack();
    }
    rmSync(file);
    for (const args of [["rename", "x"], ["bash", "true"], ["thinking", "low"], ["compact"]]) {
      const [command = "", ...rest] = args;
      const refused = await run("session", command, "-s", name, ...rest);
      assert.match(refused.stderr, /is gone.*\[SESSION_FILE_LOST\]/, command);
    }
    assert.match(await ok("session", "export", "-s", name, "-f", "md"), /echo: two/);
    assert.equal((await show()).agentPid, agentPid, "its agent has the conversation");
    putBack();
    assert.match(await ok("prompt", "-s", name, "three"), /3 messages so far/);
    await settled();
    await close();
    whole = readFileSync(file, "utf8");
    for (const [what, message, , change] of losses.slice(0, 5)) {
      change();
      const before = siblings();
      const refused = await place.turn({ sessionId, message: "four" }).then(
        () => assert.fail(`${what}: the prompt was taken`),
        (error: PictlError) => `${error.message} [${error.code}]`,
      );
      assert.match(refused, message, what);
      assert.deepEqual(siblings(), before, `${what}: something was written`);
      assert.match((await run("session", "last", "-s", name)).stderr, message, what);
      putBack();
    }
    assert.match(await ok("prompt", "-s", name, "four"), /4 messages so far/);
  });

  it("is read again when its content was exchanged, and goes on from an earlier state that was put back, which it says once", async () => {
    await begin();
    writeFileSync(file, whole.replaceAll('"one"', '"ONE"'));
    const exchanged = await prompt("three");
    assert.match(exchanged.stdout, /3 messages so far, the first was: ONE/);
    assert.doesNotMatch(exchanged.stderr, /Warning/);
    await settled();
    renameSync(file, `${file}.three`);
    writeFileSync(file, older);
    const next = await prompt("three");
    assert.equal(next.code, 0, next.stderr);
    assert.match(next.stderr, EARLIER);
    assert.match(next.stdout, /\(2 messages so far/);
    assert.doesNotMatch((await prompt("four")).stderr, /Warning/);
    // As one whose last line can't be read, which another test has.
    if (LONG) {
      writeFileSync(file, readFileSync(file, "utf8").slice(0, -20));
      assert.match((await prompt("five")).stderr, EARLIER);
    }
    await close();
    writeFileSync(file, older);
    assert.match((await prompt("six")).stderr, EARLIER);
    await close();
    writeFileSync(file, '{"type":"message","id":', { flag: "a" });
    assert.match((await prompt("seven")).stderr, EARLIER);
    await close();
    assert.match((await prompt("eight")).stdout, /4 messages so far/);
  });

  it("says so when a line of it can't be read any more", async () => {
    await begin();
    const breakLine = (line = "") =>
      writeFileSync(file, readFileSync(file, "utf8").replace(line, `${line.slice(0, -9)}${"x".repeat(9)}`));
    const lines = whole.trimEnd().split("\n");
    breakLine(lines.at(-1));
    assert.match((await prompt("three")).stderr, EARLIER);
    await settled();
    await close();
    // The first answer: all before it would be gone without a word.
    breakLine(lines.find((line) => line.includes('"role":"assistant"')));
    assert.match((await prompt("four")).stderr, /Warning: .*has a gap/);
  });

  it("is followed where it was moved to, with the session's options, and says that it has a gap, when an older copy was put back in the middle of a turn", async () => {
    await begin();
    const elsewhere = join(dirname(dirname(file)), "elsewhere");
    const before = file;
    for (const [closed, to] of [
      [false, elsewhere],
      [true, dirname(file)],
    ] as const) {
      if (closed) await close();
      renameSync(dirname(file), to);
      const next = await prompt("three");
      assert.equal(next.code, 0, next.stderr);
      assert.match(next.stderr, /Warning: .* was moved/);
      assert.match(next.stdout, /messages so far, the first was: one/);
      file = join(to, basename(file));
      assert.equal((await show()).file, file);
      await settled();
    }
    assert.equal(file, before);
    // Also while it is away.
    await close();
    const away = join(place.root, "away");
    renameSync(file, away);
    assert.doesNotMatch(await ok("session", "list"), /mine/);
    assert.match((await run("session", "last", "-s", name)).stderr, /is gone/);
    renameSync(away, file);
    assert.equal((await show()).origin, "pictl");
    assert.match(
      (await prompt("x", "--tools", "read,bash")).stderr,
      /exists already, so --tools can't be set/,
    );
    const entries = readFileSync(file, "utf8").trimEnd().split("\n");
    // Without what the last entry follows.
    writeFileSync(file, `${[...entries.slice(0, -2), ...entries.slice(-1)].join("\n")}\n`);
    assert.match((await prompt("four")).stderr, /Warning: .* has a gap/);
  });

  it("a turn in which it is lost says that the answer isn't saved", async () => {
    await begin({ model: place.scenario("shell.json"), tools: "bash" }, ["echo one", "echo two"]);
    writeFileSync(`${file}.old`, older);
    const turn = (command: string) => run("prompt", "-s", name, command);
    const replaced = await turn(`cp ${file}.old ${file}`);
    assert.equal(replaced.code, 6, replaced.stderr);
    assert.match(replaced.stdout, /ran it/);
    assert.match(replaced.stderr, /was changed while the turn ran.*\[TURN_NOT_SAVED\]/);
    copyFileSync(`${file}.old`, file);
    const removed = await turn(`rm ${file}`);
    assert.equal(removed.code, 6, removed.stderr);
    assert.match(removed.stderr, /does not start as a pi session.*\[TURN_NOT_SAVED\]/);
    assert.match((await turn("echo")).stderr, /\[SESSION_FILE_LOST\]/);
  });
});
