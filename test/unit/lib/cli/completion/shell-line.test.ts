import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readRequest } from "../../../../../src/lib/cli/completion/answer.ts";
import { bashReply, parseShellLine } from "../../../../../src/lib/cli/completion/shell-line.ts";

/** What bash has in COMP_WORDBREAKS when nobody changed it. */
const BREAKS = " \t\n\"'@><=;|&(:";

describe("a line of a shell", () => {
  for (const { line, before, current, kept, quote = "" } of [
    { line: "pictl ", before: ["pictl"], current: "", kept: 0 },
    { line: "pictl  session   li", before: ["pictl", "session"], current: "li", kept: 0 },
    { line: "pictl 'a b' \"c d\" e\\ f", before: ["pictl", "a b", "c d"], current: "e f", kept: 0 },
    { line: "pictl --format=js", before: ["pictl"], current: "--format=js", kept: 9 },
    { line: "pictl @sh", before: ["pictl"], current: "@sh", kept: 1 },
    { line: "pictl -s 'my r", before: ["pictl", "-s"], current: "my r", kept: 0, quote: "'" },
    { line: 'pictl -s "a\\"b', before: ["pictl", "-s"], current: 'a"b', kept: 0, quote: '"' },
    { line: "pictl scripted/echo:l", before: ["pictl"], current: "scripted/echo:l", kept: 14 },
    { line: "pictl a\\:b", before: ["pictl"], current: "a:b", kept: 0 },
    { line: "pictl '' x", before: ["pictl", ""], current: "x", kept: 0 },
  ] as const) {
    it(line, () => {
      assert.deepEqual(parseShellLine(line, BREAKS), { before, current, kept, quote });
    });
  }

  it("a reply is only what readline replaces, escaped unless a quote is open", () => {
    const reply = (line: string, value: string) => bashReply(value, parseShellLine(line, BREAKS));
    assert.equal(reply("pictl --format=j", "--format=json"), "json");
    assert.equal(reply("pictl my", "my review; rm $x"), "my\\ review\\;\\ rm\\ \\$x");
    assert.equal(reply("pictl 'my", "my it's"), "my it'\\''s");
    assert.equal(reply('pictl "my', 'my "$x"'), 'my \\"\\$x\\"');
    assert.equal(reply("pictl scripted/echo:l", "scripted/echo:low"), "low");
    assert.equal(reply("pictl gr", "größe"), "größe");
  });
});

describe("an answer", () => {
  const candidates = [{ value: "alpha", about: "the\nfirst" }, { value: "beta" }];

  it("to bash has what begins like the word", () => {
    const request = readRequest("bash", ["pictl session show a", BREAKS]);
    assert.deepEqual(request.before, ["session", "show"]);
    assert.equal(request.answer({ candidates, prefix: "" }), "words 0\nalpha\n");
  });

  it("to zsh and fish has descriptions of one line", () => {
    const request = readRequest("fish", ["session", "show", "a"]);
    assert.deepEqual([request.before, request.current], [["session", "show"], "a"]);
    assert.equal(request.answer({ candidates, prefix: "" }), "words 0\nalpha\tthe first\nbeta\n");
  });

  it("leaves paths to the shell, behind what stands before them", () => {
    const request = readRequest("zsh", ["prompt", "@x"]);
    assert.equal(request.answer({ candidates: [], paths: "files", prefix: "@" }), "files 1\n");
  });
});
