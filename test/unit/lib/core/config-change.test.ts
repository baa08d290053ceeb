import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { changeConfig } from "../../../../src/lib/core/config-change.ts";
import { findConfigKey, readConfigValues } from "../../../../src/lib/core/config-values.ts";
import { PictlError } from "../../../../src/lib/core/errors.ts";

function temporaryFile(t: TestContext, text?: string): string {
  const dir = mkdtempSync(join(tmpdir(), "pictl-change-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "config", "config.toml");
  if (text === undefined) return path;
  mkdirSync(dirname(path));
  writeFileSync(path, text);
  return path;
}

const change = (path: string, name: string, words?: string[], kind: "user" | "workspace" = "user") =>
  changeConfig({ path, kind, key: findConfigKey(name), ...(words === undefined ? {} : { words }) });

function refusal(act: () => unknown): PictlError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof PictlError, String(error));
    return error;
  }
  return assert.fail("it was accepted");
}

test("the first setting makes a file for the user alone, and leaves no draft", (t) => {
  const path = temporaryFile(t);
  assert.equal(change(path, "limits.park_after", ["10m"]), true);
  assert.equal(readFileSync(path, "utf8"), '[limits]\npark_after = "10m"\n');
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  assert.equal(lstatSync(dirname(path)).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(dirname(path)), ["config.toml"]);
  assert.equal(change(path, "limits.park_after", ["10m"]), false, "nothing to do");
});

test("values are written by their kind", (t) => {
  const path = temporaryFile(t);
  change(path, "limits.max_live_agents", ["3"]);
  change(path, "agent.command", ["/opt/pi", "--offline", 'a "b"']);
  change(path, "model", ["anthropic/claude"]);
  assert.equal(
    readFileSync(path, "utf8"),
    'model = "anthropic/claude"\n\n[limits]\nmax_live_agents = 3\n\n[agent]\ncommand = ["/opt/pi", "--offline", "a \\"b\\""]\n',
  );
  change(path, "agent.command", ["pi"]);
  assert.match(readFileSync(path, "utf8"), /^command = "pi"$/m);
});

for (const { key, words, says } of [
  {
    key: "limits.max_live_agents",
    words: ["many"],
    says: /max_live_agents can't be "many": must be a whole/,
  },
  { key: "limits.max_live_agents", words: ["0"], says: /can't be "0": must be a whole number of 1/ },
  { key: "limits.park_after", words: ["soon"], says: /can't be "soon": .*30s/ },
  { key: "thinking", words: ["lots"], says: /can't be "lots": .*"xhigh"/ },
  { key: "model", words: ["--print"], says: /can't be "--print": must be a model/ },
  { key: "agent.command", words: ["./pi"], says: /can't be ".\/pi": must be a/ },
  { key: "model", words: ["a", "b"], says: /model takes one value, not 2/ },
]) {
  test(`${key} = ${words.join(" ")} is refused, and nothing is written`, (t) => {
    const path = temporaryFile(t);
    const error = refusal(() => change(path, key, words));
    assert.equal(error.code, "USAGE");
    assert.match(error.message, says);
    assert.ok(!existsSync(path));
  });
}

test("a workspace's file gets what a workspace may decide, and nothing else", (t) => {
  const path = temporaryFile(t);
  change(path, "format", ["json"], "workspace");
  assert.match(
    refusal(() => change(path, "agent.command", ["/tmp/x"], "workspace")).message,
    /agent\.command can't be "\/tmp\/x": can't be set by a workspace/,
  );
  assert.match(
    refusal(() => change(path, "model", ["scripted/x.json"], "workspace")).message,
    /can't name a scenario/,
  );
  assert.equal(readFileSync(path, "utf8"), 'format = "json"\n');
});

test("a file with a mistake elsewhere is not touched, the mistake itself can be mended", (t) => {
  const path = temporaryFile(t, 'thinking = "lots"\n');
  assert.equal(refusal(() => change(path, "model", ["x"])).code, "INVALID_CONFIG");
  assert.equal(change(path, "thinking", ["low"]), true);
  assert.equal(readFileSync(path, "utf8"), 'thinking = "low"\n');
});

test("what can't be edited says where to do it", (t) => {
  const path = temporaryFile(t, "\nlimits = { max_live_agents = 3 }\n");
  const error = refusal(() => change(path, "limits.park_after", ["1m"]));
  assert.equal(error.code, "INVALID_CONFIG");
  assert.ok(error.message.startsWith(`${path}:2: `), error.message);
  assert.match(error.hint ?? "", /limits\.park_after = "1m"/);
});

test("taking out a key that isn't there is nothing to do", (t) => {
  const path = temporaryFile(t, 'model = "x"\n');
  assert.equal(change(path, "thinking"), false);
  assert.equal(change(path, "model"), true);
  assert.equal(readFileSync(path, "utf8"), "");
  assert.equal(change(join(dirname(path), "none.toml"), "model"), false);
  assert.ok(!existsSync(join(dirname(path), "none.toml")));
});

test("a link of the user's stays one; nothing is read or written through one in a repository", (t) => {
  const path = temporaryFile(t, 'model = "x"\n');
  const link = join(dirname(path), "link.toml");
  symlinkSync(path, link);
  change(link, "model", ["y"]);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(path, "utf8"), 'model = "y"\n');
  assert.throws(() => change(link, "model", ["z"], "workspace"), { code: "INVALID_CONFIG" });
  const linked = join(dirname(path), "linked");
  symlinkSync(dirname(path), linked);
  for (const name of ["none.toml", basename(path)])
    assert.throws(() => change(join(linked, name), "model", ["z"], "workspace"), {
      code: "INVALID_CONFIG",
      message: /is a symbolic link/,
    });
  assert.ok(!existsSync(join(dirname(path), "none.toml")));
  assert.equal(readFileSync(path, "utf8"), 'model = "y"\n');
});

test("each value has its origin, with file and line", (t) => {
  const user = temporaryFile(t, 'model = "a"\n[limits]\npark_after = "1m"\n[agent]\ncommand = ["pi"]\n');
  const workspace = temporaryFile(t, '# ours\nmodel = "b"\n');
  const values = (env = {}) =>
    Object.fromEntries(readConfigValues({ user, workspace, env }).map((value) => [value.key, value]));
  assert.deepEqual(values().model, {
    key: "model",
    value: "b",
    origin: "workspace",
    path: workspace,
    line: 2,
  });
  assert.deepEqual(values()["limits.park_after"], {
    key: "limits.park_after",
    value: "1m",
    origin: "user",
    path: user,
    line: 3,
  });
  assert.deepEqual(values().thinking, { key: "thinking", value: null, origin: "default" });
  assert.deepEqual(values().format, { key: "format", value: "text", origin: "default" });
  assert.deepEqual(values()["agent.command"]?.value, ["pi"]);
  assert.deepEqual(values({ PICTL_PI: "/opt/pi" })["agent.command"], {
    key: "agent.command",
    value: "/opt/pi",
    origin: "environment",
    variable: "PICTL_PI",
  });
});

test("an unknown key is answered with the nearest", () => {
  const error = refusal(() => findConfigKey("limits.max_live_agnts"));
  assert.equal(error.code, "USAGE");
  assert.deepEqual(error.details, { key: "limits.max_live_agnts", suggestions: ["limits.max_live_agents"] });
  assert.match(refusal(() => findConfigKey("colour")).hint ?? "", /There are model, /);
});
