import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  agentDirOf,
  listRoots,
  listSessionFiles,
  sessionDirFor,
  sessionDirOf,
  sessionIdOfFileName,
} from "../../../../../src/lib/core/session-files/locate.ts";
import { temporaryDirectory } from "../../session/files/session-fixture.ts";

test("the agent directory follows PI_CODING_AGENT_DIR with ~, a file URL and a relative path", () => {
  assert.equal(agentDirOf({ HOME: "/home/u" }), "/home/u/.pi/agent");
  assert.equal(agentDirOf({ HOME: "/home/u", PI_CODING_AGENT_DIR: "" }), "/home/u/.pi/agent");
  assert.equal(agentDirOf({ HOME: "/home/u", PI_CODING_AGENT_DIR: "~" }), "/home/u");
  assert.equal(agentDirOf({ HOME: "/home/u", PI_CODING_AGENT_DIR: "~/x" }), "/home/u/x");
  assert.equal(agentDirOf({ PI_CODING_AGENT_DIR: "file:///a/b%20c" }), "/a/b c");
  assert.equal(agentDirOf({ PI_CODING_AGENT_DIR: "rel/x" }, "/project"), "/project/rel/x");
});

test("the session directory comes from the environment, then the project, then pi's settings", (t) => {
  const dir = temporaryDirectory(t);
  const env = { HOME: dir, PI_CODING_AGENT_DIR: join(dir, "agent") };
  const cwd = join(dir, "project");
  const nowhere = () => [];
  mkdirSync(join(dir, "agent"));
  mkdirSync(join(cwd, ".pi"), { recursive: true });
  assert.equal(sessionDirOf(env, cwd, nowhere), undefined);
  writeFileSync(join(dir, "agent", "settings.json"), '\uFEFF{"sessionDir":"~/all"}');
  assert.equal(sessionDirOf(env, cwd, nowhere), join(dir, "all"));
  writeFileSync(join(cwd, ".pi", "settings.json"), '{"sessionDir":"local"}');
  assert.equal(sessionDirOf(env, cwd, nowhere), join(cwd, "local"));
  assert.equal(
    sessionDirOf(env, cwd, () => [realpathSync(cwd)]),
    join(dir, "all"),
    "an agent may have written it",
  );
  writeFileSync(join(cwd, ".pi", "settings.json"), "{broken");
  assert.equal(sessionDirOf(env, cwd, nowhere), join(dir, "all"));
  assert.equal(sessionDirOf({ ...env, PI_CODING_AGENT_SESSION_DIR: "/flat" }, cwd, nowhere), "/flat");
  rmSync(join(cwd, ".pi", "settings.json"));
  execFileSync("mkfifo", [join(cwd, ".pi", "settings.json")]);
  assert.equal(sessionDirOf(env, cwd, nowhere), join(dir, "all"), "a pipe isn't waited for");
});

test("a working directory becomes the name that pi gives it", () => {
  assert.equal(sessionDirFor("/home/u/my:proj", "/a"), "/a/sessions/--home-u-my-proj--");
  assert.equal(sessionDirFor("/", "/a"), "/a/sessions/----");
});

test("the id starts after the first underscore of the file name", () => {
  assert.equal(sessionIdOfFileName("2026-11-21T04-50-00-000Z_0199a-b.jsonl"), "0199a-b");
  assert.equal(sessionIdOfFileName("2026-11-21T04-50-00-000Z_my_own.id_2.jsonl"), "my_own.id_2");
  assert.equal(sessionIdOfFileName("handmade.jsonl"), "handmade");
});

test("lists every session file, one directory's or a flat directory's, and skips what leads elsewhere", (t) => {
  const agentDir = temporaryDirectory(t);
  const one = sessionDirFor("/p/one", agentDir);
  const two = sessionDirFor("/p/two", agentDir);
  mkdirSync(one, { recursive: true });
  mkdirSync(two);
  writeFileSync(join(one, "t_a.jsonl"), "12345");
  writeFileSync(join(two, "t_b.jsonl"), "");
  writeFileSync(join(two, "notes.txt"), "");
  mkdirSync(join(two, "dir.jsonl"));
  const ids = (options: Parameters<typeof listSessionFiles>[0]) =>
    listSessionFiles(options)
      .files.map((file) => file.id)
      .sort();
  assert.deepEqual(ids({ agentDir }), ["a", "b"]);
  assert.deepEqual(ids({ agentDir, cwd: "/p/two" }), ["b"]);
  assert.deepEqual(ids({ agentDir, sessionDir: one, cwd: "/p/two" }), ["a"]);
  assert.deepEqual(ids({ agentDir, idPrefix: "b" }), ["b"]);
  const [file] = listSessionFiles({ agentDir, cwd: "/p/one" }).files;
  assert.equal(file?.path, join(one, "t_a.jsonl"));
  assert.equal(file?.size, 5);
  assert.ok((file?.mtimeMs ?? 0) > 0 && (file?.ino ?? 0) > 0);

  symlinkSync(one, join(agentDir, "sessions", "--linked--"));
  symlinkSync(join(one, "t_a.jsonl"), join(two, "t_link.jsonl"));
  symlinkSync(join(agentDir, "nowhere"), join(agentDir, "sessions", "--dangling--"));
  symlinkSync("--circle--", join(agentDir, "sessions", "--circle--"));
  symlinkSync(".", join(agentDir, "sessions", "--itself--"));
  const elsewhere = join(temporaryDirectory(t), "kept");
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, "t_c.jsonl"), "");
  symlinkSync(elsewhere, sessionDirFor("/p/three", agentDir));
  assert.deepEqual(ids({ agentDir }), ["a", "b", "c"], "each once, also those behind a link");
  assert.deepEqual(ids({ agentDir, cwd: "/p/three" }), ["c"]);
  assert.deepEqual(listSessionFiles({ agentDir }).skipped.sort(), [
    join(agentDir, "sessions", "--circle--"),
    join(agentDir, "sessions", "--dangling--"),
    join(two, "t_link.jsonl"),
  ]);
  assert.equal(listSessionFiles({ agentDir, idPrefix: "A" }).files[0]?.path, join(one, "t_a.jsonl"));
  const roots = [
    { path: elsewhere, nested: false },
    { path: join(agentDir, "sessions"), nested: true },
  ];
  assert.deepEqual(
    listRoots(roots)
      .files.map(({ id }) => id)
      .sort(),
    ["a", "b", "c"],
  );
});

test("a missing directory is empty; one that can't be read is counted", (t) => {
  const agentDir = temporaryDirectory(t);
  assert.deepEqual(listSessionFiles({ agentDir }), { files: [], skipped: [] });
  // Not a directory: fails for root too, whom permissions don't stop.
  writeFileSync(join(agentDir, "sessions"), "");
  assert.deepEqual(listSessionFiles({ agentDir }), { files: [], skipped: [join(agentDir, "sessions")] });
});

test("a directory without permission doesn't hide the others", {
  skip: process.getuid?.() === 0 && "root may enter every directory",
}, (t) => {
  const agentDir = temporaryDirectory(t);
  const closed = sessionDirFor("/closed", agentDir);
  const open = sessionDirFor("/open", agentDir);
  mkdirSync(closed, { recursive: true });
  mkdirSync(open);
  writeFileSync(join(open, "t_a.jsonl"), "");
  chmodSync(closed, 0);
  t.after(() => chmodSync(closed, 0o700));
  const listing = listSessionFiles({ agentDir });
  assert.equal(listing.files.length, 1);
  assert.equal(listing.skipped.length, 1);
});
