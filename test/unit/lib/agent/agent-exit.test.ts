import assert from "node:assert/strict";
import { test } from "node:test";
import { exitError } from "../../../../src/lib/agent/agent-exit.ts";

function startError(stderr: string) {
  return exitError("AGENT_START_FAILED", { code: 1, signal: null, stderr, expected: false }, []);
}

test("a model that pi refuses at its start is named with the way to those that there are", () => {
  const unknown = startError(
    'Warning: something\nError: Model "typo" not found. Use --list-models to see available models.\n',
  );
  assert.equal(unknown.code, "MODEL_UNAVAILABLE");
  assert.equal(unknown.message, 'pi lists no model "typo".');
  assert.match(unknown.hint ?? "", /pictl model list/);
  const several = startError(
    'Error: Model "m" is ambiguous across providers: a/m, b/m-1.5. More than one matching provider is authenticated. Use --provider or provider/model.',
  );
  assert.equal(several.message, '"m" fits several models: a/m, b/m-1.5.');
  assert.deepEqual(several.details?.candidates, ["a/m", "b/m-1.5"]);
});

test("any other end keeps pi's own words", () => {
  const other = startError("Error: Unknown option --modell\n");
  assert.equal(other.code, "AGENT_START_FAILED");
  assert.match(other.message, /exit code 1 before it was ready:\nError: Unknown option --modell$/);
});
