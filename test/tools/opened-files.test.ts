import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READING = ["createReadStream", "open", "openSync", "readFile", "readFileSync"];

/** What else opens files, by why no agent in a sandbox has written them, below `src/lib`. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  "of the kernel, in /proc, /sys and /dev": [
    "agent/marked-processes.ts",
    "agent/other-pis.ts",
    "agent/sandbox/inside-process.ts",
    "cli/prompt/text-sources.ts",
    "client/process-alive.ts",
    "client/sandbox/passed-streams.ts",
    "core/resource-limits.ts",
    "daemon/status.ts",
    "sandbox/bubblewrap/mount-points.ts",
    "sandbox/bubblewrap/process-limits.ts",
    "sandbox/bubblewrap/user-quotas.ts",
    "session/one-writer.ts",
  ],
  "of root, in /etc": ["core/foreign-places.ts"],
  "in pictl's own directories, which no sandbox opens": [
    "agent/sandbox/baselines.ts",
    "cli/conversation/history-file.ts",
    "client/export-stream.ts",
    "client/follow-file.ts",
    "client/launch.ts",
    "client/stop-daemon.ts",
    "client/systemd/install.ts",
    "core/open-log.ts",
    "core/outside/agent-places.ts",
    "history/forgotten.ts",
    "history/index/database.ts",
    "sandbox/gate/access-log.ts",
    "sandbox/kernel-pipes.ts",
    "sandbox/sandbox.ts",
  ],
  "of pictl's package, and of Node": [
    "agent/pi/bundled-pi.ts",
    "cli/manifest.ts",
    "cli/oclif.ts",
    "core/build-info.ts",
    "daemon/start.ts",
  ],
  "that the user names or edits in this command, which alone would wait": [
    "cli/copy-export.ts",
    "cli/prompt/read-file.ts",
    "client/launch-editor.ts",
  ],
  "directories, one in the other, without following a link": ["sandbox/runs-later/open-below.ts"],
  "beside sessions, without following a link or waiting": ["session/session-lock.ts"],
  "to make them, in a directory that is held": ["sandbox/git-directory.ts"],
  "to write what the user names": ["session/export.ts"],
};

test("files that an agent may have written are opened in one place", () => {
  const found = globSync("src/{lib,commands}/**/*.ts", { cwd: ROOT })
    .filter((file) => file !== "src/lib/core/agent-file.ts")
    // These run inside of a sandbox, or make what is in it.
    .filter((file) => !/^src\/lib\/sandbox\/(check|inside)\//.test(file))
    .filter((file) => imported(readFileSync(`${ROOT}${file}`, "utf8")).some((name) => READING.includes(name)))
    .sort();
  const known = Object.values(OTHERS).flat();
  assert.deepEqual(found, known.map((file) => `src/lib/${file}`).sort());
});

/** What a module takes from node:fs. */
function imported(source: string): string[] {
  return [...source.matchAll(/import\s*\{([^}]*)\}\s*from "node:fs(?:\/promises)?"/g)].flatMap(
    ([, names = ""]) => names.split(",").map((name) => name.trim()),
  );
}
