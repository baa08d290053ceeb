import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { Workspace } from "../support/workspace.ts";

describe("sandbox run", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  /** Of somebody who has never used pi or pictl. */
  let home: string;
  let cwd: string;
  beforeEach(() => {
    place = new Workspace();
    home = join(place.root, "home");
    cwd = join(home, "project");
    mkdirSync(cwd, { recursive: true });
    execFileSync("git", ["init", "-q", cwd]);
    Object.assign(place.env, {
      HOME: home,
      PICTL_HOME: join(home, "ph"),
      PI_CODING_AGENT_DIR: undefined,
    });
  });
  afterEach(() => place.dispose());

  /** Runs a shell's line inside; gives what it printed, its errors included. */
  async function inside(line: string, { profile = "development", at = cwd } = {}): Promise<string> {
    const args = ["sandbox", "run", "--profile", profile, "--", "sh", "-c", `exec 2>&1; ${line}`];
    const { stdout, stderr, code } = await place.run(args, { cwd: at });
    assert.equal(stderr, "", stdout);
    assert.notEqual(code, 7);
    return stdout;
  }

  for (const profile of ["minimal", "development", "strict"]) {
    it(`${profile}: runs where nobody has used pi or pictl before`, async () => {
      assert.equal(await inside("echo hi", { profile }), "hi\n");
      assert.equal(statSync(join(home, ".pi/agent")).mode & 0o777, 0o700);
    });
  }

  it("sandbox show --args shows the command line, and makes nothing", async () => {
    const shown = await place.ok(["sandbox", "show", "--args"], { cwd });
    assert.match(shown, /^--bind\n.*\/\.pi\/agent\/sessions\/--.*project--\n/m);
    assert.equal(existsSync(join(cwd, ".git/commondir")), false);
    assert.equal(existsSync(join(home, ".pi")), false);
    assert.equal(existsSync(join(home, "ph")), false);
  });
});
