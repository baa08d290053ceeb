import assert from "node:assert/strict";
import { test } from "node:test";
import { configuredPlaces } from "../../../../../src/lib/sandbox/runs-later/git-config.ts";

test("finds hooks and included files, however they are written", () => {
  const text = [
    "[core]",
    "\tbare = false",
    '\tHooksPath = ".githooks"',
    '[includeIf "gitdir:/x/"]',
    "path=../shared # for all",
    "[include] path = one",
    "[other]",
    "\tpath = two",
    "\thooksPath = three",
    "[include]",
    "\tpath = ~/own",
  ].join("\n");
  assert.deepEqual(configuredPlaces(text), [
    { name: "core.HooksPath", path: ".githooks", isHooks: true },
    { name: "includeif.path", path: "../shared", isHooks: false },
    { name: "include.path", path: "one", isHooks: false },
  ]);
});
