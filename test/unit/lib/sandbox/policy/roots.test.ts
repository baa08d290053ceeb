import assert from "node:assert/strict";
import { test } from "node:test";
import { contains } from "../../../../../src/lib/core/contains.ts";
import { resolvePaths } from "../../../../../src/lib/core/paths.ts";
import { narrow } from "../../../../../src/lib/sandbox/policy/narrow.ts";
import { profilePolicy } from "../../../../../src/lib/sandbox/policy/profiles.ts";
import { covers, cutPlaces, intersectRoots } from "../../../../../src/lib/sandbox/policy/roots.ts";

const HOME = "/home/me";
const whole = cutPlaces(HOME, "read");
const empty = cutPlaces(HOME, "empty");

test("a directory contains itself and what is in it, and nothing that only begins like it", () => {
  assert.ok(contains("/a", "/a") && contains("/a", "/a/b") && contains("/", "/a"));
  assert.ok(!contains("/a", "/ab") && !contains("/a/b", "/a"));
});

test("a root doesn't reach into what is cut out of it, one inside of that does", () => {
  assert.ok(covers("/", "/etc/x", whole));
  for (const path of ["/tmp/x", "/run/docker.sock", "/proc/1/environ", "/dev/sda", "/sys/x", "/var/tmp/x"])
    assert.ok(!covers("/", path, whole), path);
  assert.ok(covers("/run/user/1/app", "/run/user/1/app/x", whole));
  assert.ok(!covers("/tmp", "/tmp/x", whole), "as a root it is the sandbox's own");
  assert.ok(covers("/home", "/home/me/x", whole));
  assert.ok(!covers("/home", "/home/me/x", empty));
  assert.ok(!covers(HOME, "/home/me/x", empty));
  assert.ok(covers("/home", "/home/other/x", empty));
  assert.ok(covers("/home/me/.gitconfig", "/home/me/.gitconfig", empty));
});

test("two sets of roots have in common what both open, whichever names it", () => {
  const common = (a: string[], b: string[], cutOfA = whole, cutOfB = whole) =>
    intersectRoots({ roots: a, cut: cutOfA }, { roots: b, cut: cutOfB }).sort();
  assert.deepEqual(common(["/usr", "/etc/a"], ["/usr/lib", "/etc", "/srv"]), ["/etc/a", "/usr/lib"]);
  assert.deepEqual(common(["/"], ["/run/user", "/tmp/x", "/opt"]), ["/opt"]);
  assert.deepEqual(common(["/tmp"], ["/tmp/x"]), []);
  assert.deepEqual(common(["/tmp"], ["/tmp"]), ["/tmp"]);
  assert.deepEqual(common(["/home"], ["/home/me/x"], empty), [], "the home of the first is an empty one");
  assert.deepEqual(common(["/home"], ["/home/me/x"]), ["/home/me/x"]);
});

test("an empty home stays empty, whichever side has it", () => {
  const env = { HOME };
  const places = { home: HOME, workspace: "/w", env, paths: resolvePaths(env, 1000) };
  const [development, strict] = [profilePolicy("development", places), profilePolicy("strict", places)];
  assert.equal(narrow(strict, development, HOME).home, "empty");
  assert.equal(narrow(development, strict, HOME).home, "empty");
  assert.equal(narrow(strict, development, HOME).profile, "strict");
});
