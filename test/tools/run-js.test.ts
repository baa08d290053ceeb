import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const RUN_JS = fileURLToPath(new URL("../../bin/run.js", import.meta.url));
const BUNDLED = `node_modules/node-linux-${process.arch}/bin/node`;
/** Makes the running Node say that it is 20: what run.js asks for is `process.versions.node`. */
const PRETEND_20 = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.0" } });
Object.defineProperty(process, "version", { value: "v20.20.0" });`;

describe("bin/run.js", {
  skip: process.platform === "linux" ? false : "the Node that comes along is for Linux",
}, () => {
  let root = "";
  let pkg = "";
  let pretend = "";

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "pictl-run-"));
    pkg = join(root, "lib/node_modules/pictl");
    mkdirSync(join(pkg, "bin"), { recursive: true });
    mkdirSync(join(pkg, "dist/lib/cli"), { recursive: true });
    mkdirSync(join(root, "bin"));
    copyFileSync(RUN_JS, join(pkg, "bin/run.js"));
    writeFileSync(join(pkg, "package.json"), '{"type":"module"}');
    writeMain("process.stdout.write(JSON.stringify({ argv, root, node: process.execPath }));");
    symlinkSync("../lib/node_modules/pictl/bin/run.js", join(root, "bin/pictl"));
    const hook = join(root, "pretend.mjs");
    writeFileSync(hook, PRETEND_20);
    pretend = `--import=${pathToFileURL(hook).href}`;
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function writeMain(body: string): void {
    writeFileSync(join(pkg, "dist/lib/cli/main.js"), `export async function run(argv, root) { ${body} }`);
  }

  /** A Node that comes along: a script that leaves a mark and is the running Node otherwise. */
  function bundleNode(at: string): void {
    mkdirSync(join(at, ".."), { recursive: true });
    writeFileSync(at, `#!/bin/sh\nBUNDLED=yes exec '${process.execPath}' "$@"\n`);
    chmodSync(at, 0o755);
  }

  function run(command: string, args: string[], path = `${join(process.execPath, "..")}:/usr/bin:/bin`) {
    return spawnSync(command, args, { encoding: "utf8", env: { PATH: path, HOME: root } });
  }

  it("uses the Node on PATH when none came along, and passes arguments as they are", () => {
    const { stdout, stderr, status } = run(join(root, "bin/pictl"), ["a b", "", "$HOME", "-x"]);
    assert.deepEqual(JSON.parse(stdout).argv, ["a b", "", "$HOME", "-x"]);
    assert.equal(JSON.parse(stdout).root, pkg);
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  it("prefers the Node that came along, through npm's symlink and from other links", () => {
    bundleNode(join(pkg, BUNDLED));
    writeMain("process.stdout.write(String(process.env.BUNDLED));");
    mkdirSync(join(root, "other"));
    symlinkSync("../bin/pictl", join(root, "other/p"));
    for (const start of [join(root, "bin/pictl"), join(root, "other/p"), join(pkg, "bin/run.js")]) {
      assert.equal(run(start, []).stdout, "yes", start);
    }
  });

  it("finds one that npm put beside the package", () => {
    bundleNode(join(root, "lib", BUNDLED));
    writeMain("process.stdout.write(String(process.env.BUNDLED));");
    assert.equal(run(join(root, "bin/pictl"), []).stdout, "yes");
    assert.equal(run(process.execPath, [pretend, join(root, "bin/pictl")]).stdout, "yes");
  });

  it("hands over from an old Node with arguments and the exit code", () => {
    bundleNode(join(pkg, BUNDLED));
    writeMain("process.stdout.write(process.env.BUNDLED + argv.join('|')); process.exitCode = 7;");
    const { stdout, status } = run(process.execPath, [pretend, join(pkg, "bin/run.js"), "a b", "c"]);
    assert.equal(stdout, "yesa b|c");
    assert.equal(status, 7);
  });

  it("hands over signals, and dies of what its child died of", async (t) => {
    bundleNode(join(pkg, BUNDLED));
    writeMain("setInterval(() => {}, 1000); process.stdout.write('up');");
    const child = spawn(process.execPath, [pretend, join(pkg, "bin/run.js")], { env: { HOME: root } });
    t.after(() => child.kill("SIGKILL"));
    child.stdout.once("data", () => child.kill("SIGTERM"));
    const signal = await new Promise((resolve) => child.on("close", (_code, name) => resolve(name)));
    assert.equal(signal, "SIGTERM");
  });

  it("says in one line what is needed when the only Node is too old", () => {
    const { stdout, stderr, status } = run(process.execPath, [pretend, join(pkg, "bin/run.js")]);
    assert.equal(stdout, "");
    assert.match(stderr, /^pictl: Node\.js 22\.19 or newer is needed, this is v20\.20\.0 [^\n]*\n$/);
    assert.equal(status, 1);
  });

  it("says in one line that there is no Node at all", () => {
    const { stderr, status } = run(join(pkg, "bin/run.js"), [], join(root, "nothing"));
    assert.match(stderr, /^pictl: no Node\.js was found[^\n]*\n$/);
    assert.equal(status, 1);
  });

  it("says in one line that it is not built", () => {
    rmSync(join(pkg, "dist"), { recursive: true });
    const { stderr, status } = run(join(pkg, "bin/run.js"), []);
    assert.match(stderr, /^pictl: [^\n]*is missing: run "npm run build"[^\n]*\n$/);
    assert.equal(status, 1);
  });

  it("lets no ExperimentalWarning through, and other warnings yes", () => {
    writeMain("process.emitWarning('hidden', 'ExperimentalWarning'); process.emitWarning('shown');");
    const { stderr } = run(join(pkg, "bin/run.js"), []);
    assert.doesNotMatch(stderr, /hidden/);
    assert.match(stderr, /shown/);
  });
});
