import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { SET_ID_CALLS } from "../../src/lib/sandbox/check/rows/set-id.ts";
import { programOf, type Steps } from "../../src/lib/sandbox/check/steps.ts";
import { text } from "../../src/lib/sandbox/check/syscall-program.ts";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

const AT_FDCWD = -100;
const SET_ID_BITS = 0o6000;

/** With what a program of the workspace becomes one of the user's, outside. */
const PROGRAMS: Readonly<Record<string, Steps>> = {
  ...Object.fromEntries(
    Object.entries(SET_ID_CALLS).map(([name, steps]) => [name, steps(text(`made-${name}`))]),
  ),
  mkdirat: [{ call: "mkdirat", args: [AT_FDCWD, text("made-mkdirat"), 0o6755] }],
};

/** What works outside on every kernel that bubblewrap 0.8 is for; fchmodat2 came with Linux 6.6. */
const EVERYWHERE = ["openat", "openat2", "mknodat", "fchmod", "fchmodat"];
const ON_X64 = ["open", "creat", "mknod", "chmod"];

/** Files below a directory that have one of the bits. */
function setIdFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
    (name) => (statSync(join(directory, name), { throwIfNoEntry: false })?.mode ?? 0) & SET_ID_BITS,
  );
}

function writePrograms(directory: string): void {
  for (const [name, steps] of Object.entries(PROGRAMS)) {
    const program = programOf(steps);
    assert.ok(program, `no program can be written for ${process.arch}`);
    writeFileSync(join(directory, `try-${name}`), program, { mode: 0o755 });
  }
}

attack(
  "a sandboxed program that makes setuid and setgid files in the workspace",
  "strict",
  ({ makePlace, runInside, ids }) => {
    let place: Workspace;
    beforeEach(() => {
      place = makePlace();
      execFileSync("git", ["init", "-q", place.cwd], ids);
    });
    afterEach(() => place.dispose());

    const inside = (line: string) => runInside(place, line, { cwd: place.cwd });

    it("gets none, by any call or tool", async () => {
      writePrograms(place.cwd);
      const { stdout, code } = await inside(`
      for name in ${Object.keys(PROGRAMS).join(" ")}; do ./try-$name && echo $name; done
      cp /bin/sh shell; chmod 4755 shell; chmod u+s shell; chmod g+s shell
      install -m 6755 /bin/sh installed; mkdir -m 2775 directory; mkfifo -m 4644 pipe
      exit 0`);
      assert.equal(code, 0);
      assert.equal(stdout, "mkdirat\n", "calls that were let through");
      assert.deepEqual(setIdFiles(place.cwd), []);
    });

    it("keeps none of those that it copies or unpacks", async () => {
      const source = join(place.cwd, "source");
      mkdirSync(source);
      writeFileSync(join(source, "program"), "#!/bin/sh\n", { mode: 0o755 });
      execFileSync("chmod", ["6755", join(source, "program")]);
      execFileSync("tar", ["-cf", join(place.cwd, "source.tar"), "-C", place.cwd, "source"]);
      rmSync(join(place.cwd, "source"), { recursive: true });
      const { code } = await inside("tar -xpf source.tar; cp -p source/program copy; exit 0");
      assert.equal(code, 0);
      assert.deepEqual(setIdFiles(place.cwd), []);
    });

    it("works on with all other modes", async () => {
      const { stdout, stderr } = await inside(`set -e
      umask 022; echo '#!/bin/sh' > program; chmod 755 program; chmod u+x,g-w,o= program; chmod 1777 .
      cp -p program copy; cp -a . /tmp/all; install -m 755 program installed; install -d -m 755 directory
      tar -cf all.tar program copy directory; mkdir unpacked; tar -xpf all.tar -C unpacked
      git -c user.email=me -c user.name=me add program copy; git -c user.email=me -c user.name=me commit -qm one
      git clone -q . clone; git gc -q; echo done`);
      assert.equal(stdout, "done\n", stderr);
    });
  },
);

describe("the same programs outside", () => {
  const directory = mkdtempSync(join(tmpdir(), "pictl-set-id-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("make such files", { skip: process.platform !== "linux" }, () => {
    writePrograms(directory);
    for (const name of Object.keys(PROGRAMS))
      spawnSync(join(directory, `try-${name}`), { cwd: directory, stdio: "ignore" });
    const made = setIdFiles(directory);
    for (const name of process.arch === "x64" ? [...EVERYWHERE, ...ON_X64] : EVERYWHERE)
      assert.ok(made.includes(`made-${name}`), `${name} makes none, so that refusing it shows nothing`);
    assert.ok(!made.includes("made-mkdirat"), "mkdir sets such bits, and has to be filtered");
  });
});
