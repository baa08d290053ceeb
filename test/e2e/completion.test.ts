import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { writeSession } from "../support/session-file.ts";
import { missing, runInShell } from "../support/shells.ts";
import { Workspace } from "../support/workspace.ts";

describe("completion", () => {
  let place: Workspace;
  before(async () => {
    place = new Workspace();
    writeFileSync(join(place.cwd, "shot.png"), "");
    writeFileSync(join(place.cwd, "my notes.md"), "");
    mkdirSync(join(place.cwd, "folder"));
    writeSession(place, ["hi"], { name: "my review" });
    await place.ok(["prompt", "--new", "--name", "api", "--model", "scripted/echo", "hello there"]);
  });
  after(() => place.dispose());

  describe("in bash", { skip: missing("bash") }, () => {
    /** Calls the function as readline does, and gives the replies of each line. */
    function complete(...lines: string[]): string[][] {
      const script = `source <(pictl completion bash)
        t() { COMP_LINE=$1 COMP_POINT=\${#1}; local IFS=$'\\n'; _pictl pictl "\${1##*[ =:]}" ""; echo "\${COMPREPLY[*]}"; echo --; }
        ${lines.map((line) => `t ${quote(line)}`).join("\n")}`;
      const answers = runInShell(place, "bash", ["--norc", "--noprofile", "-c"], script).split("--\n");
      return answers.slice(0, lines.length).map((answer) => answer.split("\n").filter(Boolean));
    }

    it("completes commands, flags, values, sessions and files", () => {
      assert.deepEqual(
        complete(
          "pictl se",
          "pictl session li",
          "pictl session list --al",
          "pictl session list --state=w",
          "pictl prompt -s my",
          "pictl prompt -s 'my",
          "pictl prompt @sh",
          "pictl session create --cwd fol",
          "pictl config set thinking x",
          "pictl nonsense ",
        ),
        [
          ["session"],
          ["list"],
          ["--all"],
          ["working", "waiting"],
          ["my\\ review"],
          ["my review"],
          ["@shot.png"],
          ["folder"],
          ["xhigh"],
          [],
        ],
      );
    });

    it("completes what stands before the cursor", () => {
      const script = `source <(pictl completion bash)
        COMP_LINE="pictl session li --all" COMP_POINT=16; _pictl pictl li session; echo "\${COMPREPLY[@]}"`;
      assert.equal(runInShell(place, "bash", ["--norc", "-c"], script), "list\n");
    });
  });

  describe("in zsh", { skip: missing("zsh") }, () => {
    it("completes on a terminal, and shows what a session is about", () => {
      // A zsh with a terminal of its own: TAB is pressed there, and ^X prints what the line has become.
      const script = `zmodload zsh/zpty
        zpty z zsh -f -i
        zpty -w z 'PROMPT=""; autoload -Uz compinit; compinit -D -i; source <(pictl completion zsh); show() { print -r -- "<$BUFFER>"; BUFFER=; }; zle -N show; bindkey "^X" show; LISTMAX=1000; print REA""DY'
        zpty -r z out '*READY*'
        try() { zpty -w -n z "$1"$'\\t\\x18'; zpty -r z out '*<*>*'; print -r -- "\${\${out##*<}%%>*}"; }
        try 'pictl ses'; try 'pictl session li'; try 'pictl session list --state=wo'
        try 'pictl prompt -s my'; try "pictl prompt -s 'my"; try 'pictl prompt @sh'; try 'pictl prompt -F my'
        try 'pictl prompt -s '; print -r -- "$out"
        zpty -d z`;
      const [...lines] = runInShell(place, "zsh", ["-f", "-c"], script).split("\n");
      assert.deepEqual(lines.slice(0, 7), [
        "pictl session ",
        "pictl session list ",
        "pictl session list --state=working ",
        "pictl prompt -s my\\ review ",
        "pictl prompt -s 'my review' ",
        "pictl prompt @shot.png ",
        "pictl prompt -F my\\ notes.md ",
      ]);
      assert.match(lines.slice(8).join("\n"), /api +-- idle · .*hello there/);
    });
  });

  describe("in fish", { skip: missing("fish") }, () => {
    function complete(line: string): string[] {
      const script = `pictl completion fish | source; complete -C ${quote(line)}`;
      return runInShell(place, "fish", ["--no-config", "-c"], script).split("\n").filter(Boolean);
    }

    it("completes commands, values and files", () => {
      assert.deepEqual(complete("pictl session li"), [
        "list\tList the sessions of this directory, or all of them",
      ]);
      assert.deepEqual(complete("pictl session list --state=wo"), ["--state=working"]);
      assert.deepEqual(complete("pictl prompt @sh"), ["@shot.png"]);
      assert.deepEqual(complete("pictl prompt -F my"), ["my notes.md"]);
      assert.equal(complete("pictl session create --cwd fol").length, 1);
    });

    it("completes sessions with what they are about", () => {
      const [api, review] = complete("pictl prompt -s ");
      assert.match(api ?? "", /^api\tidle · .*hello there$/);
      assert.match(review ?? "", /^my review\tstopped · /);
    });
  });

  it("offers nothing and starts nothing where no daemon runs", async () => {
    const home = join(place.root, "other");
    const env = { PICTL_HOME: home };
    const result = await place.run(["complete", "fish", "--", "prompt", "-s", ""], { env });
    assert.deepEqual([result.stdout, result.stderr, result.code], ["words 0\n", "", 0]);
    const status = await place.run(["daemon", "status"], { env });
    assert.equal(status.code, 9);
  });

  it("answers for three shells and names them", async () => {
    const refused = await place.json<{ error: { code: string; hint: string } }>(["completion", "tcsh"]);
    assert.equal(refused.error.code, "USAGE");
    assert.match(refused.error.hint, /bash, zsh, fish/);
    assert.equal((await place.run(["completion"])).code, 2);
  });
});

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
