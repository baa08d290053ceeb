import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { Workspace } from "../support/workspace.ts";

const ECHO = ["--model", "scripted/echo"];
const SECRET = "not-for-the-agent-4711";

describe("the sessions of sandboxed agents", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
    execFileSync("git", ["init", "-q", place.cwd]);
    mkdirSync(join(place.root, ".ssh"));
    writeFileSync(join(place.root, ".ssh", "id_test"), SECRET);
  });
  afterEach(() => place.dispose());

  function projectSettings(settings: object): void {
    mkdirSync(join(place.cwd, ".pi"), { recursive: true });
    writeFileSync(join(place.cwd, ".pi", "settings.json"), JSON.stringify(settings));
  }

  it("don't go where the project's settings say, unless that is in the workspace", async () => {
    symlinkSync(join(place.root, ".ssh"), join(place.cwd, "link"));
    for (const sessionDir of ["~/.ssh", "~", join(place.root, "elsewhere"), "link", "link/new"]) {
      projectSettings({ sessionDir });
      const { code, stderr } = await place.run(["prompt", "--new", "--sandbox", "strict", ...ECHO, "hi"]);
      assert.equal(code, 7, stderr);
      assert.ok(stderr.includes(`settings.json: sessionDir "${sessionDir}"`), stderr);
      assert.match(stderr, /SANDBOX_UNAVAILABLE/);
    }
    assert.deepEqual(readdirSync(join(place.root, ".ssh")), ["id_test"]);
    assert.equal(existsSync(join(place.root, "elsewhere")), false);
    projectSettings({ sessionDir: "sessions" });
    await place.ok(["prompt", "--new", "--sandbox", "strict", ...ECHO, "hi"]);
    await place.ok(["session", "close"]);
    assert.match(await place.ok(["prompt", "again"]), /again/);
    assert.equal(
      readdirSync(join(place.cwd, "sessions")).filter((name) => name.endsWith(".jsonl")).length,
      1,
    );
  });

  it("go where the user says, save to what is denied and to the home", async () => {
    for (const directory of [".ssh", ".", ".ssh/sessions"]) {
      const env = { PI_CODING_AGENT_SESSION_DIR: join(place.root, directory) };
      const { code, stderr } = await place.run(["prompt", "--new", "--sandbox", "strict", ...ECHO, "hi"], {
        env,
      });
      assert.equal(code, 7, stderr);
      assert.match(stderr, /can't write to the session directory/);
    }
    const env = { PI_CODING_AGENT_SESSION_DIR: join(place.root, "sessions") };
    await place.ok(["prompt", "--new", "--sandbox", "strict", ...ECHO, "hi"], { env });
    const moved = await place.run(["session", "bash", `mv ${place.root}/sessions/.pictl x`], { env });
    assert.match(moved.stdout, /Read-only file system/, "the locks of who drives a session");
  });
});
