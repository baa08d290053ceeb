import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod/mini";
import {
  PASSED_THROUGH,
  passedThroughRequest,
  requestEnvelope,
  requestSchemas,
} from "../../../../src/lib/protocol/requests.ts";
import { sessionOptions } from "../../../../src/lib/protocol/session.ts";
import { majorOf } from "../../../../src/lib/protocol/version.ts";

test("no request of the daemon's own has the name of one of pi's that is passed through", () => {
  const both = PASSED_THROUGH.filter((name) => Object.hasOwn(requestSchemas, name));
  assert.deepEqual(both, []);
});

test("commands that would move an agent to another session are not passed through", () => {
  for (const type of ["new_session", "switch_session", "fork", "clone"]) {
    assert.equal(z.safeParse(passedThroughRequest, { type, sessionId: "a" }).success, false, type);
  }
});

test("a command that is passed through keeps fields that pictl doesn't know", () => {
  const command = { type: "bash", command: "ls", sessionId: "a", added: { later: true } };
  assert.deepEqual(z.parse(passedThroughRequest, command), command);
});

test("session options refuse what they don't know: a misspelled one would do nothing", () => {
  assert.equal(z.safeParse(sessionOptions, { model: "a/b" }).success, true);
  assert.equal(z.safeParse(sessionOptions, { modle: "a/b" }).success, false);
  assert.equal(z.safeParse(sessionOptions, { thinking: "lots" }).success, false);
});

test("an empty message, a relative directory and an endless id are refused", () => {
  assert.equal(z.safeParse(requestSchemas.prompt, { message: "" }).success, false);
  assert.equal(z.safeParse(requestSchemas.create_session, { cwd: "work" }).success, false);
  assert.equal(z.safeParse(requestEnvelope, { type: "prompt", id: "x".repeat(201) }).success, false);
});

test("majorOf is the part before the first dot", () => {
  assert.deepEqual(["1.0", "2.11", "3"].map(majorOf), ["1", "2", "3"]);
});
