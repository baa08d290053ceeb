import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { refuseWhileWritten } from "../../../../src/lib/session/foreign-writer.ts";

const skip = process.platform === "linux" ? false : "only Linux shows other processes";

describe("refuseWhileWritten", () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), "pictl-writer-")));
    file = join(dir, "s.jsonl");
    writeFileSync(file, "{}\n");
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const writtenAt = (seconds: number) =>
    utimesSync(file, Date.now() / 1000 + seconds, Date.now() / 1000 + seconds);
  const inUse = (named: RegExp) => (error: { code?: string; message?: string; hint?: string }) =>
    error.code === "SESSION_IN_USE" && named.test(error.message ?? "") && /--fork/.test(error.hint ?? "");

  /** What calls itself pi, as pi does, from its start until the test has run. */
  async function withPi(cwd: string, run: (pid: number) => Promise<void>): Promise<void> {
    mkdirSync(cwd, { recursive: true });
    const code = 'process.title = "pi"; console.log("ready"); process.stdin.resume();';
    const child = spawn(process.execPath, ["-e", code], { cwd, stdio: ["pipe", "pipe", "inherit"] });
    const closed = once(child, "close");
    try {
      await once(child.stdout, "data");
      await run(child.pid ?? assert.fail());
    } finally {
      child.stdin.end();
      await closed;
    }
  }

  test("a pi of the directory is named when it may have written what is new", { skip }, () =>
    withPi(dir, async (pid) => {
      writtenAt(5);
      const record = { id: "s", cwd: dir };
      await assert.rejects(refuseWhileWritten(record, file), inUse(new RegExp(`process ${pid}\\b`)));
      const { ino, size } = statSync(file);
      await refuseWhileWritten({ ...record, seen: { ino, size } }, file);
      await assert.rejects(
        refuseWhileWritten({ ...record, seen: { ino, size: size - 1 } }, file),
        inUse(/pi/),
      );
    }),
  );

  test("one that has started since then, or works elsewhere, has not", { skip }, () =>
    withPi(dir, async () => {
      writtenAt(-60);
      await refuseWhileWritten({ id: "s", cwd: dir }, file);
      writtenAt(-3);
      await refuseWhileWritten({ id: "s", cwd: join(dir, "elsewhere") }, file);
    }),
  );

  test("a file that grows while it is looked at is being written", async () => {
    writtenAt(0);
    const refused = assert.rejects(
      refuseWhileWritten({ id: "s", cwd: dir }, file),
      inUse(/writing to its file/),
    );
    appendFileSync(file, "{}\n");
    await refused;
  });

  test("a file that isn't there is written by nobody", async () => {
    rmSync(file);
    await refuseWhileWritten({ id: "s", cwd: dir }, file);
  });
});
