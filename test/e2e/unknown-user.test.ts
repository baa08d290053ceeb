import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chownSync, readFileSync, rmSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { BIN, Workspace } from "../support/workspace.ts";

/** An id that no password file has. */
const UID = 1_234_567;
const COMMAND_TIMEOUT_MS = 60_000;

/** Why this machine can't run pictl as such a user, or false. */
function whyNot(): string | false {
  if (process.getuid?.() !== 0) return "only root can run something as another user";
  if (readFileSync("/etc/passwd", "utf8").includes(`:${UID}:`)) return `user ${UID} exists here`;
  const { status } = spawnSync(process.execPath, [BIN, "--version"], {
    uid: UID,
    gid: UID,
    env: { HOME: "/", SHELL: "sh" },
  });
  return status === 0 ? false : "the checkout can't be read by other users";
}

describe("a user id without an entry in the password file", () => {
  const skip = whyNot();

  function asUnknown(t: TestContext) {
    const place = new Workspace({ SHELL: undefined });
    for (const path of [place.root, place.home, place.agentDir, place.cwd]) chownSync(path, UID, UID);
    const pictl = (args: readonly string[], env: Record<string, string | undefined> = {}) =>
      spawnSync(process.execPath, [BIN, ...args], {
        cwd: place.cwd,
        env: { ...place.env, ...env },
        uid: UID,
        gid: UID,
        encoding: "utf8",
        timeout: COMMAND_TIMEOUT_MS,
      });
    t.after(async () => {
      pictl(["daemon", "stop", "--now"]);
      // The socket directory is another user's, which `dispose` would refuse.
      rmSync(place.paths.runtimeDir, { recursive: true, force: true });
      await place.dispose();
    });
    return pictl;
  }

  test("runs every kind of command", { skip }, (t) => {
    const pictl = asUnknown(t);
    const prompted = pictl(["prompt", "--model", "scripted/echo", "hi"]);
    assert.deepEqual([prompted.status, prompted.stdout], [0, "echo: hi\n"], prompted.stderr);
    const commands = ["session list", "session bash id", "session show", "session list --help", "--version"];
    commands.push(
      "daemon status",
      "daemon install --print",
      "sandbox explain /etc",
      "completion bash",
      "config show",
    );
    commands.push("history list", "doctor --json");
    for (const command of commands) {
      const { status, stdout, stderr } = pictl(command.split(" "), {
        ANTHROPIC_API_KEY: "none",
      });
      assert.equal(status, 0, `${command}: ${stdout}${stderr}`);
    }
  });

  test("without HOME, a command that needs it says so, and help still works", { skip }, (t) => {
    const pictl = asUnknown(t);
    for (const args of [
      ["session", "list"],
      ["daemon", "run"],
      ["prompt", "hi"],
    ]) {
      const { status, stdout } = pictl([...args, "--json"], { HOME: undefined, PICTL_HOME: undefined });
      assert.equal(status, 2, stdout);
      assert.equal(JSON.parse(stdout).error.code, "HOME_NOT_SET");
    }
    assert.equal(pictl(["--help"], { HOME: undefined, PICTL_HOME: undefined }).status, 0);
  });
});
