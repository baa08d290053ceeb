import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { isShared } from "../../src/lib/core/foreign-places.ts";
import { attackOutside } from "../support/attack.ts";
import { BIN, type Workspace } from "../support/workspace.ts";

/** An id that no password file has. */
const UID = 1_234_567;

attackOutside("a PICTL_HOME that somebody else has prepared", ({ makePlace, ids }) => {
  let place: Workspace;
  let config: string;
  const asRoot = process.getuid?.() === 0 ? false : "only root can give files to others";
  const { uid: me = process.getuid?.() ?? 0, gid: mine = process.getgid?.() ?? 0 } = ids;
  /** Without giving all to the user again first. */
  const run = (args: readonly string[]) => {
    const env = place.env as NodeJS.ProcessEnv;
    const options = { cwd: place.cwd, env, encoding: "utf8", ...ids } as const;
    return spawnSync(process.execPath, [BIN, ...args], options);
  };
  const assertRefused = (path: string, what: RegExp) => {
    for (const args of [
      ["config", "show"],
      ["session", "list"],
      ["sandbox", "show"],
    ]) {
      const { status, stdout, stderr } = run(args);
      assert.deepEqual([status, stdout], [9, ""], stderr);
      assert.match(stderr, what);
      assert.ok(stderr.includes(path) && stderr.includes("[UNSAFE_DIRECTORY]"), stderr);
    }
  };
  const accepts = () => {
    const { stdout, stderr } = run(["config", "show"]);
    assert.match(stdout, /scripted\/echo/, stderr);
  };

  beforeEach(() => {
    place = makePlace();
    config = join(place.paths.configDir, "config.toml");
    mkdirSync(place.paths.configDir, { mode: 0o700 });
    writeFileSync(config, 'model = "scripted/echo"\n');
    place.giveToUser();
  });
  afterEach(() => place.dispose());

  test("isn't obeyed where it, or what is in it, is another user's", { skip: asRoot }, () => {
    for (const path of [place.home, place.paths.configDir, config]) {
      accepts();
      chownSync(path, UID, UID);
      assertRefused(
        path,
        new RegExp(
          `belongs to user 1234567, not to you \\(${me}\\).*owner 1234567.*mode [0-7]+.*[\\s\\S]*chown ${me} `,
        ),
      );
      chownSync(path, me, mine);
    }
    const linked = join(place.root, "elsewhere");
    symlinkSync(place.home, linked);
    spawnSync("chown", ["-h", String(UID), linked]);
    place.env.PICTL_HOME = linked;
    assertRefused(linked, /belongs to user 1234567/);
  });

  test("isn't obeyed where others can write in it", () => {
    for (const path of [place.home, place.paths.configDir, config]) {
      accepts();
      chmodSync(path, 0o777);
      assertRefused(path, /can be written by every user.*mode 777\)[\s\S]*chmod o-w/);
      chmodSync(path, 0o700);
    }
    accepts();
  });

  test("isn't where compiled code is run from", { skip: asRoot }, () => {
    const compiled = join(place.root, "cache", "pictl", "compiled");
    mkdirSync(compiled, { recursive: true });
    place.env.XDG_CACHE_HOME = join(place.root, "cache");
    chownSync(compiled, UID, UID);
    accepts();
    assert.deepEqual(readdirSync(compiled), []);
    chownSync(compiled, me, mine);
    accepts();
    assert.equal(readdirSync(compiled).length, 1);
  });

  test("is obeyed where root has made it for users without a name", { skip: asRoot }, () => {
    chmodSync(place.root, 0o755);
    chownSync(config, 0, 0);
    // A volume of a container, as Kubernetes (`fsGroup`) and OpenShift make it.
    for (const group of [0, UID]) {
      for (const path of [place.home, place.paths.configDir]) {
        chownSync(path, 0, group);
        chmodSync(path, 0o2775);
      }
      const { status, stderr, stdout } = spawnSync(process.execPath, [BIN, "config", "show"], {
        cwd: place.cwd,
        env: { ...place.env, HOME: "/" } as NodeJS.ProcessEnv,
        uid: UID,
        gid: group,
        encoding: "utf8",
      });
      if (readFileSync("/etc/passwd", "utf8").includes(`:${UID}:`)) continue;
      assert.equal(status, 0, stderr);
      assert.match(stdout, /scripted\/echo/);
    }
    rmSync(place.paths.configDir, { recursive: true });
  });
});

test("a group is a user's own where nobody else is in it", () => {
  const passwd =
    "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nyou:x:1001:100::/home/you:/bin/sh\n";
  const group = "root:x:0:you\nme:x:1000:\nusers:x:100:\nteam:x:2000:me,you\nmine:x:3000:me,root\n";
  const shared = (gid: number, own: number[] = [1000]) => isShared(gid, 1000, { group, passwd }, own);
  assert.deepEqual(
    [1000, 0, 100, 2000, 3000].map((gid) => shared(gid)),
    [false, false, true, true, false],
  );
  // Containers have no entry for their user; a network directory isn't asked.
  assert.deepEqual([shared(5000), shared(5000, [5000])], [true, false]);
  assert.equal(isShared(1000, 1000, { group: "", passwd: "" }, [1000]), false);
});
