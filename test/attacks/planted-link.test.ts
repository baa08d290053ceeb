import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { noteAgentPlaces } from "../../src/lib/core/outside/agent-places.ts";
import { refuseOpenedOutside } from "../../src/lib/core/outside/planted-link.ts";
import { attackOutside } from "../support/attack.ts";
import { writeSession } from "../support/session-file.ts";
import type { Workspace } from "../support/workspace.ts";

attackOutside("what an agent has made in the workspace", ({ makePlace, ids }) => {
  let place: Workspace;
  const noteAgentPlace = () => {
    mkdirSync(dirname(place.paths.agentPlaces), { recursive: true, mode: 0o700 });
    noteAgentPlaces(place.paths.agentPlaces, [place.cwd]);
  };
  beforeEach(() => {
    place = makePlace();
  });
  afterEach(() => place.dispose());

  test("a link leads no export and no settings out of it", async () => {
    const outside = join(place.root, "outside");
    const canary = join(outside, "canary");
    mkdirSync(outside);
    writeFileSync(canary, "untouched");
    symlinkSync(canary, join(place.cwd, "report.md"));
    symlinkSync(join(outside, "new"), join(place.cwd, "new.md"));
    mkdirSync(join(place.cwd, "out"));
    symlinkSync(outside, join(place.cwd, "out", "reports"));
    symlinkSync(outside, join(place.cwd, ".pictl"));
    const id = writeSession(place, ["hi"]);
    const refused = async (...args: string[]) => {
      const { code, stderr } = await place.run(args);
      assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
      assert.match(stderr, /is a symbolic link/);
    };
    await refused("session", "export", id, "-o", "report.md", "--force");
    await refused("session", "export", id, "-o", "new.md");
    for (const format of ["md", "html", "jsonl"])
      await refused("session", "export", id, "-f", format, "-o", "out/reports/x");
    await refused("session", "export", id, "-o", "out/reports/canary", "--force");
    await refused("config", "set", "--workspace", "model", "scripted/echo");
    await refused("sandbox", "init", "--workspace");
    assert.equal(readFileSync(canary, "utf8"), "untouched");
    assert.deepEqual(
      ["new", "x", "config.toml", "sandbox.toml"].filter((name) => existsSync(join(outside, name))),
      [],
    );
    // The user's own link, from outside of the directory in which the agent works.
    const link = join(place.root, "documents");
    symlinkSync(outside, link);
    await place.ok(["session", "export", id, "-o", join(link, "mine.md")]);
    assert.match(readFileSync(join(outside, "mine.md"), "utf8"), /hi/);
  });

  test("a link gives the agent no file from outside, whichever way the user names the file", async () => {
    noteAgentPlace();
    const outside = join(place.root, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "key"), "a secret");
    writeFileSync(join(outside, "skill.json"), '{"responses":[[{"text":"a secret"}]]}');
    symlinkSync(join(outside, "key"), join(place.cwd, "notes.md"));
    symlinkSync(outside, join(place.cwd, "sub"));
    const refused = async (...args: string[]) => {
      const { code, stdout, stderr } = await place.run(args);
      assert.equal(code, 7, `${args.join(" ")}: ${stdout}${stderr}`);
      assert.match(stderr, /symbolic link to .*outside/);
    };
    const prompt = ["prompt", "--new", "--model", "scripted/echo", "look"];
    await refused(...prompt, "@notes.md");
    await refused(...prompt, "@sub/key");
    await refused(...prompt, "--file", "notes.md");
    await refused("session", "create", "--system-prompt", "notes.md");
    await refused("session", "create", "--append-system-prompt", "sub/key");
    await refused("session", "create", "--model", "scripted/sub/skill.json");
    await refused("session", "create", "--cwd", "sub");
    for (const flag of ["-e", "--skill", "--prompt-template", "--theme"])
      await refused("session", "create", "--", flag, "sub/key");
    // A file of its own when it was named.
    writeFileSync(join(place.cwd, "skill.md"), "mine");
    await place.ok([
      "session",
      "create",
      "--name",
      "later",
      "--model",
      "scripted/echo",
      "--",
      "--skill",
      "skill.md",
    ]);
    await place.ok(["session", "close", "-s", "later"]);
    rmSync(join(place.cwd, "skill.md"));
    symlinkSync(join(outside, "key"), join(place.cwd, "skill.md"));
    await refused("prompt", "-s", "later", "look");
    // A link that stays in the place, and the user's own ones from elsewhere.
    writeFileSync(join(place.cwd, "AGENTS.md"), "mine");
    symlinkSync("AGENTS.md", join(place.cwd, "CLAUDE.md"));
    symlinkSync(join(outside, "key"), join(place.root, "mine"));
    symlinkSync(place.cwd, join(place.root, "project"));
    const answer = await place.ok([
      ...prompt,
      "@CLAUDE.md",
      `@${join(place.root, "mine")}`,
      "--file",
      join(place.root, "project", "AGENTS.md"),
      "--system-prompt",
      "CLAUDE.md",
    ]);
    assert.match(answer, /mine.*a secret.*mine/s);
  });

  test("a link is seen also when it is taken away again while the file is opened", async () => {
    const key = join(place.root, "key");
    writeFileSync(key, "a secret");
    writeFileSync(join(place.cwd, "notes.md"), "notes");
    const fd = openSync(key, "r");
    try {
      assert.throws(() => refuseOpenedOutside(fd, join(place.cwd, "notes.md"), [place.cwd]), {
        code: "SANDBOX_CHANGED",
      });
    } finally {
      closeSync(fd);
    }
  });

  test("a pipe keeps no export waiting", async () => {
    noteAgentPlace();
    const id = writeSession(place, ["hi"]);
    const own = join(place.root, "own");
    execFileSync("mkfifo", [join(place.cwd, "pipe"), own]);
    const { code, stderr } = await place.run(["session", "export", id, "-o", "pipe", "--force"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /no ordinary file/);
    // The user's own.
    const [, text] = await Promise.all([
      place.ok(["session", "export", id, "-o", own]),
      promisify(execFile)("cat", [own], ids).then(({ stdout }) => stdout),
    ]);
    assert.match(text, /hi/);
  });
});
