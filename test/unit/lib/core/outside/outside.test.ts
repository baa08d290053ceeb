import assert from "node:assert/strict";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  agentPlaceAround,
  agentPlaces,
  forgetAgentPlaces,
  noteAgentPlaces,
} from "../../../../../src/lib/core/outside/agent-places.ts";
import { outsideEnvironment } from "../../../../../src/lib/core/outside/environment.ts";
import { findSystemProgram, searchProgram } from "../../../../../src/lib/core/outside/find-program.ts";
import { startProgram } from "../../../../../src/lib/core/outside/start-program.ts";

describe("programs that run outside", () => {
  let root: string;
  /** In which an agent can write. */
  let workspace: string;
  /** In which none can. */
  let bin: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-outside-")));
    workspace = join(root, "w");
    bin = join(root, "bin");
    for (const directory of [workspace, bin, join(workspace, "bin")]) mkdirSync(directory);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function program(path: string, text = "#!/bin/sh\n"): string {
    writeFileSync(path, text, { mode: 0o755 });
    return path;
  }
  const search = (name: string, ...path: string[]) =>
    searchProgram(name, { PATH: path.join(":"), HOME: root, PWD: root }, [workspace]);

  it("aren't taken from where an agent can write, and the next one on PATH is", () => {
    const planted = program(join(workspace, "bin/tool"));
    const refused = { path: planted, place: workspace };
    assert.deepEqual(search("tool", join(workspace, "bin")), { refused });
    const own = program(join(bin, "tool"));
    assert.deepEqual(search("tool", join(workspace, "bin"), bin), { path: own, refused });
    assert.deepEqual(search("tool", bin, join(workspace, "bin")), { path: own });
  });

  const ways: [name: string, make: () => string][] = [
    ["a link to a file there", () => link(program(join(workspace, "bin/tool")), join(bin, "tool"))],
    [
      "a directory that is a link into it",
      () => {
        program(join(workspace, "bin/tool"));
        rmSync(bin, { recursive: true });
        return link(join(workspace, "bin"), bin);
      },
    ],
    [
      "a link there that leads out again",
      () => {
        link(program(join(root, "other")), join(workspace, "bin/tool"));
        return link(join(workspace, "bin/tool"), join(bin, "tool"));
      },
    ],
    [
      "an interpreter there",
      () => program(join(bin, "tool"), `#!${program(join(workspace, "bin/python"))} -u\n`),
    ],
  ];
  for (const [name, make] of ways) {
    it(`aren't run by ${name}`, () => {
      make();
      const { path, refused } = search("tool", bin);
      assert.deepEqual([path, refused?.place], [undefined, workspace]);
    });
  }

  function link(target: string, path: string): string {
    symlinkSync(target, path);
    return path;
  }

  it("aren't looked for in relative or empty entries, nor by a relative path that leads there", () => {
    program(join(workspace, "bin/tool"));
    const before = process.cwd();
    process.chdir(join(workspace, "bin"));
    try {
      assert.deepEqual(search("tool", "", ".", "bin", "../bin"), {});
    } finally {
      process.chdir(before);
    }
    assert.equal(search("w/bin/tool").refused?.place, workspace);
    assert.deepEqual(search(join(workspace, "bin/tool")), { path: join(workspace, "bin/tool") });
  });

  it("get no entry of PATH and the like, and no option, that leads there", () => {
    const env = {
      PATH: `:bin:${workspace}/bin:/usr/bin`,
      LD_LIBRARY_PATH: `${workspace}/lib`,
      PYTHONPATH: `/opt/python:${workspace}`,
      LD_PRELOAD: `/usr/lib/a.so ${workspace}/b.so`,
      NODE_OPTIONS: `--no-warnings --require=${workspace}/.pnp.cjs`,
      BASH_ENV: "./env.sh",
      RUBYOPT: "-W0",
      HOME: workspace,
      KEY: `${workspace}/x`,
    };
    const { LD_LIBRARY_PATH, LD_PRELOAD, NODE_OPTIONS, BASH_ENV, ...kept } = outsideEnvironment(env, [
      workspace,
    ]);
    assert.deepEqual([LD_LIBRARY_PATH, LD_PRELOAD, NODE_OPTIONS, BASH_ENV], Array(4).fill(undefined));
    const { RUBYOPT, HOME, KEY } = env;
    assert.deepEqual(kept, { PATH: "/usr/bin", PYTHONPATH: "/opt/python", RUBYOPT, HOME, KEY });
  });

  it("of the system are found whatever PATH says", () => {
    assert.match(findSystemProgram("sleep") ?? "", /^\/(usr\/)?bin\/sleep$/);
    assert.equal(findSystemProgram("no-such-program-here"), undefined);
  });

  it("aren't started by a name", () => {
    assert.throws(() => startProgram("sleep", ["1"], { env: {} }), /no absolute path/);
  });

  it("the places of agents are remembered as they really are, once, and beyond a line that was cut", () => {
    const file = join(root, "agent-places");
    assert.deepEqual(agentPlaces(file), []);
    symlinkSync(workspace, join(root, "link"));
    const odd = join(root, "with\na line end");
    mkdirSync(odd);
    noteAgentPlaces(file, [join(root, "link"), workspace]);
    appendFileSync(file, '\n"/cut');
    noteAgentPlaces(file, [workspace, odd]);
    assert.deepEqual(agentPlaces(file), [workspace, odd]);
  });

  it("places that are gone are forgotten only when there are too many, the longest known first", () => {
    const file = join(root, "agent-places");
    const places = ["gone-1", "there", "there/inside", "gone-2", "gone-3"].map((name) => join(root, name));
    mkdirSync(join(root, "there"));
    noteAgentPlaces(file, places);
    const forget = () => [...forgetAgentPlaces(file, 3), ...forgetAgentPlaces(file, 3)];
    assert.deepEqual(forget(), [join(root, "gone-1")]);
    assert.deepEqual(
      agentPlaces(file).sort(),
      ["gone-2", "gone-3", "there"].map((name) => join(root, name)),
    );
    assert.deepEqual(forget(), [], "three aren't too many");
    assert.equal(agentPlaceAround(join(root, "there/inside/x"), agentPlaces(file)), join(root, "there"));
  });

  it("places that others note while some are forgotten stay known, and all are at any time", () => {
    const file = join(root, "agent-places");
    const before = [join(root, "gone-1"), join(root, "gone-2")];
    noteAgentPlaces(file, before);
    const opened = openSync(file, "a");
    forgetAgentPlaces(file, 1);
    assert.deepEqual(agentPlaces(file), before);
    // By one who had opened it before, and by one who opens it now.
    writeSync(opened, `\n${JSON.stringify(join(root, "late"))}\n`);
    closeSync(opened);
    noteAgentPlaces(file, [workspace]);
    mkdirSync(join(root, "late"));
    assert.deepEqual(agentPlaces(file), [...before, join(root, "late"), workspace]);
    assert.deepEqual(forgetAgentPlaces(file, 1), before);
    assert.deepEqual(agentPlaces(file), [workspace, join(root, "late")]);
  });
});
