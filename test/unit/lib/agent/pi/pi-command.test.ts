import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { bundledPiCli } from "../../../../../src/lib/agent/pi/bundled-pi.ts";
import { MINIMUM_PI_VERSION, type PiCommand, resolvePi } from "../../../../../src/lib/agent/pi/pi-command.ts";
import type { Environment } from "../../../../../src/lib/core/paths.ts";
import { installPi, memoryCache, temporaryDirectory, writeProgram } from "./pi-fixture.ts";

interface Place {
  root: string;
  bin: string;
  bundled: string;
  resolve: (env?: Environment, command?: string[], places?: string[]) => Promise<PiCommand>;
}

/** A bundled pi 1.0.0 and a PATH of the system's programs behind an empty directory. */
function place(t: TestContext): Place {
  const root = temporaryDirectory(t);
  const bin = join(root, "bin");
  mkdirSync(bin);
  const bundled = installPi(join(root, "bundled"), "1.0.0");
  const cache = memoryCache();
  return {
    root,
    bin,
    bundled,
    resolve: (env = {}, command, places = []) =>
      resolvePi({
        env: { PATH: `${bin}:/usr/bin:/bin`, HOME: root, PWD: root, ...env },
        config: { agent: command ? { command } : {} },
        bundledCli: bundled,
        cache,
        places,
      }),
  };
}

function putOnPath({ root, bin }: Place, version: string): string {
  const path = join(bin, "pi");
  symlinkSync(installPi(join(root, "global"), version), path);
  return path;
}

test("with nothing said and no pi on PATH the bundled one runs on pictl's own Node", async (t) => {
  const here = place(t);
  assert.deepEqual(await here.resolve(), {
    argv: [process.execPath, "--min-semi-space-size=8", here.bundled],
    path: here.bundled,
    version: "1.0.0",
    source: "bundled",
    reason: "It comes with pictl; there is no pi on PATH.",
  });
});

for (const version of ["1.0.0", "1.0.1", "2.0.0"]) {
  test(`a pi ${version} on PATH is preferred to the bundled 1.0.0`, async (t) => {
    const here = place(t);
    const path = putOnPath(here, version);
    const pi = await here.resolve();
    assert.deepEqual([pi.source, pi.path, pi.version], ["PATH", path, version]);
    assert.deepEqual(pi.argv, [process.execPath, "--min-semi-space-size=8", path]);
    assert.match(pi.reason, /not older than the bundled 1\.0\.0/);
  });
}

for (const version of ["0.99.0", "1.0.0-rc.1"]) {
  test(`an older pi ${version} on PATH is passed over, and the reason says so`, async (t) => {
    const here = place(t);
    const path = putOnPath(here, version);
    const pi = await here.resolve();
    assert.deepEqual([pi.source, pi.path], ["bundled", here.bundled]);
    assert.ok(pi.reason.includes(path) && pi.reason.includes(version), pi.reason);
  });
}

test("a pi on PATH that is the bundled one itself, as npm's .bin links it, is the bundled one", async (t) => {
  const here = place(t);
  symlinkSync(here.bundled, join(here.bin, "pi"));
  const pi = await here.resolve();
  assert.deepEqual([pi.source, pi.path], ["bundled", here.bundled]);
  assert.match(pi.reason, /first pi on PATH/);
});

test("something else that is called pi keeps nobody from working", async (t) => {
  const here = place(t);
  writeProgram(join(here.bin, "pi"), "#!/bin/sh\necho 3.14159\n");
  const pi = await here.resolve();
  assert.equal(pi.source, "bundled");
  assert.match(pi.reason, /can't be used: .*3\.14159/);
});

test("a pi on PATH that may not be executed, or in a relative directory, isn't found", async (t) => {
  const here = place(t);
  writeProgram(join(here.bin, "pi"), "#!/bin/sh\necho 2.0.0\n", 0o644);
  assert.match((await here.resolve()).reason, /no pi on PATH/);
  assert.match((await here.resolve({ PATH: ".:bin::" })).reason, /no pi on PATH/);
  assert.match((await here.resolve({ PATH: undefined })).reason, /no pi on PATH/);
});

test("PICTL_PI wins over agent.command, which wins over PATH", async (t) => {
  const here = place(t);
  putOnPath(here, "3.0.0");
  const named = installPi(join(here.root, "named"), "1.1.0");
  const configured = installPi(join(here.root, "configured"), "1.2.0");
  const fromEnv = await here.resolve({ PICTL_PI: named }, [configured]);
  assert.deepEqual([fromEnv.source, fromEnv.version], ["PICTL_PI", "1.1.0"]);
  const fromConfig = await here.resolve({ PICTL_PI: "" }, [configured, "--offline"]);
  assert.deepEqual([fromConfig.source, fromConfig.version], ["config", "1.2.0"]);
  assert.deepEqual(fromConfig.argv, [process.execPath, "--min-semi-space-size=8", configured, "--offline"]);
});

test("PICTL_PI is a path, ~/, relative to the shell's directory, or a name on PATH", async (t) => {
  const here = place(t);
  writeProgram(join(here.bin, "my-pi"), "#!/bin/sh\necho 1.3.0\n");
  for (const name of [join(here.bin, "my-pi"), "~/bin/my-pi", "./bin/my-pi", "my-pi"]) {
    const pi = await here.resolve({ PICTL_PI: name });
    assert.deepEqual(pi.argv, [join(here.bin, "my-pi")], name);
  }
});

const scripts: { name: string; file: string; text: string; argv: (path: string) => string[] }[] = [
  {
    name: "a wrapper for the shell runs as it is",
    file: "pi",
    text: "#!/bin/sh\necho 1.3.0\n",
    argv: (path) => [path],
  },
  {
    name: "a script for Node runs on pictl's own, with the options of its first line",
    file: "pi",
    text: "#!/usr/bin/env -S node --no-warnings\nconsole.log('1.3.0')\n",
    argv: (path) => [process.execPath, "--min-semi-space-size=8", "--no-warnings", path],
  },
  {
    name: "a file named .cjs needs neither first line nor permission",
    file: "pi.cjs",
    text: "console.log('1.3.0')\n",
    argv: (path) => [process.execPath, "--min-semi-space-size=8", path],
  },
  {
    name: "an interpreter in a directory named after Node isn't Node",
    file: "pi",
    text: "#!/usr/bin/env -S sh\n# node\necho 1.3.0\n",
    argv: (path) => [path],
  },
];
for (const { name, file, text, argv } of scripts) {
  test(name, async (t) => {
    const here = place(t);
    const path = writeProgram(
      join(here.root, "node-tools", file),
      text,
      file.endsWith(".cjs") ? 0o644 : 0o755,
    );
    const pi = await here.resolve({ PICTL_PI: path });
    assert.deepEqual(pi.argv, argv(path));
    assert.equal(pi.version, "1.3.0");
  });
}

test("what PICTL_PI or agent.command names and isn't there is refused, not replaced", async (t) => {
  const here = place(t);
  await assert.rejects(here.resolve({ PICTL_PI: "/nowhere/pi" }), {
    code: "PI_NOT_FOUND",
    message: /\/nowhere\/pi.*PICTL_PI/,
    hint: /./,
  });
  await assert.rejects(here.resolve({ PICTL_PI: here.root }), { code: "PI_NOT_FOUND" });
  await assert.rejects(here.resolve({}, ["no-such-program"]), {
    code: "PI_NOT_FOUND",
    message: /"no-such-program" on PATH.*agent\.command/,
  });
  const plain = writeProgram(join(here.root, "plain"), "#!/bin/sh\n", 0o644);
  await assert.rejects(here.resolve({ PICTL_PI: plain }), {
    code: "PI_NOT_FOUND",
    message: /can't be executed/,
    hint: /chmod \+x/,
  });
});

test("a pi below the minimum is refused, naming both versions", async (t) => {
  const here = place(t);
  const old = installPi(join(here.root, "old"), "0.73.0");
  for (const [env, command] of [[{ PICTL_PI: old }], [{}, [old]]] as const) {
    await assert.rejects(
      here.resolve(env, command ? [...command] : undefined),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "PI_TOO_OLD");
        assert.ok(
          error.message.includes("0.73.0") && error.message.includes(MINIMUM_PI_VERSION),
          error.message,
        );
        return true;
      },
    );
  }
});

test("the bundled pi is the installed dependency, and new enough", async (t) => {
  const here = place(t);
  const cli = bundledPiCli();
  assert.ok(cli.endsWith("node_modules/@earendil-works/pi-coding-agent/dist/bundle/cli.js"), cli);
  const bin = join(dirname(cli), "../../../../.bin");
  const pi = await resolvePi({
    env: { PATH: bin, HOME: here.root },
    config: { agent: {} },
    bundledCli: cli,
    cache: memoryCache(),
    places: [],
  });
  assert.deepEqual([pi.source, pi.path], ["bundled", cli]);
});

test("a pi that sandboxed agents can write is passed over on PATH, refused by its name, and used by its path", async (t) => {
  const here = place(t);
  const planted = writeProgram(join(here.bin, "pi"), "#!/bin/sh\necho 9.0.0\n");
  const places = [here.bin];
  const passedOver = await here.resolve({}, undefined, places);
  assert.equal(passedOver.source, "bundled");
  assert.ok(passedOver.reason.includes(`agents in sandboxes can write to ${here.bin}`), passedOver.reason);
  for (const [env, command] of [[{ PICTL_PI: "pi" }], [{ PICTL_PI: "bin/pi" }], [{}, ["pi"]]] as const) {
    await assert.rejects(here.resolve(env, command && [...command], places), {
      code: "PI_NOT_FOUND",
      message: /isn't used: agents in sandboxes can write to /,
      hint: /absolute path/,
    });
  }
  const named = await here.resolve({ PICTL_PI: planted }, undefined, places);
  assert.deepEqual([named.source, named.path, named.version], ["PICTL_PI", planted, "9.0.0"]);
});
