import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { createRedactor } from "../../../../src/lib/core/redact.ts";
import { LogFile } from "../../../../src/lib/daemon/log-file.ts";

const MIB = 1024 * 1024;

describe("LogFile", () => {
  let dir: string;
  let path: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-log-"));
    path = join(dir, "daemon.log");
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  function records(file: string): Record<string, unknown>[] {
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  test("writes one JSON object a line, for the user alone", () => {
    const log = new LogFile(path, (text) => text);
    log.info("started", { session: "s1" });
    log.warn("two\nlines");
    log.debug("d");
    log.error("e");
    log.close();
    const [first, second] = records(path);
    assert.equal(first?.message, "started");
    assert.equal(first?.session, "s1");
    assert.equal(first?.pid, process.pid);
    assert.ok(Date.parse(String(first?.time)) > 0);
    assert.equal(second?.message, "two\nlines");
    assert.deepEqual(
      records(path).map((each) => each.level),
      ["info", "warn", "debug", "error"],
    );
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("goes on behind what is there already", () => {
    for (const message of ["one", "two"]) {
      const log = new LogFile(path, (text) => text);
      log.info(message);
      log.close();
    }
    assert.deepEqual(
      records(path).map((each) => each.message),
      ["one", "two"],
    );
  });

  test("after a moment without room it goes on, on a new line, and says what is missing", () => {
    // Bytes that the disk still takes.
    let room = Number.POSITIVE_INFINITY;
    const write = (fd: number, bytes: Buffer) => {
      if (room === 0) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      const written = writeSync(fd, bytes.subarray(0, room));
      room -= written;
      return written;
    };
    const log = new LogFile(path, (text) => text, { write });
    log.info("before");
    room = 20;
    log.info("cut");
    log.info("lost");
    room = Number.POSITIVE_INFINITY;
    log.info("after");
    log.close();
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    assert.equal(lines.length, 4);
    assert.equal(lines[1]?.length, 20);
    const [missing, after] = lines.slice(2).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual([missing?.message, missing?.lines], ["lines of the log are missing", 2]);
    assert.equal(after?.message, "after");
  });

  test("begins a new line behind half a one that an earlier daemon left", () => {
    writeFileSync(path, '{"message":"half');
    const log = new LogFile(path, (text) => text);
    log.info("whole");
    log.close();
    const [, whole] = readFileSync(path, "utf8").trimEnd().split("\n");
    assert.equal((JSON.parse(whole ?? "") as Record<string, unknown>).message, "whole");
  });

  test("neither the file nor the echo ever has a secret", () => {
    const echoed: string[] = [];
    const secret = 'top"secret-value';
    const redact = createRedactor({ MY_TOKEN: "plain-secret-value", API_KEY: secret });
    const log = new LogFile(path, redact, { echo: (line) => echoed.push(line) });
    log.info("with plain-secret-value", { nested: { value: secret } });
    log.close();
    const text = readFileSync(path, "utf8");
    assert.equal(echoed.join(""), text);
    assert.doesNotMatch(text, /plain-secret-value|secret-value/);
    assert.equal(records(path).length, 1);
  });

  test("keeps itself and two older ones, each bounded", () => {
    const log = new LogFile(path, (text) => text);
    const filler = "x".repeat(MIB);
    for (let i = 1; i <= 26; i++) log.info("entry", { i, filler });
    log.close();
    const newest = [path, `${path}.1`, `${path}.2`].map((file) => records(file).map((each) => each.i));
    assert.deepEqual(newest, [[26], [21, 22, 23, 24, 25], [16, 17, 18, 19, 20]]);
    assert.equal(existsSync(`${path}.3`), false);
  });

  test("writes what is at least as urgent as its level", () => {
    const log = new LogFile(path, (text) => text, { level: "warn" });
    for (const level of ["debug", "info", "warn", "error"] as const) log[level](level);
    log.close();
    assert.deepEqual(
      records(path).map((each) => each.level),
      ["warn", "error"],
    );
  });

  test("is rotated at the size it was given", () => {
    const log = new LogFile(path, (text) => text, { maxBytes: 1_000 });
    for (let i = 1; i <= 100; i++) log.info("entry", { i });
    log.close();
    for (const file of [path, `${path}.1`, `${path}.2`]) assert.ok(statSync(file).size <= 1_200, file);
    assert.equal(records(path).at(-1)?.i ?? records(`${path}.1`).at(-1)?.i, 100);
  });

  test("what another descriptor appends lands in the current log after a rotation", () => {
    const log = new LogFile(path, (text) => text);
    const stderr = openSync(path, "a");
    const filler = "x".repeat(MIB);
    for (let i = 1; i <= 5; i++) log.info("entry", { i, filler });
    assert.ok(existsSync(`${path}.1`));
    writeSync(stderr, "last words\n");
    log.close();
    assert.equal(readFileSync(path, "utf8"), "last words\n");
  });

  test("a disk that takes no more doesn't end the daemon, and the echo goes on", (context) => {
    if (!existsSync("/dev/full")) return context.skip("there is no /dev/full");
    const echoed: string[] = [];
    const log = new LogFile("/dev/full", (text) => text, { echo: (line) => echoed.push(line) });
    log.info("one");
    log.error("two");
    log.close();
    assert.equal(echoed.length, 2);
  });
});
