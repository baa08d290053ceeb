import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Workspace } from "../support/workspace.ts";

interface Shown {
  values: { key: string; value: unknown; origin: string; path?: string; line?: number }[];
}

describe("config", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
    mkdirSync(join(place.cwd, ".git"));
  });
  after(() => place.dispose());

  const user = () => place.paths.config;
  const workspace = () => join(place.cwd, ".pictl", "config.toml");

  it("sets, gets, shows with origins and unsets", async () => {
    assert.equal(await place.ok(["config", "path"]), user());
    assert.equal(await place.ok(["config", "path", "--workspace"]), workspace());
    assert.equal(await place.ok(["config", "set", "model", "a/b"]), `model = a/b (${user()})`);
    const overriding = await place.run(["config", "set", "model", "scripted/echo", "--workspace"]);
    assert.equal(overriding.stderr, "");
    assert.equal(await place.ok(["config", "get", "model"]), "scripted/echo");
    const { values } = await place.json<Shown>(["config", "show"]);
    const model = values.find(({ key }) => key === "model");
    assert.deepEqual(model, {
      key: "model",
      value: "scripted/echo",
      origin: "workspace",
      path: workspace(),
      line: 1,
    });
    assert.equal(values.find(({ key }) => key === "limits.max_live_agents")?.origin, "default");
    assert.match(
      await place.ok(["config", "show"]),
      /^model +scripted\/echo +workspace \(.*config\.toml:1\)$/m,
    );
    const hidden = await place.run(["config", "set", "model", "c/d"]);
    assert.match(hidden.stderr, /^model is scripted\/echo here, from workspace /);
    assert.equal(hidden.code, 0);
    await place.ok(["config", "unset", "model"]);
    assert.equal(readFileSync(user(), "utf8"), "");
    // The sessions of this directory get it.
    await place.ok(["prompt", "--new", "hi"]);
    const none = await place.run(["config", "get", "thinking"]);
    assert.deepEqual([none.stdout, none.code], ["", 0]);
    assert.match(none.stderr, /thinking is not set: default/);
  });

  it("refuses unknown keys and bad values with exit code 2", async () => {
    for (const args of [
      ["get", "modle"],
      ["set", "modle", "x"],
      ["unset", "modle"],
    ]) {
      const { error } = await place.json<{ error: { code: string; details: { suggestions: string[] } } }>([
        "config",
        ...args,
      ]);
      assert.equal(error.code, "USAGE");
      assert.deepEqual(error.details.suggestions, ["model"]);
    }
    const bad = await place.run(["config", "set", "limits.park_after", "soon"]);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /limits\.park_after can't be "soon"/);
    assert.equal((await place.run(["config", "set", "limits.park_after", "1m", "-w"])).code, 2);
  });

  it("says when a running daemon must be restarted, and only then", async () => {
    await place.ok(["daemon", "start"]);
    const limit = await place.run(["config", "set", "limits.max_live_agents", "3"]);
    assert.match(limit.stderr, /max_live_agents when it starts: pictl daemon restart/);
    const same = await place.json(["config", "set", "limits.max_live_agents", "3"]);
    assert.equal(same.restartNeeded, false);
    assert.equal((await place.run(["config", "set", "thinking", "low"])).stderr, "");
    await place.ok(["daemon", "stop"]);
    assert.equal((await place.run(["config", "set", "limits.max_live_agents", "4"])).stderr, "");
    await place.ok(["config", "unset", "limits.max_live_agents"]);
  });

  it("format is what prompt prints without --format", async () => {
    await place.ok(["config", "set", "format", "json"]);
    const document = JSON.parse(await place.ok(["prompt", "--new", "hi"])) as { text: string };
    assert.match(document.text, /^echo: hi/);
    assert.match(await place.ok(["prompt", "--format", "text", "hi"]), /^echo: hi/);
    await place.ok(["config", "set", "format", "quiet", "--workspace"]);
    assert.match(await place.ok(["prompt", "hi"]), /^echo: hi/);
    await place.ok(["config", "unset", "format", "--workspace"]);
    await place.ok(["config", "unset", "format"]);
  });

  it("a mistake in format's file is told with line and key before anything is sent", async () => {
    writeFileSync(workspace(), 'model = "scripted/echo"\nformat = "jsn"\n');
    const refused = await place.run(["prompt", "hi"]);
    assert.equal(refused.code, 2);
    assert.ok(refused.stderr.startsWith(`Error: ${workspace()}:2: format: `), refused.stderr);
    assert.equal((await place.run(["config", "show"])).code, 2);
    await place.ok(["config", "set", "--workspace", "format", "text"]);
    assert.match(await place.ok(["prompt", "hi"]), /^echo: hi/);
  });
});
