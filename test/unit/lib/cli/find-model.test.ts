import assert from "node:assert/strict";
import { test } from "node:test";
import { findModel, matchModels, modelName } from "../../../../src/lib/cli/find-model.ts";
import { PictlError } from "../../../../src/lib/core/errors.ts";

const models = [
  { provider: "acme", id: "tall", name: "Acme Tall" },
  { provider: "acme", id: "tall-2", name: "Acme Tall 2" },
  { provider: "zeta", id: "tall", name: "Tall by Zeta" },
  { provider: "zeta", id: "org/tiny", name: "Small One" },
];
const found = (name: string) => modelName(findModel(models, name));

test("the whole name goes before the id, and the id before a part", () => {
  assert.equal(found("acme/tall"), "acme/tall");
  assert.equal(found("ZETA/Tall"), "zeta/tall");
  assert.equal(found("tall-2"), "acme/tall-2");
  assert.equal(found("org/tiny"), "zeta/org/tiny");
  assert.equal(found("tiny"), "zeta/org/tiny");
  assert.equal(found("small one"), "zeta/org/tiny");
});

test("several that fit are named", () => {
  const refused = (name: string, candidates: string[]) =>
    assert.throws(
      () => findModel(models, name),
      (error) => {
        assert.ok(error instanceof PictlError && error.code === "INVALID_INPUT");
        assert.deepEqual(error.details?.candidates, candidates);
        return candidates.every((each) => error.message.includes(each));
      },
    );
  refused("tall", ["acme/tall", "zeta/tall"]);
  refused("ACME", ["acme/tall", "acme/tall-2"]);
});

test("more than ten are counted", () => {
  const many = Array.from({ length: 13 }, (_, index) => ({ provider: "p", id: `m${index}` }));
  assert.throws(() => findModel(many, "m"), /fits 13 models: p\/m0, .*, p\/m9 and 3 more\./);
});

test("none that fits is an error, for a list it is none", () => {
  assert.throws(() => findModel(models, "huge"), /There is no model "huge"/);
  assert.deepEqual(matchModels(models, "huge"), []);
  assert.deepEqual(matchModels(models, "zeta").map(modelName), ["zeta/tall", "zeta/org/tiny"]);
});
