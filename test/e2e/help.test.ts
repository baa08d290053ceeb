import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Workspace } from "../support/workspace.ts";

interface Refused {
  error: { code: string; hint: string; details: { suggestions: string[] } };
}

describe("help", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());

  it("is one screen, however it is asked for", async () => {
    const page = await place.ok(["--help"]);
    const lines = page.split("\n");
    assert.ok(lines.length <= 23, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.match(page, /^Work with the agent +prompt · /m);
    assert.match(page, /^The daemon +daemon status, start, /m);
    for (const args of [["-h"], ["help"], []]) assert.equal(await place.ok(args), page);
  });

  it("of a topic has its commands with summaries, in the same groups", async () => {
    const page = await place.ok(["session"]);
    assert.match(page, /^MAKE, BRANCH, END\n +session create +Create a session/m);
    for (const args of [
      ["session", "--help"],
      ["help", "session"],
      ["session", "-h"],
    ]) {
      assert.equal(await place.ok(args), page);
    }
    assert.match(await place.ok(["config"]), /^ +config set +Set one setting/m);
  });

  it("of a command fits 80 columns", async () => {
    const page = await place.ok(["prompt", "--help"]);
    assert.equal(await place.ok(["help", "prompt"]), page);
    assert.match(page, /^ {2}\$ pictl prompt \[MESSAGE\.\.\.\] \[FLAGS\]$/m);
    const [text = "", examples = ""] = page.split("EXAMPLES\n");
    for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
    assert.match(examples, /^ {2}\$ git diff \| pictl prompt/m);
    assert.equal(page.match(/Prompt a session and stream the answer/g)?.length, 1);
  });

  it("shows no command that is hidden", async () => {
    assert.doesNotMatch(await place.ok(["--help"]), /\bcomplete\b/);
  });
});

describe("did you mean", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());

  for (const { args, code, suggestion } of [
    { args: ["sesion", "list"], code: "UNKNOWN_COMMAND", suggestion: "session list" },
    { args: ["session", "lsit"], code: "UNKNOWN_COMMAND", suggestion: "session list" },
    { args: ["help", "sesion"], code: "UNKNOWN_COMMAND", suggestion: "session" },
    { args: ["session", "list", "--al"], code: "USAGE", suggestion: "--all" },
    { args: ["prompt", "hi", "--fromat", "json"], code: "USAGE", suggestion: "--format" },
    { args: ["session", "list", "--state", "idel"], code: "USAGE", suggestion: "idle" },
  ]) {
    it(`pictl ${args.join(" ")}`, async () => {
      const result = await place.run(args);
      assert.deepEqual([result.stdout, result.code], ["", 2]);
      assert.ok(result.stderr.includes(`[${code}]\nDid you mean "${suggestion}"`), result.stderr);
      const { error } = await place.json<Refused>(args);
      assert.equal(error.code, code);
      assert.equal(error.details.suggestions[0], suggestion);
    });
  }

  it("says where to look when nothing is near", async () => {
    const result = await place.run(["xyzzy"]);
    assert.equal(result.code, 2);
    assert.match(result.stderr, /There is no command "xyzzy"\. \[UNKNOWN_COMMAND\]\nRun `pictl --help`/);
  });
});
