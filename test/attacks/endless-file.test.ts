import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { attackOutside } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** Larger than what Node reads at once, and than any memory. */
const SIZE = 2 ** 40;

attackOutside("a file that never ends, where pictl reads one", ({ makePlace }) => {
  let place: Workspace;
  beforeEach(() => {
    place = makePlace();
  });
  afterEach(() => place.dispose());

  test("makes neither a command nor the daemon wait, nor fills its memory", async () => {
    const path = (name: string) => join(place.cwd, name);
    const sparse = (name: string) => {
      mkdirSync(join(path(name), ".."), { recursive: true });
      writeFileSync(path(name), "");
      truncateSync(path(name), SIZE);
    };
    const id = await place.ok(["session", "create", "--model", "scripted/echo"]);
    const pid = place.daemonPid();

    execFileSync("mkfifo", [path("pipe.json")]);
    sparse("sparse.json");
    for (const [name, problem] of [
      ["pipe.json", "is not a regular file"],
      ["sparse.json", "is larger than 16777216 bytes"],
    ] as const) {
      const { code, stderr } = await place.run(["prompt", "--model", `scripted/${name}`, "hi"]);
      assert.equal(code, 2, stderr);
      assert.ok(stderr.includes(problem), stderr);
    }

    sparse(".pi/settings.json");
    assert.match(await place.ok(["session", "list"]), /scripted\/echo/);
    await place.ok(["session", "close", id]);
    const started = await place.run(["prompt", "-s", id, "hi"]);
    assert.equal(started.code, 6, started.stderr);
    assert.match(started.stderr, /\.pi\/settings\.json is larger than .* and pi reads it at its start/);
    rmSync(path(".pi/settings.json"));
    sparse(".pi/mcp.json");
    assert.equal(await place.ok(["prompt", "-s", id, "still here"]), "echo: still here");

    // The session's own file, while its agent runs and afterwards.
    const { file = "" } = (await place.ask("get_session", { sessionId: id })).session;
    truncateSync(file, SIZE);
    for (const isClosed of [false, true]) {
      if (isClosed) await place.ask("close_session", { sessionId: id });
      const { code, stderr } = await place.run(["prompt", "-s", id, "again"]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /\.jsonl is larger than 2147483648 bytes.*\[STORAGE_UNAVAILABLE\]/);
      for (const [args, expected] of [
        [["session", "list"], 0],
        [["session", "last", id], isClosed ? 1 : 0],
        [["session", "export", id, "-o", "out.jsonl", "-f", "jsonl"], 1],
        [["session", "clone", id], 1],
        [["history", "search", "here"], 4],
        [["history", "search", "here", "--deep"], 4],
        [["history", "list"], 0],
      ] as const) {
        const result = await place.run([...args]);
        assert.equal(result.code, expected, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
      }
    }
    await place.ok(["session", "delete", "--yes", id]);

    for (const make of [
      () => sparse(".pictl/config.toml"),
      () => execFileSync("mkfifo", [path(".pictl/config.toml")]),
    ]) {
      make();
      const { code, stderr } = await place.run(["prompt", "--new", "--model", "scripted/echo", "hi"]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /config\.toml is (larger than 262144 bytes|not a regular file)/);
      rmSync(path(".pictl/config.toml"));
    }
    assert.equal(place.daemonPid(), pid);
  });
});
