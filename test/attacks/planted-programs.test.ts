import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, it } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** Whatever pictl, or a program that it runs, could look for. */
const PLANTED = [
  "bwrap",
  "prlimit",
  "pi",
  "node",
  "git",
  "rg",
  "fd",
  "trash",
  "sleep",
  "getent",
  "systemctl",
  "sh",
  "bash",
  "env",
  "readlink",
  "true",
  "vi",
];
const NAME = "a-session";

attack("programs that an agent has planted in .venv/bin", "strict", ({ profile, makePlace, ids }) => {
  const run = ["sandbox", "run", "--profile", profile, "--"];
  let place: Workspace;
  /** Names of planted programs that were run outside, where they can write. */
  let ran: string;
  /** What pictl has noted of where agents can write. */
  let noted: string;
  before(async () => {
    place = makePlace();
    place.shareCompileCache();
    ran = join(place.root, "ran");
    execFileSync("git", ["init", "-q", place.cwd], ids);
    const bin = join(place.cwd, ".venv/bin");
    const plant = `mkdir -p ${bin}; cd ${bin}; for name in ${PLANTED.join(" ")}; do
      printf '#!/bin/sh\\necho "%s $PPID" >> ${ran}\\necho 99.0.0\\nexit 1\\n' $name > $name; chmod +x $name; done`;
    await place.ok([...run, "/bin/sh", "-c", plant]);
    assert.ok(existsSync(join(bin, "bwrap")), "nothing was planted");
    place.env.PATH = `${bin}:${process.env.PATH}`;
    noted = readFileSync(place.paths.agentPlaces, "utf8");
  });
  beforeEach(() => {
    rmSync(ran, { force: true });
    writeFileSync(place.paths.agentPlaces, noted);
  });
  after(() => place.dispose());

  const planted = () => (existsSync(ran) ? readFileSync(ran, "utf8") : "");

  it("aren't run by sandboxed commands, there or elsewhere, nor by the check of the sandbox", async () => {
    const elsewhere = join(place.root, "elsewhere");
    mkdirSync(elsewhere);
    for (const cwd of [place.cwd, elsewhere]) {
      const limits = await place.ok([...run, "/bin/sh", "-c", "ulimit -c"], { cwd });
      assert.equal(limits, "0", "the limits are left out");
      assert.equal(planted(), "");
    }
    await place.ok(["sandbox", "check", "--profile", profile, "--only", "core-files,fork-bomb,signal"]);
    assert.equal(planted(), "");
  });

  it("aren't run before anything is known of the place that they are in", async () => {
    rmSync(place.paths.agentPlaces);
    await place.ok([...run, "/bin/true"]);
    rmSync(place.paths.agentPlaces);
    await place.ok(["sandbox", "check", "--profile", profile, "--only", "signal"]);
    await place.ok(["sandbox", "show", "--profile", profile, "--args"]);
    assert.equal(planted(), "");
  });

  it("aren't run by the daemon for any session, and doctor says which pi it passed over", async () => {
    rmSync(place.paths.agentPlaces);
    const create = ["session", "create", "--model", "scripted/echo", "--name"];
    await place.ok([...create, NAME, "--sandbox", profile]);
    assert.equal(planted(), "");
    await place.turn({ sessionId: NAME, message: "a needle", cwd: place.cwd });
    const doctor = await place.json<{ findings: { check: string; message: string }[] }>(["doctor"]);
    const said = (check: string) => doctor.findings.find((each) => each.check === check)?.message ?? "";
    assert.match(said("pi"), /passed over, as agents in sandboxes can write to .*\/work, where/);
    assert.match(said("programs"), /aren't taken from PATH's .*\.venv\/bin/);
    const found = await place.json<{ total: number }>(["history", "search", "need.e", "--regex"]);
    assert.ok(found.total > 0);
    await place.ok(["session", "export", NAME, "-f", "html", "-o", join(place.root, "x.html")]);
    const { method } = await place.json<{ method: string }>(["session", "delete", NAME, "--yes"]);
    assert.equal(method, "unlink");
    assert.equal(planted(), "");
  });

  it("aren't run as an editor", async () => {
    const { editText } = await import("../../src/lib/client/launch-editor.ts");
    const env = { ...place.env, EDITOR: "true" };
    assert.equal(await editText("as it was", { env }), "as it was");
    assert.equal(planted(), "");
  });

  it("nor are libraries loaded that a policy lets in by a variable", async () => {
    mkdirSync(place.paths.configDir, { recursive: true });
    const policy = `profile = "${profile}"\nenv = ["LD_LIBRARY_PATH", "LD_PRELOAD"]\n`;
    writeFileSync(join(place.paths.configDir, "sandbox.toml"), policy);
    const env = { LD_LIBRARY_PATH: join(place.cwd, "lib") };
    const inside = "tr '\\0' '\\n' < /proc/1/environ; echo mine: $LD_LIBRARY_PATH";
    const seen = await place.ok([...run, "/bin/sh", "-c", inside], { env });
    assert.match(seen, /^mine: .*\/lib$/m);
    assert.doesNotMatch(seen, /^LD_LIBRARY_PATH/m, "bubblewrap itself has it");
  });
});
