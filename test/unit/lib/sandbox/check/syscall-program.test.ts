import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { CALL_NUMBERS } from "../../../../../src/lib/sandbox/check/call-numbers.ts";
import { type Call, syscallProgram, text } from "../../../../../src/lib/sandbox/check/syscall-program.ts";

const architecture = process.arch as "x64" | "arm64";
const AT_FDCWD = -100;
const TTYNAME = 0x5401; // TCGETS
const ENOENT = 2;
const ENOTTY = 25;
const isKnown = ["x64", "arm64"].includes(process.arch) && process.platform === "linux";

describe("a program of system calls", { skip: isKnown ? false : `not written for ${process.arch}` }, () => {
  const directory = mkdtempSync(join(tmpdir(), "pictl-calls-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  function run(...calls: Call[]): number | null {
    const path = join(directory, "program");
    writeFileSync(path, syscallProgram(calls, architecture) ?? "", { mode: 0o700 });
    return spawnSync(path, { stdio: "ignore" }).status;
  }
  const open = (path: string): Call => ({
    number: CALL_NUMBERS.openat[architecture],
    args: [AT_FDCWD, text(path), 0, 0],
  });
  const ioctl = (descriptor: Call["args"][number]): Call => ({
    number: CALL_NUMBERS.ioctl[architecture],
    args: [descriptor, TTYNAME, Buffer.alloc(64)],
  });

  test("exits with 0 when all of them succeed", () => {
    assert.equal(run(open("/dev/null"), open("/")), 0);
  });

  test("exits with the errno of the last one", () => {
    assert.equal(run(open("/nonexistent")), ENOENT);
  });

  test("marks the errno of one before the last", () => {
    assert.equal(run(open("/nonexistent"), open("/")), 0x80 + ENOENT);
  });

  test("hands on what an earlier one returned", () => {
    assert.equal(run(open("/dev/null"), ioctl({ resultOf: 0 })), ENOTTY);
  });
});

test("there is none for an architecture that it isn't written for", () => {
  assert.equal(syscallProgram([], "riscv64"), undefined);
});
