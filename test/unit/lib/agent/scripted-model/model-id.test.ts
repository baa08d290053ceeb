import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  isScriptedModel,
  resolveScriptedModel,
  scriptedModelArgs,
} from "../../../../../src/lib/agent/scripted-model/model-id.ts";
import { PictlError } from "../../../../../src/lib/core/errors.ts";

const SCENARIOS = fileURLToPath(new URL("../../../../fixtures/scenarios/", import.meta.url));
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pictl-model-id-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function rejects(model: string, message: RegExp): void {
  assert.throws(
    () => resolveScriptedModel(model, dir, []),
    (error) => error instanceof PictlError && error.code === "INVALID_INPUT" && message.test(error.message),
  );
}

test("only the provider's own models are scripted", () => {
  assert.equal(isScriptedModel("scripted/echo"), true);
  assert.equal(isScriptedModel("anthropic/scripted"), false);
  assert.equal(isScriptedModel("scripted"), false);
});

test("a relative scenario becomes an absolute one, which stays the same", () => {
  writeFileSync(join(dir, "a b.json"), '{"responses":[[{"text":"hi"}]]}');
  const resolved = resolveScriptedModel("scripted/a b.json", dir, []);
  assert.equal(resolved, `scripted/${dir}/a b.json`);
  assert.equal(resolveScriptedModel(resolved, "/", []), resolved);
  assert.deepEqual(scriptedModelArgs(resolved, "/x.js"), ["-e", "/x.js", "--model", resolved]);
});

test("echo is no file, with or without a thinking level", () => {
  assert.equal(resolveScriptedModel("scripted/echo", dir, []), "scripted/echo");
  assert.equal(resolveScriptedModel("scripted/echo:high", dir, []), "scripted/echo:high");
});

test("what isn't a scenario is refused with the place that is wrong", () => {
  rejects("scripted/", /names no scripted model/);
  rejects("scripted/nothing.json", /does not exist/);
  rejects("scripted/.", /is a directory/);
  const cases: [string, RegExp][] = [
    ["{", /is not JSON/],
    ["[]", /is not a scenario/],
    ['{"responses":[]}', /is not a scenario: responses: /],
    ['{"responses":[[{"say":"x"}]]}', /responses\.0\.0: a step has one of text, thinking/],
    ['{"responses":[[{"pauseMs":1},{"pauseMs":"1s"}]]}', /responses\.0\.1\.pauseMs: /],
    ['{"responses":[[{"text":"x","chunk":2}]]}', /responses\.0\.0: .*"chunk"/],
    ['{"responses":[[]],"then":"loop"}', /then: /],
  ];
  for (const [text, message] of cases) {
    writeFileSync(join(dir, "bad.json"), text);
    rejects("scripted/bad.json", message);
  }
});

test("every scenario that is shipped is valid", () => {
  const files = readdirSync(SCENARIOS);
  assert.ok(files.length >= 6);
  for (const file of files) resolveScriptedModel(`scripted/${file}`, SCENARIOS, []);
});
