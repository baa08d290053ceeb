import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ErrorCode,
  EXIT_CODES,
  PictlError,
  systemErrorCode,
  toPictlError,
  toStorageError,
} from "../../../../src/lib/core/errors.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code });
}

test("every code ends a command with the exit code of the design's table", () => {
  const allowed = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130, 143]);
  for (const [code, exitCode] of Object.entries(EXIT_CODES)) {
    assert.ok(allowed.has(exitCode), `${code}: ${exitCode}`);
    assert.equal(new PictlError(code as ErrorCode, "x").exitCode, exitCode);
  }
});

test("an error survives the way over the socket", () => {
  const error = new PictlError("SESSION_BUSY", "It is busy.", {
    hint: "Wait.",
    details: { pid: 7 },
    retryable: true,
  });
  const body = JSON.parse(JSON.stringify(error.toBody()));
  assert.deepEqual(body, {
    code: "SESSION_BUSY",
    message: "It is busy.",
    hint: "Wait.",
    details: { pid: 7 },
    retryable: true,
  });
  const rebuilt = PictlError.fromBody(body);
  assert.deepEqual(rebuilt.toBody(), error.toBody());
  assert.equal(rebuilt.exitCode, 11);
});

test("a body without hint and details has no such keys", () => {
  assert.deepEqual(new PictlError("TIMEOUT", "Too late.").toBody(), {
    code: "TIMEOUT",
    message: "Too late.",
    retryable: false,
  });
});

test("a code that this build doesn't know, or that only an object's prototype knows, becomes INTERNAL and is kept", () => {
  for (const code of ["FROM_THE_FUTURE", "toString"]) {
    const error = PictlError.fromBody({ code, message: "m", details: { a: 1 }, retryable: false });
    assert.equal(error.code, "INTERNAL");
    assert.deepEqual(error.details, { a: 1, code });
  }
});

test("what was foreseen passes as it is; anything else is a bug with its cause", () => {
  const foreseen = new PictlError("USAGE", "x");
  assert.equal(toPictlError(foreseen), foreseen);
  const cause = new TypeError("undefined is not a function");
  const bug = toPictlError(cause);
  assert.equal(bug.code, "INTERNAL");
  assert.equal(bug.cause, cause);
  assert.match(bug.hint ?? "", /bug in pictl/);
  assert.equal(toPictlError("thrown text").message, "thrown text");
});

test("the code of a system error, and nothing else", () => {
  assert.equal(systemErrorCode(systemError("ENOENT")), "ENOENT");
  assert.equal(systemErrorCode(Object.assign(new Error("x"), { code: 7 })), undefined);
  assert.equal(systemErrorCode(new Error("x")), undefined);
  assert.equal(systemErrorCode({ code: "ENOENT" }), undefined);
});

test("a failed write says why and what to do; other errors stay what they are", () => {
  for (const [code, reason] of [
    ["ENOSPC", /disk is full/],
    ["EROFS", /read-only/],
    ["EACCES", /permission/],
  ] as const) {
    const error = toStorageError(systemError(code), "/state/x");
    assert.ok(error instanceof PictlError);
    assert.equal(error.code, "STORAGE_UNAVAILABLE");
    assert.match(error.message, reason);
    assert.match(error.message, /\/state\/x/);
    assert.deepEqual(error.details, { path: "/state/x", errno: code });
    assert.match(error.hint ?? "", /PICTL_HOME/);
  }
  const other = systemError("EIO");
  assert.equal(toStorageError(other, "/x"), other);
});
