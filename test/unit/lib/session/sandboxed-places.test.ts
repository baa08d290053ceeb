import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { Registry } from "../../../../src/lib/session/registry.ts";
import { noteSandboxed, sandboxLookup } from "../../../../src/lib/session/sandboxed-places.ts";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "pictl-sandboxed-")));
after(() => rmSync(dir, { recursive: true, force: true }));

it("what lies where sandboxed agents could write has the strictest of their profiles, for ever", () => {
  const path = join(dir, "registry.db");
  let registry = new Registry(path);
  assert.equal(sandboxLookup(registry)(join(dir, "a/x.jsonl")), undefined);
  noteSandboxed(registry, [join(dir, "a")], "strict");
  noteSandboxed(registry, [join(dir, "a"), join(dir, "b")], "minimal");
  noteSandboxed(registry, [join(dir, "b/sessions")], "development");
  registry.close();
  registry = new Registry(path);
  mkdirSync(join(dir, "a"));
  symlinkSync(join(dir, "a"), join(dir, "link"));
  const find = sandboxLookup(registry);
  assert.equal(find(join(dir, "a/x.jsonl")), "strict");
  assert.equal(find(join(dir, "link/x.jsonl")), "strict");
  assert.equal(find(join(dir, "b/x.jsonl")), "minimal");
  assert.equal(find(join(dir, "b/sessions/x.jsonl")), "development");
  assert.equal(find(join(dir, "ab/x.jsonl")), undefined);
  assert.equal(find(join(dir, "x.jsonl")), undefined);
  registry.close();
});
