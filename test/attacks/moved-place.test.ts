import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

const SECRET = "canary-4711";

attack("a place that an agent moved before the next start", "strict", ({ profile, makePlace, ids }) => {
  let place: Workspace;
  let outside: string;
  const path = (name: string) => join(place.cwd, name);
  const policy = (line: string) => {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(join(place.paths.configDir, "sandbox.toml"), `profile = "${profile}"\n${line}\n`);
  };
  const inside = (script: string) => place.run(["sandbox", "run", "--", "sh", "-c", script]);

  beforeEach(() => {
    place = makePlace();
    place.shareCompileCache();
    execFileSync("git", ["init", "-q", place.cwd], ids);
    outside = join(place.root, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "key"), SECRET);
    mkdirSync(path("config"));
    writeFileSync(path("config/secrets.env"), SECRET);
  });
  afterEach(() => place.dispose());

  test("is denied still: neither it nor the directory around it can be renamed", async () => {
    policy(`deny_read = [${JSON.stringify(path("config/secrets.env"))}]`);
    const { stdout } = await inside(
      "mv config m; mv config/secrets.env config/s; ln config/secrets.env s; cat */*; echo new > config/other; mv config/other .; echo done",
    );
    assert.equal(stdout.includes(SECRET), false, stdout);
    assert.match(stdout, /done/);
    assert.deepEqual([existsSync(path("config/secrets.env")), existsSync(path("other"))], [true, true]);
    assert.equal((await inside("cat config/secrets.env m/secrets.env s")).stdout, "");
  });

  test("isn't opened where a link was put in its way", async () => {
    for (const key of ["allow_read", "allow_write", "deny_read"]) {
      policy(`${key} = [${JSON.stringify(path("vendor/data"))}]`);
      mkdirSync(path("vendor"));
      symlinkSync(outside, path("vendor/data"));
      const { code, stdout, stderr } = await inside(`cat vendor/data/key; echo x > vendor/data/key`);
      assert.equal(code, 7, `${key}: ${stderr}`);
      assert.match(stderr, /vendor\/data, a symbolic link to .*\[SANDBOX_CHANGED\]/);
      assert.equal(stdout, "");
      rmSync(path("vendor"), { recursive: true });
    }
  });

  test("isn't worked in when the session's directory is a link now, until a copy is made there or it is put back", async () => {
    mkdirSync(path("sub"));
    const start = ["prompt", "--sandbox", profile, "--model", "scripted/echo"];
    const { sessionId: id } = await place.json<{ sessionId: string }>([...start, "hi"], { cwd: path("sub") });
    const moving = `cd .. && mv sub moved && ln -s ${outside} sub`;
    await place.ok(["session", "bash", "-s", id, moving]);
    await place.ok(["session", "close", id]);
    for (const args of [
      ["prompt", "-s", id, "go on"],
      ["session", "bash", "-s", id, "cat key"],
    ]) {
      const { code, stdout, stderr } = await place.run(args);
      assert.equal(code, 7, stderr);
      assert.match(stderr, /leads to .*outside now[\s\S]*prompt --fork --cwd/);
      assert.equal(stdout.includes(SECRET), false);
    }
    const copy = (cwd: string) => place.run(["prompt", "--fork", "--cwd", cwd, "-s", id, "there"]);
    assert.equal((await copy(path("sub"))).code, 7);
    const copied = await copy(outside);
    assert.match(copied.stdout, /^echo: there/, copied.stderr);
    rmSync(path("sub"));
    renameSync(path("moved"), path("sub"));
    assert.match(await place.ok(["prompt", "-s", id, "back"]), /^echo: back .*the first was: hi/);
  });

  test("isn't read where a file that the session was given is a link now", async () => {
    writeFileSync(path("skill.md"), "---\nname: s\ndescription: d\n---\nhi\n");
    const create = ["session", "create", "--sandbox", profile, "--model", "scripted/echo"];
    const id = await place.ok([...create, "--", "--skill", "./skill.md"]);
    await place.ok(["session", "close", id]);
    rmSync(path("skill.md"));
    symlinkSync(join(outside, "key"), path("skill.md"));
    const { code, stderr } = await place.run(["session", "bash", "-s", id, `cat ${outside}/key`]);
    assert.equal(code, 7, stderr);
    assert.match(stderr, /skill\.md, a symbolic link to .*key that an agent/);
  });
});
