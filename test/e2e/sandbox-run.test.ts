import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
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
    const { stdout, stderr } = await place.run(args, { cwd: at });
    assert.equal(stderr, "", stdout);
    return stdout;
  }

  /** A PATH on which bubblewrap is one that fails, as the real one does where the kernel refuses. */
  function withoutSandbox(): string {
    const bin = join(place.root, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "bwrap"), "#!/bin/sh\necho 'bwrap: no such luck.' >&2; exit 1\n", {
      mode: 0o755,
    });
    return `${bin}:${process.env.PATH}`;
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

  it("the gate answers from the first moment, and what it refused is in the log", async () => {
    const connect = `curl -sS -o /dev/null -w '%{http_connect}' https://forbidden.example.com/`;
    assert.match(await inside(connect), /403/);
    const { records } = await place.json<{ records: { host: string; verdict: string }[] }>([
      "sandbox",
      "log",
    ]);
    assert.deepEqual(
      records.map(({ host, verdict }) => [host, verdict]),
      [["forbidden.example.com", "refused"]],
    );
    assert.equal(statSync(place.paths.stateDir).mode & 0o777, 0o700);
  });

  it("tells a sandbox that can't be made from a command that says so", async () => {
    const said = await place.run(["sandbox", "run", "--", "sh", "-c", "echo bwrap: me >&2; exit 1"], { cwd });
    assert.deepEqual([said.code, said.stderr], [1, "bwrap: me\n"]);
    const gone = await place.run(["sandbox", "run", "--", "sh", "-c", "echo bwrap: me >&2; exit 1"], {
      cwd,
      env: { PATH: withoutSandbox() },
    });
    assert.equal(gone.code, 7);
    assert.match(gone.stderr, /The sandbox can't be made: no such luck\. \[SANDBOX_UNAVAILABLE\]/);
  });
});
