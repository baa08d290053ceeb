import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { systemErrorCode } from "../../src/lib/core/errors.ts";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** A home outside of /tmp, of which a sandbox sees nothing. */
const HOMES = process.getuid?.() === 0 ? "/var/lib" : (process.env.HOME ?? "/var/tmp");
const PIPES = ["commands", ".player/commands", ".config/player/commands", ".local/share/player/commands"];

attack(
  "a pipe in the home by which a program of the user's takes commands",
  "development",
  ({ makePlace, runInside, ids }) => {
    let place: Workspace;
    let home: string;
    beforeEach(() => {
      place = makePlace();
      home = mkdtempSync(join(HOMES, "pictl-pipes-"));
    });
    afterEach(async () => {
      rmSync(home, { recursive: true });
      await place.dispose();
    });

    it("can't be written to, though one in the workspace can", async () => {
      const own = join(place.cwd, "own");
      const pipes = [own, ...PIPES.map((name) => join(home, name))];
      for (const path of pipes) {
        mkdirSync(dirname(path), { recursive: true });
        execFileSync("mkfifo", [path]);
      }
      const { uid, gid } = ids;
      if (uid !== undefined) execFileSync("chown", ["-R", `${uid}:${gid}`, home]);
      const { O_RDWR, O_NONBLOCK } = constants;
      const programs = pipes.map((path) => openSync(path, O_RDWR | O_NONBLOCK));
      try {
        const write = pipes.map((path) => `sh -c 'echo run > ${path}'`).join("; ");
        await runInside(place, write, {
          env: { HOME: home },
        });
        assert.deepEqual(programs.map(heard), ["run\n", ...PIPES.map(() => "")]);
      } finally {
        for (const file of programs) closeSync(file);
      }
    });
  },
);

function heard(file: number): string {
  const buffer = Buffer.alloc(64);
  try {
    return buffer.toString("utf8", 0, readSync(file, buffer));
  } catch (error) {
    if (systemErrorCode(error) === "EAGAIN") return "";
    throw error;
  }
}
