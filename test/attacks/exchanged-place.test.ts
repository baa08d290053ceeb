import assert from "node:assert/strict";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { findBubblewrap } from "../../src/lib/sandbox/bubblewrap/find-bubblewrap.ts";
import { openSandbox } from "../../src/lib/sandbox/open-sandbox.ts";
import { planSandbox } from "../../src/lib/sandbox/plan.ts";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

const SECRET = "canary-4711";

/**
 * Another agent works in a directory around the place, and puts a link there at the worst moment: after pictl has looked
 * at it, and before bubblewrap mounts it. A bubblewrap that does that first makes it happen each time.
 */
attack("a place that is exchanged while a sandbox is made", "strict", ({ profile, makePlace }) => {
  let place: Workspace;
  /** Where the other agent writes. */
  let shared: string;
  let outside: string;
  const inShared = (name: string) => join(shared, name);
  const link = (name: string, how = "r") =>
    `mv ${inShared(name)} ${inShared("moved")} && ln -s${how} ${outside} ${inShared(name)}`;
  const policy = (...lines: string[]) =>
    writeFileSync(
      join(place.paths.configDir, "sandbox.toml"),
      [`profile = "${profile}"`, ...lines, ""].join("\n"),
    );
  /** What bubblewrap is preceded by, once. */
  const precede = (script: string) => {
    const once = join(place.root, "once");
    writeFileSync(once, `rm ${once}\n${script}\n`);
  };
  const run = (script: string, cwd = place.cwd) =>
    place.run(["sandbox", "run", "--", "sh", "-c", script], { cwd });
  const assertRefused = ({ code, stdout, stderr }: Awaited<ReturnType<typeof run>>) => {
    assert.equal(code, 7, stderr);
    assert.match(stderr, /was exchanged while the sandbox was made: .*\[SANDBOX_CHANGED\]/);
    assert.equal(stdout.includes(SECRET) || stderr.includes(SECRET), false, stderr);
    assert.equal(stdout, "");
  };

  before(async () => {
    place = makePlace();
    place.shareCompileCache();
    shared = join(place.root, "shared");
    outside = join(place.root, "outside");
    for (const path of [shared, outside, join(place.root, "bin"), place.paths.configDir])
      mkdirSync(path, { recursive: true });
    writeFileSync(join(outside, "key"), SECRET);
    const bubblewrap = findBubblewrap(process.env, []);
    const once = join(place.root, "once");
    const script = `#!/bin/sh\n[ ! -e ${once} ] || . ${once}\nexec ${bubblewrap} "$@"\n`;
    writeFileSync(join(place.root, "bin", "bwrap"), script, { mode: 0o755 });
    place.env.PATH = `${join(place.root, "bin")}:${place.env.PATH}`;
    policy();
    assert.equal((await run("true", shared)).code, 0);
  });
  beforeEach(() => {
    for (const name of readdirSync(shared)) rmSync(inShared(name), { recursive: true });
    mkdirSync(inShared("sub"));
    writeFileSync(inShared("sub/key"), "harmless");
    policy();
  });
  after(() => place.dispose());

  test("isn't worked in where it is the directory of a command or a session", async () => {
    precede(link("sub"));
    assertRefused(await run("cat key; echo x > new", inShared("sub")));
    assert.throws(() => readFileSync(join(outside, "new")));
    rmSync(inShared("sub"));
    renameSync(inShared("moved"), inShared("sub"));
    assert.equal((await run("cat key", inShared("sub"))).stdout, "harmless");
    precede(link("sub", ""));
    const { code, stderr } = await run("cat key", inShared("sub"));
    assert.equal(code, 7);
    assert.match(stderr, /\[SANDBOX_CHANGED\]/, stderr);
    rmSync(inShared("sub"));
    renameSync(inShared("moved"), inShared("sub"));
    precede(link("sub"));
    const create = ["session", "create", "--sandbox", profile, "--model", "scripted/echo"];
    assertRefused(await place.run(create, { cwd: inShared("sub") }));
  });

  test("isn't read or written where the policy names it, nor what is beside a denied place in it", async () => {
    const sub = JSON.stringify(inShared("sub"));
    mkdirSync(inShared("sub/deep"));
    const denied = `deny_read = [${JSON.stringify(inShared("sub/none"))}]`;
    for (const lines of [
      [`allow_read = [${sub}]`],
      [`allow_write = [${sub}]`],
      [`allow_read = [${sub}]`, denied],
    ]) {
      policy(...lines);
      const script = `cat ${inShared("sub/key")}; cat ${inShared("sub/deep/key")}; echo x > ${inShared("sub/new")}`;
      assert.match((await run(script)).stdout, /^harmless/, String(lines));
      precede(link(lines.length > 1 ? "sub/deep" : "sub"));
      assertRefused(await run(script));
      rmSync(inShared("sub"), { recursive: true, force: true });
      rmSync(inShared("moved"), { recursive: true });
      mkdirSync(inShared("sub/deep"), { recursive: true });
      writeFileSync(inShared("sub/key"), "harmless");
    }
    assert.throws(() => readFileSync(join(outside, "new")));
  });

  test("isn't read where it is a file that the session was given", async () => {
    writeFileSync(inShared("skill.md"), "---\nname: s\ndescription: d\n---\nhi\n");
    precede(`rm ${inShared("skill.md")} && ln -sr ${join(outside, "key")} ${inShared("skill.md")}`);
    const create = ["session", "create", "--sandbox", profile, "--model", "scripted/echo"];
    assertRefused(await place.run([...create, "--", "--skill", inShared("skill.md")]));
  });

  test("isn't followed either where it is exchanged before the mounts are listed", async () => {
    const environment = { ...place.env };
    policy(`allow_write = [${JSON.stringify(inShared("sub"))}]`);
    const open = async (cwd: string) => {
      const plan = await planSandbox({
        always: true,
        cwd,
        environment,
        paths: place.paths,
        agentDir: place.agentDir,
      });
      const options = { environment, agentPlaces: [shared], runtimeDir: undefined, onLog: () => {} };
      return await openSandbox(plan, options);
    };
    for (const cwd of [place.cwd, inShared("sub")]) {
      const sandbox = await open(cwd);
      sandbox.arguments(["true"], cwd);
      renameSync(inShared("sub"), inShared("moved"));
      symlinkSync(outside, inShared("sub"));
      assert.throws(() => sandbox.arguments(["true"], cwd), { code: "SANDBOX_CHANGED" });
      rmSync(inShared("sub"));
      renameSync(inShared("moved"), inShared("sub"));
      await sandbox.close();
    }
  });
});
