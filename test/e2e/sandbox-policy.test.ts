import assert from "node:assert/strict";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Workspace } from "../support/workspace.ts";

interface Shown {
  policy: { enabled: boolean; profile: string; home: string; allowWrite: string[] };
  lines: { key: string; value: string | null; origin: string; path?: string; line?: number }[];
  files: string[];
  warnings: string[];
}
interface Verdict {
  answer: string;
  rule?: string;
  origin?: { from: string; path?: string; line?: number; profile?: string };
}

describe("sandbox show, explain and init", () => {
  let place: Workspace;
  let env: Record<string, string>;
  before(() => {
    place = new Workspace();
    mkdirSync(join(place.cwd, ".git"));
    const home = join(place.root, "home");
    mkdirSync(join(home, ".ssh"), { recursive: true });
    env = { HOME: home };
  });
  after(() => place.dispose());
  afterEach(() => {
    rmSync(user(), { force: true });
    rmSync(join(place.cwd, ".pictl"), { recursive: true, force: true });
  });

  const user = () => join(place.paths.configDir, "sandbox.toml");
  const workspace = () => join(place.cwd, ".pictl", "sandbox.toml");
  const write = (path: string, text: string) => {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  };

  it("shows the merged policy with the origin of each line", async () => {
    write(user(), 'enabled = true\nallow_write = ["~/.cargo", "/tmp"]\n');
    write(workspace(), '\n\nallow_write = ["~/.cargo/git"]\ndeny_read = [".env"]\nallow_no_sandbox = true\n');
    const shown = await place.json<Shown>(["sandbox", "show"], { env });
    assert.deepEqual(shown.files, [user(), workspace()]);
    assert.match(shown.warnings.join(), /sandbox\.toml:5: allow_no_sandbox is ignored/);
    assert.deepEqual(shown.policy.allowWrite, [join(place.root, "home/.cargo/git")]);
    const line = (key: string, value?: string) =>
      shown.lines.find((one) => one.key === key && (value === undefined || one.value === value));
    assert.deepEqual(line("enabled"), {
      key: "enabled",
      value: "true",
      origin: "user",
      path: user(),
      line: 1,
    });
    assert.equal(line("allow_write")?.line, 3);
    assert.equal(line("deny_read", join(place.cwd, ".env"))?.origin, "workspace");
    assert.equal(line("deny_read", join(place.root, "home/.ssh"))?.origin, "profile");
    const text = await place.run(["sandbox", "show"], { env });
    assert.match(text.stdout, /^allow_write +~\/\.cargo\/git +workspace \(.*sandbox\.toml:3\)$/m);
    assert.match(text.stdout, /^deny_read +~\/\.ssh +profile development$/m);
    assert.match(text.stderr, /^Warning: .*allow_no_sandbox is ignored/m);
  });

  it("shows what --sandbox would choose, and never less than the file demands", async () => {
    const strict = await place.json<Shown>(["sandbox", "show", "--profile", "strict"], { env });
    assert.deepEqual(
      [strict.policy.enabled, strict.policy.profile, strict.policy.home],
      [true, "strict", "empty"],
    );
    write(user(), 'enabled = true\nprofile = "strict"\n');
    const weaker = await place.run(["sandbox", "show", "--profile", "minimal"], { env });
    assert.match(weaker.stdout, /^profile +strict +user/m);
    assert.match(weaker.stderr, /--sandbox minimal changes nothing/);
  });

  it("explains paths, through links, with the line that decides", async () => {
    write(user(), 'enabled = true\ndeny_read = ["~/Documents"]\n');
    symlinkSync(join(place.root, "home/.ssh"), join(place.cwd, "keys"));
    const ask = (target: string) =>
      place.json<{ path: string; resolved: string; read: Verdict; write: Verdict }>(
        ["sandbox", "explain", target],
        { env },
      );
    const link = await ask("keys");
    assert.deepEqual([link.read.answer, link.read.rule], ["denied", join(place.root, "home/.ssh")]);
    assert.equal(link.resolved, join(place.root, "home/.ssh"));
    const documents = await ask("~/Documents/x");
    assert.deepEqual(documents.read.origin, { from: "user", path: user(), line: 2 });
    const own = await ask("./src");
    assert.deepEqual([own.read.answer, own.write.answer], ["allowed", "allowed"]);
    mkdirSync(join(place.cwd, "sub"), { recursive: true });
    const above = await place.json<{ write: Verdict }>(["sandbox", "explain", "../src"], {
      env,
      cwd: join(place.cwd, "sub"),
    });
    assert.equal(above.write.answer, "allowed", "the workspace is the whole repository");
    assert.equal((await ask(".git/hooks/pre-commit")).write.answer, "denied");
    assert.equal((await ask("~/.bashrc")).write.answer, "denied");
    const text = await place.ok(["sandbox", "explain", "~/.ssh/id"], { env });
    assert.match(text, /^~\/\.ssh\/id\n {2}read +denied +it is denied: ~\/\.ssh +\(profile development\)$/m);
  });

  it("explains hosts", async () => {
    const ask = async (target: string, ...more: string[]) =>
      (await place.json<{ connect: Verdict }>(["sandbox", "explain", target, ...more], { env })).connect
        .answer;
    assert.equal(await ask("registry.npmjs.org"), "allowed");
    assert.equal(await ask("https://registry.npmjs.org/left-pad"), "allowed");
    assert.equal(await ask("registry.npmjs.org:22"), "denied");
    assert.equal(await ask("registry.npmjs.org", "--profile", "strict"), "model");
    assert.equal(await ask("169.254.169.254"), "denied");
    const none = await place.run(["sandbox", "explain", "pypi.org"], { env });
    assert.match(none.stderr, /No sandbox is enabled here/);
    const bad = await place.run(["sandbox", "explain", "a b"], { env });
    assert.deepEqual([bad.code, bad.stdout], [2, ""]);
    assert.match(bad.stderr, /neither a path nor a host.*\[USAGE\]/);
  });

  it("refuses a file with a mistake, with its place", async () => {
    write(workspace(), "enabled = true\n\nmax_process = 3\n");
    const bad = await place.run(["sandbox", "show"], { env });
    assert.equal(bad.code, 2);
    assert.ok(bad.stderr.startsWith(`Error: ${workspace()}:3: max_process: unknown key. [INVALID_CONFIG]`));
    assert.match(bad.stderr, /Did you mean "max_processes"\?/);
  });

  it("has all files up to the home, whatever repositories lie between", async () => {
    write(workspace(), "max_processes = 64\n");
    const outer = join(place.root, ".pictl/sandbox.toml");
    write(outer, 'max_memory = "1G"\n');
    const sub = join(place.cwd, "deep/sub");
    mkdirSync(join(sub, ".git"), { recursive: true });
    const files = async (home: string) =>
      (await place.json<Shown>(["sandbox", "show"], { env: { HOME: home }, cwd: sub })).files;
    assert.deepEqual(await files(join(place.root, "home")), [outer, workspace()]);
    assert.deepEqual(await files(place.root), [outer, workspace()]);
    assert.deepEqual(await files(place.cwd), [workspace()]);
    // In a directory of everybody's, only root can make a file for others.
    if (process.getuid?.() === 0) {
      chownSync(outer, 4711, 4711);
      assert.deepEqual(await files(place.root), [workspace()]);
      chownSync(place.root, 4711, 4711);
      assert.deepEqual(await files(place.root), [outer, workspace()]);
      chownSync(place.root, 0, 0);
    }
    rmSync(join(place.root, ".pictl"), { recursive: true });
    rmSync(join(place.cwd, "deep"), { recursive: true });
  });

  it("refuses a file that can't be read, also a link that leads nowhere", async () => {
    for (const [path, problem] of [
      [user(), "can't be read (ENOENT)"],
      [workspace(), "is a symbolic link, or lies behind one"],
    ] as const) {
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(join(place.root, "gone.toml"), path);
      const refused = await place.run(["sandbox", "show"], { env });
      assert.equal(refused.code, 2);
      assert.ok(refused.stderr.startsWith(`Error: ${path} ${problem}. [INVALID_CONFIG]`), refused.stderr);
      rmSync(path);
    }
    rmSync(dirname(workspace()), { recursive: true });
    symlinkSync(join(place.root, "gone"), dirname(workspace()));
    assert.equal((await place.run(["sandbox", "show"], { env })).code, 2);
  });

  it("refuses a policy that denies the workspace itself", async () => {
    write(user(), `enabled = true\ndeny_read = [${JSON.stringify(place.cwd)}]\n`);
    const bad = await place.run(["sandbox", "explain", "x"], { env });
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /sandbox\.toml:2: deny_read has the workspace itself/);
  });

  it("writes a commented file, and overwrites none unasked", async () => {
    const first = await place.run(["sandbox", "init", "--profile", "strict"], { env });
    assert.deepEqual([first.code, first.stdout], [0, `${user()}\n`]);
    assert.match(first.stderr, /New sessions run in a sandbox from now on/);
    assert.equal(statSync(user()).mode & 0o777, 0o600);
    const { policy } = await place.json<Shown>(["sandbox", "show"], { env });
    assert.deepEqual([policy.enabled, policy.profile], [true, "strict"]);
    writeFileSync(user(), "# mine\n");
    const second = await place.run(["sandbox", "init"], { env });
    assert.equal(second.code, 2);
    assert.match(second.stderr, /exists already\. \[INVALID_INPUT\]\n.*--force/);
    assert.equal(readFileSync(user(), "utf8"), "# mine\n");
    const forced = await place.json(["sandbox", "init", "--force"], { env });
    assert.deepEqual(forced, { path: user(), profile: "development", replaced: true });
    const sub = join(place.cwd, "sub");
    mkdirSync(sub, { recursive: true });
    assert.equal(await place.ok(["sandbox", "init", "--workspace"], { env, cwd: sub }), workspace());
    assert.ok(!existsSync(join(sub, ".pictl")));
  });
});
