import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { whatIsWanted } from "../../../../../src/lib/cli/completion/wanted.ts";
import { thinkingLevels } from "../../../../../src/lib/core/choices.ts";
import { MANIFEST } from "../manifest-fixture.ts";

/** The candidates' words, or the kind of what is wanted. */
function wanted(line: string): string[] | string {
  const words = line.split(" ");
  const { values } = whatIsWanted(MANIFEST, words.slice(1, -1), words.at(-1) ?? "");
  return values.kind === "words" ? values.candidates.map(({ value }) => value) : values.kind;
}

describe("what may be typed next", () => {
  it("commands and topics, one word at a time, without the hidden ones", () => {
    assert.deepEqual(wanted("pictl "), ["completion", "config", "doctor", "prompt", "session", "help"]);
    assert.deepEqual(wanted("pictl session "), ["bash", "delete", "last", "list", "queue"]);
    assert.deepEqual(wanted("pictl session queue "), ["clear", "list"]);
    assert.deepEqual(wanted("pictl nonsense "), []);
  });

  it("each with its summary", () => {
    const { values } = whatIsWanted(MANIFEST, [], "");
    assert.ok(values.kind === "words");
    assert.deepEqual(values.candidates.slice(1, 3), [
      { value: "config", about: "Settings" },
      { value: "doctor", about: "About doctor" },
    ]);
  });

  it("commands behind help, and no flags or values", () => {
    assert.deepEqual(wanted("pictl help session "), ["bash", "delete", "last", "list", "queue"]);
    assert.deepEqual(wanted("pictl help prompt "), []);
  });

  it("flags where a dash was typed or nothing else fits, without those given or excluded", () => {
    assert.deepEqual(wanted("pictl session list "), ["--all", "--help"]);
    assert.deepEqual(wanted("pictl session list -a "), ["--help"]);
    const flags = wanted("pictl prompt --detach --append-system-prompt x -");
    assert.ok(!flags.includes("--format"), "excluded by --detach");
    assert.ok(!flags.includes("--detach"), "given");
    assert.ok(!flags.includes("--secret"), "hidden");
    assert.ok(flags.includes("--append-system-prompt"), "can be repeated");
    assert.ok(flags.includes("--no-wait") && !flags.includes("--wait"), "on already");
    assert.ok(flags.includes("--no-approve") && flags.includes("--approve"));
    assert.deepEqual(wanted("pictl -"), ["--help", "--version"]);
  });

  it("the options of a flag, also behind =", () => {
    assert.deepEqual(wanted("pictl prompt --format "), ["text", "json", "quiet"]);
    assert.deepEqual(wanted("pictl prompt --format=j"), ["--format=text", "--format=json", "--format=quiet"]);
    assert.equal(whatIsWanted(MANIFEST, ["prompt"], "--file=x").prefix, "--file=");
    assert.equal(wanted("pictl prompt --wait="), "nothing");
  });

  it("sessions, models, files and directories by the name of the flag or argument", () => {
    assert.equal(wanted("pictl prompt -s "), "sessions");
    assert.equal(wanted("pictl prompt --session=a"), "sessions");
    assert.equal(wanted("pictl session delete "), "sessions");
    assert.equal(wanted("pictl session delete --yes a"), "sessions");
    assert.deepEqual(wanted("pictl session delete abc "), ["--session", "--yes", "--help"]);
    assert.equal(wanted("pictl prompt -m "), "models");
    assert.equal(wanted("pictl prompt -F "), "files");
    assert.equal(wanted("pictl prompt -C "), "directories");
    assert.equal(wanted("pictl prompt hello "), "nothing");
  });

  it("files behind the @ of a prompt, which stays", () => {
    assert.deepEqual(whatIsWanted(MANIFEST, ["prompt", "look"], "@sh"), {
      values: { kind: "files" },
      prefix: "@",
    });
  });

  it("settings and their values", () => {
    assert.ok(wanted("pictl config get ").includes("limits.park_after"));
    assert.deepEqual(wanted("pictl config set thinking "), [...thinkingLevels]);
    assert.equal(wanted("pictl config set model "), "models");
    assert.equal(wanted("pictl config set daemon.idle_timeout "), "nothing");
    assert.deepEqual(wanted("pictl completion "), ["bash", "zsh", "fish"]);
  });

  it("nothing of ours behind --", () => {
    assert.equal(wanted("pictl session bash -- ls -"), "files");
    assert.equal(wanted("pictl prompt -- -"), "nothing");
  });
});
