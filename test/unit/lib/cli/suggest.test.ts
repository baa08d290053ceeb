import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearestCommands, unknownCommand } from "../../../../src/lib/cli/suggest.ts";
import { unknownFlags, unknownValue } from "../../../../src/lib/cli/suggest-flags.ts";
import { MANIFEST } from "./manifest-fixture.ts";

describe("an unknown command", () => {
  for (const { typed, first } of [
    { typed: "sesion list", first: "session list" },
    { typed: "session lsit", first: "session list" },
    { typed: "sessions", first: "session" },
    { typed: "session del abc", first: "session delete" },
    { typed: "sesion queu clear", first: "session queue clear" },
    { typed: "delete", first: "session delete" },
    { typed: "prmpt fix the tests", first: "prompt" },
    { typed: "Doctor", first: "doctor" },
    { typed: "doctro", first: "doctor" },
  ]) {
    it(`"${typed}" is answered with "${first}"`, () => {
      assert.equal(nearestCommands(typed.split(" "), MANIFEST)[0], first);
    });
  }

  it("offers several that are as near", () => {
    assert.deepEqual(nearestCommands(["session", "lst"], MANIFEST), ["session last", "session list"]);
  });

  it("offers nothing for what is far from everything, and no hidden command", () => {
    assert.deepEqual(nearestCommands(["xyzzy"], MANIFEST), []);
    assert.ok(!nearestCommands(["complet"], MANIFEST).includes("complete"));
  });

  it("becomes an error with a code, the words up to the first flag and the suggestions", () => {
    const error = unknownCommand(["sesion", "list", "--all", "x"], MANIFEST);
    assert.equal(error.code, "UNKNOWN_COMMAND");
    assert.equal(error.exitCode, 2);
    assert.equal(error.message, 'There is no command "sesion list".');
    assert.equal(error.hint, 'Did you mean "session list"?');
    assert.deepEqual(error.details, { command: "sesion list", suggestions: ["session list"] });
    assert.match(unknownCommand(["xyzzy"], MANIFEST).hint ?? "", /pictl --help/);
  });
});

describe("an unknown flag", () => {
  const flags = { format: {}, wait: { allowNo: true }, hidden: { hidden: true } };
  const oclifs = (given: string[]) =>
    Object.assign(new Error(`Nonexistent flag: ${given.join(", ")}`), {
      flags: given,
      parse: { input: { flags } },
    });

  it("is answered with the nearest of its command", () => {
    assert.deepEqual(unknownFlags(oclifs(["--fromat=json"])), {
      flags: ["--fromat=json"],
      suggestions: ["--format"],
    });
    assert.deepEqual(unknownFlags(oclifs(["--no-wiat"]))?.suggestions, ["--no-wait"]);
    assert.deepEqual(unknownFlags(oclifs(["--hiden"]))?.suggestions, []);
    assert.deepEqual(unknownFlags(oclifs(["-x"]))?.suggestions, []);
  });

  it("is told from other errors", () => {
    assert.equal(unknownFlags(new Error("Missing 1 required arg")), undefined);
  });
});

it("a value that a flag doesn't have is answered with the nearest", () => {
  assert.deepEqual(unknownValue("Expected --format=jsn to be one of: text, json, stream-json"), {
    flag: "--format",
    value: "jsn",
    suggestions: ["json"],
  });
  assert.equal(unknownValue("Nonexistent flag: --x"), undefined);
});
