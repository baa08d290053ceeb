import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "smol-toml";
import { setTomlKey, unsetTomlKey } from "../../../../src/lib/core/config-edit.ts";

const FILE = `# my settings
model = "a#b"   # the model # as agreed

[daemon]
# how long
# idle_timeout = "30m"

# about the limits
[limits]   # few
max_live_agents = 4
# the end
`;

describe("setting a key of a TOML text", () => {
  it("replaces the value and keeps the comment on its line", () => {
    assert.equal(setTomlKey(FILE, ["model"], '"x"'), FILE.replace('"a#b"', '"x"'));
    assert.equal(setTomlKey(FILE, ["limits", "max_live_agents"], "9"), FILE.replace("= 4", "= 9"));
  });

  for (const { what, keys, literal, before, after } of [
    {
      what: "a new key follows the last of its table",
      keys: ["limits", "park_after"],
      literal: '"1m"',
      before: "max_live_agents = 4\n",
      after: 'max_live_agents = 4\npark_after = "1m"\n',
    },
    {
      what: "a new key follows the line that shows it as a comment",
      keys: ["daemon", "idle_timeout"],
      literal: '"1m"',
      before: '# idle_timeout = "30m"\n',
      after: '# idle_timeout = "30m"\nidle_timeout = "1m"\n',
    },
    {
      what: "a new key of no table follows the last such key",
      keys: ["thinking"],
      literal: '"low"',
      before: "as agreed\n",
      after: 'as agreed\nthinking = "low"\n',
    },
    {
      what: "a new table comes last",
      keys: ["agent", "command"],
      literal: '["a", "b"]',
      before: "# the end\n",
      after: '# the end\n\n[agent]\ncommand = ["a", "b"]\n',
    },
  ] as const) {
    it(what, () => assert.equal(setTomlKey(FILE, keys, literal), FILE.replace(before, after)));
  }

  it("works on an empty text, on tables alone and on the last line without an end", () => {
    assert.equal(setTomlKey("", ["model"], '"x"'), 'model = "x"\n');
    assert.equal(setTomlKey("", ["limits", "park_after"], '"1m"'), '[limits]\npark_after = "1m"\n');
    assert.equal(setTomlKey("[limits]\n", ["model"], '"x"'), 'model = "x"\n\n[limits]\n');
    assert.equal(
      setTomlKey("limits.max_live_agents = 3 # c", ["limits", "park_after"], '"1m"'),
      'limits.max_live_agents = 3 # c\nlimits.park_after = "1m"\n',
    );
  });

  it("replaces a value of several lines, and keeps CRLF", () => {
    const text = '[agent]\r\ncommand = [ "a", # first\r\n  "b" ] # both\r\n[limits]\r\n';
    assert.equal(
      setTomlKey(text, ["agent", "command"], '"pi"'),
      '[agent]\r\ncommand = "pi" # both\r\n[limits]\r\n',
    );
    const added = setTomlKey('model = "x"\r\n', ["thinking"], '"low"');
    assert.equal(added, 'model = "x"\r\nthinking = "low"\r\n');
  });

  it("gives up on what it doesn't understand instead of spoiling it", () => {
    assert.equal(
      setTomlKey("limits = { max_live_agents = 3 }\n", ["limits", "park_after"], '"1m"'),
      undefined,
    );
    const misleading = 'x = """\n[limits]\npark_after = "1m"\n"""\n[limits]\npark_after = "2m"\n';
    const result = setTomlKey(misleading, ["limits", "park_after"], '"5m"');
    if (result !== undefined) assert.equal(parse(result).x, parse(misleading).x);
  });
});

describe("taking a key out", () => {
  it("removes its lines and nothing else", () => {
    assert.equal(
      unsetTomlKey(FILE, ["model"]),
      FILE.replace('model = "a#b"   # the model # as agreed\n', ""),
    );
    assert.equal(
      unsetTomlKey(FILE, ["limits", "max_live_agents"]),
      FILE.replace("max_live_agents = 4\n", ""),
    );
    assert.equal(
      unsetTomlKey('[agent]\ncommand = [\n "a",\n]\n# end\n', ["agent", "command"]),
      "[agent]\n# end\n",
    );
  });

  it("gives up on an inline table", () => {
    assert.equal(
      unsetTomlKey("limits = { max_live_agents = 3 }\n", ["limits", "max_live_agents"]),
      undefined,
    );
  });
});
