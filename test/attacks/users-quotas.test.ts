import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { userQuotas } from "../../src/lib/sandbox/bubblewrap/user-quotas.ts";
import { instanceCalls, timerCalls } from "../../src/lib/sandbox/check/rows/limits.ts";
import { programOf } from "../../src/lib/sandbox/check/steps.ts";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** Of what the kernel counts for a user altogether, with the error by which it refuses more. */
const TIMERS = 1024;
const { EAGAIN, EMFILE } = constants.errno;

/** Other programs of the same user, such as another run of this test, may take some for a moment. */
const retried = (program: string) =>
  `for try in 1 2 3 4 5; do ${program}; code=$?; [ $code = 0 ] && break; sleep 0.1; done`;

attack(
  "a sandboxed program that takes all it gets of what its user has altogether",
  "strict",
  ({ profile, makePlace, ids }) => {
    let place: Workspace;
    beforeEach(() => {
      place = makePlace();
    });
    afterEach(() => place.dispose());

    it("leaves as much as it takes", async () => {
      const users = Number(readFileSync("/proc/sys/user/max_inotify_instances", "utf8"));
      const quota = userQuotas().find(({ file }) => file.endsWith("inotify_instances"));
      const instances = Number(quota?.text);
      assert.ok(instances > 0 && instances <= users / 2);
      const programs = {
        instances: instanceCalls(instances),
        moreInstances: instanceCalls(instances + 1),
        timers: timerCalls(TIMERS),
        moreTimers: timerCalls(TIMERS + 1),
      };
      for (const [name, steps] of Object.entries(programs))
        writeFileSync(join(place.cwd, name), programOf(steps) ?? "", { mode: 0o755 });
      const names = Object.keys(programs);
      const inside = [
        "echo 999999 > /proc/sys/user/max_inotify_instances",
        "ulimit -n unlimited",
        `for each in ${names.join(" ")}; do ${retried("./$each")}; echo $code; done`,
        "ulimit -Hn",
        "grep -E 'realtime priority|nice priority|locked memory|msgqueue' /proc/self/limits",
      ];
      const { stdout } = await place.run(
        ["sandbox", "run", "--profile", profile, "--", "/bin/bash", "-c", inside.join("\n")],
        { cwd: place.cwd },
      );
      const [taken, more, timers, moreTimers, files, ...limits] = stdout.trim().split("\n");
      assert.deepEqual([taken, more], ["0", String(EMFILE)]);
      assert.deepEqual([timers, moreTimers], ["0", String(EAGAIN)]);
      assert.ok(Number(files) <= 65_536);
      const most = limits.map((line) =>
        Number(/\s(\d+)\s+\S+\s*$|\s(\d+)\s*$/.exec(line)?.slice(1).join("")),
      );
      assert.equal(most.length, 4);
      for (const limit of most) assert.ok(limit <= 8 * 1024 ** 2, limits.join("\n"));
      // As many and one more are there for whoever isn't in the sandbox.
      for (const name of names) {
        const { status } = spawnSync("/bin/sh", ["-c", `${retried(`./${name}`)}; exit $code`], {
          cwd: place.cwd,
          ...ids,
        });
        assert.equal(status, 0, name);
      }
    });
  },
);
