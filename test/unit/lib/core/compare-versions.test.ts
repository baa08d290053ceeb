import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions } from "../../../../src/lib/core/compare-versions.ts";

test("versions are ordered as semver orders them", () => {
  const ascending = [
    "0.9.9",
    "0.87.0-alpha",
    "0.87.0-alpha.1",
    "0.87.0-alpha.beta",
    "0.87.0-beta.2",
    "0.87.0-beta.11",
    "0.87.0-rc.1",
    "0.87.0",
    "0.87.1",
    "0.100.0",
    "1.0.0",
    "1.5.2",
    "10.0.0",
  ];
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} and ${b}`);
    }
  }
});

test("build metadata and a leading v count nothing", () => {
  assert.equal(compareVersions("v1.2.3+abc-def", "1.2.3"), 0);
});
