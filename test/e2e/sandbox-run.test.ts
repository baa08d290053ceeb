import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { BIN, Workspace } from "../support/workspace.ts";

describe("sandbox run", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  /** Of somebody who has never used pi or pictl. */
  let home: string;
  let cwd: string;
  beforeEach(() => {
    place = new Workspace();
    home = join(place.root, "home");
    cwd = join(home, "project");
    mkdirSync(cwd, { recursive: true });
    execFileSync("git", ["init", "-q", cwd]);
    Object.assign(place.env, {
      HOME: home,
      PICTL_HOME: join(home, "ph"),
      PI_CODING_AGENT_DIR: undefined,
    });
  });
  afterEach(() => place.dispose());

  /** Runs a shell's line inside; gives what it printed, its errors included. */
  async function inside(line: string, { profile = "development", at = cwd } = {}): Promise<string> {
    const args = ["sandbox", "run", "--profile", profile, "--", "sh", "-c", `exec 2>&1; ${line}`];
    const { stdout, stderr } = await place.run(args, { cwd: at });
    assert.equal(stderr, "", stdout);
    return stdout;
  }

  /** A PATH on which bubblewrap is one that fails, as the real one does where the kernel refuses. */
  function withoutSandbox(): string {
    const bin = join(place.root, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "bwrap"), "#!/bin/sh\necho 'bwrap: no such luck.' >&2; exit 1\n", {
      mode: 0o755,
    });
    return `${bin}:${process.env.PATH}`;
  }

  for (const profile of ["minimal", "development", "strict"]) {
    it(`${profile}: runs where nobody has used pi or pictl before`, async () => {
      assert.equal(await inside("echo hi", { profile }), "hi\n");
      assert.equal(statSync(join(home, ".pi/agent")).mode & 0o777, 0o700);
      assert.equal(existsSync(place.paths.runtimeDir), false, "its own directories are left");
    });
  }

  it("sandbox show --args shows the command line, and makes nothing", async () => {
    const shown = await place.ok(["sandbox", "show", "--args"], { cwd });
    assert.match(shown, /^--bind\n.*\/project\n.*\/project\n/m);
    assert.doesNotMatch(shown, /sessions\/--/, "a command has no sessions");
    assert.equal(existsSync(join(cwd, ".git/commondir")), false);
    assert.equal(existsSync(join(home, ".pi")), false);
    assert.equal(existsSync(join(home, "ph")), false);
  });

  it("the gate answers from the first moment, and what it refused is in the log", async () => {
    const connect = `curl -sS -o /dev/null -w '%{http_connect}' https://forbidden.example.com/`;
    assert.match(await inside(connect), /403/);
    const { records } = await place.json<{ records: { host: string; verdict: string }[] }>([
      "sandbox",
      "log",
    ]);
    assert.deepEqual(
      records.map(({ host, verdict }) => [host, verdict]),
      [["forbidden.example.com", "refused"]],
    );
    assert.equal(statSync(place.paths.stateDir).mode & 0o777, 0o700);
  });

  it("tells a sandbox that can't be made from a command that says so", async () => {
    const said = await place.run(["sandbox", "run", "--", "sh", "-c", "echo bwrap: me >&2; exit 1"], { cwd });
    assert.deepEqual([said.code, said.stderr], [1, "bwrap: me\n"]);
    const gone = await place.run(["sandbox", "run", "--", "sh", "-c", "echo bwrap: me >&2; exit 1"], {
      cwd,
      env: { PATH: withoutSandbox() },
    });
    assert.equal(gone.code, 7);
    assert.match(gone.stderr, /The sandbox can't be made: no such luck\. \[SANDBOX_UNAVAILABLE\]/);
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const user = (text: string) => write(join(home, "ph/config/sandbox.toml"), text);
  const refusal = async (at = cwd) => {
    const { code, stderr } = await place.run(["sandbox", "run", "--", "echo", "ran"], { cwd: at });
    assert.equal(code, 7, stderr);
    return stderr;
  };

  it("keeps to lower limits of whoever starts it", async () => {
    const line = `ulimit -u 3000; ulimit -d 4000000; exec "$@"`;
    const command = [process.execPath, BIN, "sandbox", "run", "--profile", "minimal", "--", "cat"];
    const { stdout, stderr } = spawnSync("bash", ["-c", line, "bash", ...command, "/proc/self/limits"], {
      cwd,
      env: place.env as NodeJS.ProcessEnv,
      encoding: "utf8",
    });
    assert.match(stdout, /^Max processes +3000 +3000 /m, stderr);
    assert.match(stdout, /^Max data size +4096000000 +4096000000 /m);
  });

  it("takes away what one that was killed has left, and nothing of one that runs", async () => {
    const start = () => place.start(["sandbox", "run", "--", "sh", "-c", "echo up; sleep 60"], { cwd });
    const left = () => readdirSync(join(place.paths.runtimeDir, "run")).length;
    const [killed, runs] = [start(), start()];
    await Promise.all([killed.until("stdout", /up/), runs.until("stdout", /up/)]);
    killed.child.kill("SIGKILL");
    await killed.done;
    assert.equal(left(), 2);
    await inside("true");
    assert.equal(left(), 1);
    runs.child.kill("SIGTERM");
    await runs.done;
    assert.equal(existsSync(place.paths.runtimeDir), false);
  });

  it("is refused where the policy denies the workspace", async () => {
    user('deny_read = ["~/project"]\n');
    const { code, stderr } = await place.run(["sandbox", "run", "--", "true"], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /sandbox\.toml:1: deny_read has the workspace itself/);
  });

  describe("symbolic links", () => {
    it("what is denied stays so where a link leads to what can be written", async () => {
      write(join(home, "data/secret/key"), "secret");
      write(join(home, "other/x"), "as it was");
      symlinkSync(join(home, "data"), join(home, "link"));
      symlinkSync(join(home, "other"), join(home, "whole"));
      user('allow_write = ["~/link", "~/whole"]\ndeny_read = ["~/data/secret", "~/other"]\n');
      const seen = await inside(
        "cat ~/link/secret/key ~/data/secret/key; echo x > ~/data/secret/key; echo x > ~/other/x; echo new > ~/link/new; cat ~/link/new",
      );
      assert.doesNotMatch(seen, /secret$|as it was/m);
      assert.match(seen, /^new$/m);
      assert.equal(readFileSync(join(home, "data/secret/key"), "utf8"), "secret");
      assert.equal(readFileSync(join(home, "other/x"), "utf8"), "as it was");
    });

    it("credentials in a cache that is a link are covered", async () => {
      write(join(home, "disk/cargo/credentials.toml"), "secret");
      symlinkSync(join(home, "disk/cargo"), join(home, ".cargo"));
      user('allow_write = ["~/.cargo"]\n');
      const seen = await inside(
        "cat ~/.cargo/credentials.toml ~/disk/cargo/credentials.toml; echo ok > ~/.cargo/x && cat ~/.cargo/x",
      );
      assert.doesNotMatch(seen, /secret/);
      assert.match(seen, /^ok$/m);
    });

    for (const profile of ["minimal", "development", "strict"]) {
      it(`${profile}: pi's directory is found where links lead to it`, async () => {
        write(join(home, "dot/pi/agent/settings.json"), "{}");
        write(join(home, "dot/pi/agent/auth.json"), '{"p":{"type":"api_key","key":"secret"}}');
        mkdirSync(join(home, "dot/sessions"));
        symlinkSync(join(home, "dot/pi"), join(home, ".pi"));
        symlinkSync(join(home, "dot/sessions"), join(home, "dot/pi/agent/sessions"));
        const seen = await inside("cat ~/.pi/agent/settings.json ~/.pi/agent/auth.json", { profile });
        assert.match(seen, /^\{\}cat: .*auth\.json: No such file or directory\n$/);
        place.shareCompileCache();
        await place.ok(["prompt", "--sandbox", profile, "--model", "scripted/echo", "hi"], { cwd });
        const { sessions } = await place.json<{ sessions: SessionInfo[] }>(["session", "list"], { cwd });
        assert.deepEqual(
          sessions.map(({ file = "", sandbox }) => [realpathSync(file).split("--")[0], sandbox]),
          [[join(home, "dot/pi/agent/sandboxed-sessions/"), profile]],
        );
      });

      it(`${profile}: a home that is one is no workspace, and is found`, async () => {
        symlinkSync(home, join(place.root, "alias"));
        place.env.HOME = join(place.root, "alias");
        assert.match(await refusal(home), /can't protect your home/);
        write(join(home, ".ssh/id"), "secret");
        const seen = await inside("cat ~/.ssh/id; cd && ls -a; touch ~/project/made", { profile });
        assert.doesNotMatch(seen, /secret/);
        assert.match(seen, /^project$/m);
        assert.ok(existsSync(join(cwd, "made")));
      });
    }
  });

  it("in a home that is a repository only the directory itself can be written", async () => {
    execFileSync("git", ["init", "-q", home]);
    const nvim = join(home, ".config/nvim");
    mkdirSync(nvim, { recursive: true });
    await inside("touch made ../beside ~/.config/other", { at: nvim });
    assert.deepEqual(readdirSync(join(home, ".config")), ["nvim"]);
    assert.deepEqual(readdirSync(nvim), ["made"]);
  });

  describe("the policy's files", () => {
    const RESTRICT = 'network = "none"\n';

    it("can't be replaced with the directories that they are in", async () => {
      const sub = join(cwd, "a/b");
      const file = join(sub, ".pictl/sandbox.toml");
      write(file, RESTRICT);
      await inside(
        "mv .pictl away; mv ../b ../away; mv ../../a ../../away; mkdir -p .pictl; echo > .pictl/sandbox.toml",
        {
          at: sub,
        },
      );
      assert.equal(readFileSync(file, "utf8"), RESTRICT);
      assert.deepEqual(readdirSync(cwd).sort(), [".git", "a"]);
    });

    it("are refused where a link leads to them, which could be replaced", async () => {
      write(join(cwd, "policy/sandbox.toml"), RESTRICT);
      symlinkSync("policy", join(cwd, ".pictl"));
      const refused = async () => {
        const { code, stderr } = await place.run(["sandbox", "run", "--", "true"], { cwd });
        assert.equal(code, 2, stderr);
        assert.match(stderr, /sandbox\.toml is a symbolic link, or lies behind one/);
      };
      await refused();
      rmSync(join(cwd, ".pictl"));
      mkdirSync(join(cwd, ".pictl"));
      symlinkSync("../policy/sandbox.toml", join(cwd, ".pictl/sandbox.toml"));
      await refused();
    });

    it("stay as they are where the user's own is in the workspace", async () => {
      const file = join(cwd, "dot/pictl/sandbox.toml");
      write(file, RESTRICT);
      mkdirSync(join(home, "ph/config"), { recursive: true });
      symlinkSync(file, join(home, "ph/config/sandbox.toml"));
      await inside("echo > dot/pictl/sandbox.toml; mv dot away; rm -rf dot; touch dot/pictl/other");
      assert.equal(readFileSync(file, "utf8"), RESTRICT);
      assert.ok(existsSync(join(cwd, "dot/pictl/other")));
    });

    it("can be made inside where there are none, and explain says so", async () => {
      const ask = async (path: string) =>
        (await place.json<{ write: { answer: string } }>(["sandbox", "explain", path], { cwd })).write.answer;
      assert.equal(await ask(".pictl/sandbox.toml"), "allowed");
      mkdirSync(join(cwd, ".pictl"));
      assert.equal(await ask(".pictl/sandbox.toml"), "denied");
    });
  });

  describe("what git outside obeys", () => {
    const git = (...args: string[]) =>
      execFileSync(
        "git",
        ["-c", "user.name=me", "-c", "user.email=me@test", "-c", "protocol.file.allow=always", ...args],
        {
          cwd,
          stdio: "pipe",
        },
      );

    it("config.worktree can't be added", async () => {
      git("config", "extensions.worktreeConfig", "true");
      await inside(
        "echo '[core]' > .git/config.worktree; echo x > .git/new; mv -f .git/new .git/config.worktree",
      );
      assert.equal(readFileSync(join(cwd, ".git/config.worktree"), "utf8"), "");
    });

    it("configuration and hooks of submodules are read-only, their work isn't", async () => {
      const other = join(home, "other");
      execFileSync("git", ["init", "-q", other]);
      git("-C", other, "commit", "-q", "--allow-empty", "-m", "first");
      git("submodule", "add", "-q", other, "libs/sub");
      const module = join(cwd, ".git/modules/libs/sub");
      const before = readFileSync(join(module, "config"), "utf8");
      const seen = await inside(
        [
          "cd .git/modules",
          "for name in config config.worktree commondir hooks/post-commit; do echo x > libs/sub/$name; done",
          "mv libs/sub/hooks libs/sub/away; mv libs/sub libs/away; mv libs away; mv ../modules ../away",
          "cd ../../libs/sub && git -c user.name=me -c user.email=me@test commit -q --allow-empty -m inside && git log -1 --format=%s",
        ].join("; "),
      );
      assert.match(seen, /^inside$/m);
      assert.equal(readFileSync(join(module, "config"), "utf8"), before);
      assert.equal(existsSync(join(module, "hooks/post-commit")), false);
      assert.equal(readFileSync(join(module, "commondir"), "utf8"), ".\n");
      assert.equal(readFileSync(join(module, "config.worktree"), "utf8"), "");
    });

    it("a linked worktree and a submodule take commits; hooks and configuration are held", async () => {
      const other = join(home, "other");
      execFileSync("git", ["init", "-q", other]);
      git("-C", other, "commit", "-q", "--allow-empty", "-m", "first");
      git("submodule", "add", "-q", other, "libs/sub");
      git("commit", "-q", "-m", "first");
      git("worktree", "add", "-q", join(home, "linked"));
      git("worktree", "add", "-q", join(home, "another"));
      const held = ["hooks/post-commit", "config", "config.worktree", "commondir", "info/attributes"];
      for (const workspace of [join(home, "linked"), join(cwd, "libs/sub")]) {
        const directories = ["--git-dir", "--git-common-dir"].map((flag) =>
          execFileSync("git", ["rev-parse", "--path-format=absolute", flag], {
            cwd: workspace,
            encoding: "utf8",
          }).trim(),
        );
        const [own = "", common = ""] = directories;
        const paths = [...held.map((name) => join(common, name)), join(own, "config.worktree")];
        if (own !== common)
          paths.push(join(own, "gitdir"), join(common, "HEAD"), join(common, "worktrees/another/HEAD"));
        for (const profile of ["strict", "development"]) {
          const user = "git -c user.name=me -c user.email=me@test";
          const script = [
            `echo ${profile} > new && git status --short && git add new && ${user} commit -q -m ${profile} && git log -1 --format=%s`,
            ...paths.map((path) => `echo x >> '${path}' && echo "wrote ${path}"`),
            `mv '${common}/hooks' '${common}/away'; git status --short`,
          ].join("; ");
          const args = ["sandbox", "run", "--profile", profile, "--", "sh", "-c", script];
          const { stdout, stderr } = await place.run(args, { cwd: workspace });
          assert.match(stdout, new RegExp(`^(\\?\\?| M) new\n${profile}\n$`), stderr);
        }
        assert.equal(existsSync(join(common, "hooks/post-commit")), false);
      }
      // A pointer that an agent has written opens nothing.
      const foreign = join(home, "foreign");
      mkdirSync(foreign);
      writeFileSync(join(foreign, ".git"), `gitdir: ${join(cwd, ".git/worktrees/another")}\n`);
      const read = ["sandbox", "run", "--profile", "strict", "--", "cat", join(cwd, ".git/config")];
      assert.notEqual((await place.run(read, { cwd: foreign })).code, 0);
      const { stdout } = await place.run(["sandbox", "explain", ".git"], { cwd: foreign });
      assert.match(stdout, /isn't opened, because its gitdir names .*another\/\.git, and not this workspace/);
    });

    it("what leads to linked worktrees is read-only", async () => {
      git("commit", "-q", "--allow-empty", "-m", "first");
      git("worktree", "add", "-q", join(home, "linked"));
      await inside(
        "cd .git/worktrees/linked; for name in commondir gitdir config.worktree; do echo x > $name; done; mv ../linked ../away",
      );
      const directory = join(cwd, ".git/worktrees/linked");
      assert.equal(readFileSync(join(directory, "commondir"), "utf8"), "../..\n");
      assert.equal(readFileSync(join(directory, "gitdir"), "utf8"), `${join(home, "linked/.git")}\n`);
      assert.equal(readFileSync(join(directory, "config.worktree"), "utf8"), "");
    });
  });
});
