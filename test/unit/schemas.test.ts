import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { schemaFiles } from "../../scripts/schemas.ts";
import { PASSED_THROUGH, requestSchemas } from "../../src/lib/protocol/requests.ts";
import { streamRecord } from "../../src/lib/protocol/stream.ts";
import { misfits, publishedSchema, SCHEMAS } from "../support/schemas.ts";

const names = readdirSync(SCHEMAS).map((file) => file.replace(/\.schema\.json$/, ""));
const read = (name: string) => JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), "utf8"));

test("the published schemas are those of the sources (npm run schemas writes them)", () => {
  const written = new Map(
    names.map((name) => {
      const file = `${name}.schema.json`;
      return [file, readFileSync(join(SCHEMAS, file), "utf8")];
    }),
  );
  const fresh = schemaFiles();
  assert.deepEqual([...written.keys()].sort(), [...fresh.keys()].sort());
  for (const [file, text] of fresh) assert.equal(written.get(file), text, file);
});

for (const name of names) {
  test(`${name} is a schema that stands alone, with an id of its own`, () => {
    // ajv is strict: it throws for a keyword that it doesn't know and a reference that leads nowhere.
    publishedSchema(name);
    const { $schema, $id, title } = read(name);
    assert.equal($schema, "https://json-schema.org/draft/2020-12/schema");
    assert.match($id, new RegExp(`^pictl:${name}:v\\d+$`));
    assert.ok(title);
  });
}

describe("stream-json", () => {
  const validate = publishedSchema("stream-json");
  const common = { v: 1, sessionId: "s", seq: 1 };

  test("tells every record of the vocabulary", () => {
    const { oneOf } = read("stream-json");
    assert.equal(oneOf.length, streamRecord.def.options.length);
    for (const { title, description, properties } of oneOf) {
      assert.equal(title, properties.type.const);
      assert.ok(description, title);
    }
  });

  test("takes a field that a later version adds", () => {
    assert.deepEqual(misfits(validate, [{ ...common, type: "text", text: "x", tone: "dry" }]), []);
  });

  test("refuses what isn't of the vocabulary", () => {
    const wrong = [
      { ...common, type: "text" },
      { ...common, type: "speech", text: "x" },
      { ...common, type: "text", text: "x", v: 2 },
      { ...common, type: "tool", id: "1", name: "bash", state: "begun" },
      { ...common, type: "question", state: "open", question: { id: "q", method: "guess", title: "?" } },
      { v: 1, type: "text", text: "x" },
    ];
    assert.equal(misfits(validate, wrong).length, wrong.length);
  });
});

describe("requests", () => {
  const validate = publishedSchema("requests");

  test("has each request by its name", () => {
    const { $defs } = read("requests");
    for (const name of Object.keys(requestSchemas)) {
      assert.ok($defs[name]?.description, name);
      assert.equal($defs[name].properties.type.const, name);
    }
    assert.deepEqual($defs.agent_command.properties.type.enum, [...PASSED_THROUGH]);
  });

  test("takes pi's fields beside a command of pi's, and refuses an unknown option of a new session", () => {
    assert.deepEqual(misfits(validate, [{ id: "1", type: "bash", cwd: "/", command: "ls" }]), []);
    assert.deepEqual(misfits(validate, [{ id: "1", type: "create_session", cwd: "/", options: {} }]), []);
    const wrong = [
      { id: "1", type: "create_session", cwd: "/", options: { modle: "x" } },
      { id: "1", type: "create_session", cwd: "relative" },
      { id: "1", type: "no_such_request" },
    ];
    assert.equal(misfits(validate, wrong).length, wrong.length);
  });
});
