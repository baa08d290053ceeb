import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** What git, and a look for `.git`, take for a repository. */
const MADE = [
  'mkdir -p sub/.git/objects sub/.git/refs; echo "ref: refs/heads/x" > sub/.git/HEAD',
  "mkdir -p sub; echo 'gitdir: nowhere' > sub/.git",
];

attack(
  "a repository that an agent made in a subdirectory",
  "strict",
  ({ profile, makePlace, runInside, ids }) => {
    let place: Workspace;
    beforeEach(() => {
      place = makePlace();
      place.shareCompileCache();
      execFileSync("git", ["init", "-q", place.cwd], ids);
    });
    afterEach(() => place.dispose());

    test("doesn't decide which session a prompt there continues, nor which one has a name", async () => {
      const start = ["prompt", "--sandbox", profile, "--model", "scripted/echo", "--name", "mine"];
      const { sessionId } = await place.json<{ sessionId: string }>([...start, "one"]);
      const sub = join(place.cwd, "sub");
      for (const make of MADE) {
        const { stdout } = await runInside(place, make);
        assert.equal(stdout, "");
        const { session } = await place.ask("get_session", { cwd: sub });
        assert.equal(session.id, sessionId);
        const { sessions } = await place.ask("list_sessions", { cwd: sub });
        assert.deepEqual(
          sessions.map(({ id, current }) => [id, current]),
          [[sessionId, true]],
        );
        const ensured = await place.json<{ session: { id: string } }>(["session", "ensure", "mine"], {
          cwd: sub,
        });
        assert.equal(ensured.session.id, sessionId);
        rmSync(sub, { recursive: true });
      }
    });

    test("hides no settings of the repository around it", async () => {
      await place.ok(["config", "set", "--workspace", "model", "scripted/echo"]);
      for (const make of MADE) {
        await runInside(place, make);
        const cwd = join(place.cwd, "sub");
        assert.equal(await place.ok(["config", "get", "model"], { cwd }), "scripted/echo");
        rmSync(cwd, { recursive: true });
      }
    });
  },
);
