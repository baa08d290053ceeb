import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { attack } from "../support/attack.ts";
import { scaled } from "../support/speed.ts";
import { BIN, type Workspace } from "../support/workspace.ts";

const LARGE_BYTES = 50_000_000;
const TIMEOUT_MS = scaled(60_000);

attack(
  "a sandboxed command that opens again what its stdin and stdout are",
  "strict",
  ({ profile, makePlace, ids }) => {
    let place: Workspace;
    /** Beside the workspace, where nothing can be read or written inside. */
    let outside: string;
    beforeEach(() => {
      place = makePlace();
      execFileSync("git", ["init", "-q", place.cwd], ids);
      outside = join(place.root, "outside");
      execFileSync("mkdir", [outside], ids);
    });
    afterEach(() => place.dispose());

    /** Runs a line of a shell outside, in which `inside` runs one in the sandbox. */
    const shell = (line: string) => {
      const run = `inside() { "$NODE" "$BIN" sandbox run --profile ${profile} -- /bin/sh -c "$1"; }; ${line}`;
      const env = { ...place.env, NODE: process.execPath, BIN, OUT: outside };
      const options = { env, cwd: place.cwd, encoding: "utf8", timeout: TIMEOUT_MS, ...ids } as const;
      return spawnSync("/bin/bash", ["-c", run], options);
    };

    it("writes no file that it was given to read", () => {
      const { stdout } = shell(`echo kept >"$OUT/file"
        inside 'cat; echo pwned >/proc/self/fd/0; : >/dev/stdin; echo pwned >&0' <"$OUT/file"; cat "$OUT/file"`);
      assert.equal(stdout, "kept\nkept\n");
    });

    it("reads and truncates no file that it was given to write", () => {
      const { stdout, stderr } = shell(`echo secret >"$OUT/log"
        inside 'timeout 0.2 cat /proc/self/fd/1 >&2; : >/dev/stdout; truncate -s 0 /proc/self/fd/1; echo end' >>"$OUT/log"
        cat "$OUT/log"`);
      assert.equal(stdout, "secret\nend\n");
      assert.doesNotMatch(stderr, /secret/);
    });

    it("gets no directory", () => {
      const { stdout } = shell(`echo secret >"$OUT/file"
        inside 'cat /proc/self/fd/0/file /proc/self/fd/0/../outside/file' <"$OUT"; echo $?`);
      assert.equal(stdout, "2\n");
    });

    it("writes to no named pipe that it was given to read", () => {
      const { stdout } = shell(`mkfifo "$OUT/pipe"; exec 3<>"$OUT/pipe"; echo line >&3
        inside 'read -r line; echo "$line"; echo pwned >/proc/self/fd/0' <"$OUT/pipe"
        read -t 0.1 -r line <&3; echo "$line"`);
      assert.equal(stdout, "line\n\n");
    });

    it("reads nothing that others wrote into the pipe that its stdout is", () => {
      const { stdout } = shell(
        `{ echo other; inside 'timeout 0.2 cat /proc/self/fd/1 >/dev/null; echo own'; } | { sleep 1; cat; }`,
      );
      assert.equal(stdout, "other\nown\n");
    });

    it("has all of a large file, and all that it writes arrives before its exit code", () => {
      const bytes = Buffer.alloc(LARGE_BYTES, "not a divisor of any buffer's size\n");
      writeFileSync(join(outside, "in"), bytes);
      const { stdout } = shell(`inside 'cat; exit 3' <"$OUT/in" >"$OUT/out"; echo $?`);
      assert.equal(stdout, "3\n");
      const hash = (data: Buffer) => createHash("sha256").update(data).digest("hex");
      assert.equal(hash(readFileSync(join(outside, "out"))), hash(bytes));
    });

    it("takes from a file what it reads, and leaves the rest to a loop outside", () => {
      const { stdout } = shell(`printf '%s\\n' a b c >"$OUT/lines"
        while read -r line; do inside "read -r next; echo $line \\$next"; done <"$OUT/lines"
        echo bc | inside 'cat; echo to >/dev/stdout' >"$OUT/o"; cat "$OUT/o"`);
      assert.equal(stdout, "a b\nc\nbc\nto\n");
    });

    it("ends when nobody reads, and is told when the disk is full", () => {
      const { stdout, stderr } = shell(`inside yes | head -1
        inside 'echo a; exec sleep 0' >/dev/full; echo $?`);
      assert.equal(stdout, "y\n1\n");
      assert.match(stderr, /the disk is full/);
    });
  },
);
