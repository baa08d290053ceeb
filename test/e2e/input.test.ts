import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { GIF, JPEG, png, pngSize, WEBP } from "../support/images.ts";
import { LONG } from "../support/speed.ts";
import { BIN, type Result, Running, SCENARIOS, Workspace } from "../support/workspace.ts";

const ECHO = ["--new", "--model", "scripted/echo"];
/** Answers each prompt as `scripted/echo` does a first one. */
const AGAIN_MODEL = `scripted/${join(SCENARIOS, "prompt.json")}`;
/** In the session of that model. */
const AGAIN = ["-s", "again"];

/** Commands of an extension: one that only notes, one that has the model answer. */
const EXTENSION = `export default function (pi) {
  pi.registerCommand("note", {
    description: "Notes its arguments",
    handler: async (args) => pi.appendEntry("noted", { args }),
  });
  pi.registerCommand("ask", {
    description: "Asks the model",
    handler: async (args) => pi.sendUserMessage("asked by a command: " + args),
  });
}
`;

let place: Workspace;
before(async () => {
  place = new Workspace();
  const write = (path: string, content: string) => {
    mkdirSync(join(place.agentDir, path, ".."), { recursive: true });
    writeFileSync(join(place.agentDir, path), content);
  };
  write("extensions/commands.ts", EXTENSION);
  write("prompts/greet.md", "---\ndescription: Greets\n---\nGreet $1 warmly.\n");
  write("skills/hail/SKILL.md", "---\nname: hail\ndescription: Hails people\n---\nHail like a sailor.\n");
  mkdirSync(join(place.root, "tmp"));
  await place.ok(["daemon", "start"]);
  await place.ask("create_session", { cwd: place.cwd, name: "again", options: { model: AGAIN_MODEL } });
});
after(() => place.dispose());

describe("a time limit", () => {
  it("counts from the start: reading stdin, a pipe or a file that doesn't end, in every command", async (t) => {
    const place = new Workspace();
    t.after(() => place.dispose());
    execFileSync("mkfifo", [join(place.cwd, "fifo")]);
    const commands = [
      ["prompt", "hi"],
      ["prompt", "-"],
      ["prompt", "--no-stdin", "hi", "@fifo"],
      ["prompt", "--no-stdin", "-F", "fifo"],
      ["prompt", "--no-stdin", "hi", "--system-prompt", "fifo"],
      ["prompt", "--no-stdin", "hi", "--append-system-prompt", "fifo"],
      ["session", "send", "-"],
    ];
    for (const words of commands) {
      const command = place.start([...words, "--timeout", "50ms"], { openInput: true });
      const { code, stderr } = await command.done;
      assert.equal(code, 3, `${words.join(" ")}\n${stderr}`);
      assert.match(stderr, /^Error: Reading .* did not end within 0\.05 s\. \[TIMEOUT\]\n/);
    }
    assert.equal(place.daemonPid(), undefined, "nothing was started for it");
  });
});

describe("files in a prompt", () => {
  it("shows the model texts and pictures, the latter resized by pi", async () => {
    writeFileSync(join(place.cwd, "notes.md"), "line one\nline two\n");
    writeFileSync(join(place.cwd, "shot.txt"), png(3000, 30));
    writeFileSync(join(place.cwd, "photo"), JPEG);
    writeFileSync(join(place.cwd, "a.gif"), GIF);
    writeFileSync(join(place.cwd, "a.webp"), WEBP);
    const files = ["@notes.md", "@shot.txt", "@photo", "@a.gif", "@a.webp"];
    const answer = await place.ok(["prompt", ...ECHO, "what is this", ...files]);
    const element = (name: string, body = "") => `<file name="${join(place.cwd, name)}">${body}</file>\n`;
    const start = [
      `echo: ${element("notes.md", "\nline one\nline two\n\n")}`,
      ...["shot.txt", "photo", "a.gif", "a.webp"].map((name) => element(name)),
      "what is this\n",
    ].join("");
    assert.ok(answer.startsWith(start), answer);
    assert.match(answer, /original 3000x30, displayed at 2000x20.*\(with 4 images\)$/s);
    const { messages, session } = await place.ask("get_session", { cwd: place.cwd, messages: true });
    assert.equal(messages?.[0]?.images, 4);
    const data = /"data":"([^"]+)"/.exec(readFileSync(session.file ?? "", "utf8"))?.[1] ?? "";
    assert.deepEqual(pngSize(Buffer.from(data, "base64")), [2000, 20]);
  });

  it("reads stdin where - stands, once", async () => {
    const answer = await place.ok(["prompt", ...AGAIN, "before", "-", "after"], { input: "piped\n" });
    assert.equal(answer, "echo: before\n\npiped\n\nafter");
    // oclif's own parser has to leave the `-` alone as well: it is asked when flags are glued to their values.
    const args = ["prompt", ...AGAIN, `-m${AGAIN_MODEL}`, "-", "--no-stdin"];
    assert.equal(await place.ok(args, { input: "piped" }), "echo: piped");
    const twice = await place.run(["prompt", ...ECHO, "-", "-"], { input: "piped" });
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /\[USAGE\]/);
  });

  it("takes what follows -- as text, in both parsers", async () => {
    for (const model of [AGAIN, [...AGAIN, `-m${AGAIN_MODEL}`]]) {
      const args = ["prompt", ...model, "say", "--", "@alice", "-", "hi"];
      assert.equal(await place.ok(args), "echo: say @alice - hi");
    }
  });

  it("refuses a file before anything is created", async () => {
    const elsewhere = join(place.root, "refused");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "a.pdf"), "%PDF-1.7\n");
    // 8 MB of picture are more than 10 MiB in base64.
    writeFileSync(join(elsewhere, "large.png"), png(2, 2, { type: "teXt", data: Buffer.alloc(8_000_000) }));
    const prompt = (...words: string[]) =>
      place.run(["prompt", "--model", "scripted/echo", ...words], { cwd: elsewhere });
    const cases: [file: string, code: number, pattern: RegExp][] = [
      ["@alice", 2, /there is no file .*refused\/alice\. \[INVALID_INPUT\]\n.*-- "@alice"/s],
      ["@.", 2, /it is a directory/],
      ["@a.pdf", 2, /it is a PDF document\. \[INVALID_INPUT\]\n.*pdftotext/s],
      [
        "@large.png",
        8,
        /\d{8} bytes as base64.*10485760 bytes\. \[MESSAGE_TOO_LARGE\]\n.*max_message_bytes/s,
      ],
    ];
    for (const [file, code, pattern] of cases) {
      const result = await prompt("look", file);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, pattern);
      assert.equal(result.stdout, "");
    }
    assert.deepEqual((await place.ask("list_sessions", { cwd: elsewhere })).sessions, []);
  });

  it("leaves a pipe that is written later to be read, with a notice while nothing comes", async () => {
    execFileSync("mkfifo", [join(place.cwd, "later")]);
    writeFileSync(join(place.cwd, "system.json"), '{"responses": [[{"text": "{{system}}"}]]}');
    for (const words of [
      [...AGAIN, "hi", "@later"],
      [...AGAIN, "-F", "later"],
      ["--new", "--model", "scripted/system.json", "--no-stdin", "hi", "--system-prompt", "later"],
    ]) {
      const command = place.start(["prompt", ...words]);
      await command.until("stderr", "Waiting for the end of later…\n");
      writeFileSync(join(place.cwd, "later"), "from the pipe\n");
      const { code, stdout } = await command.done;
      assert.equal(code, 0);
      assert.match(stdout, /from the pipe/);
    }
  });
});

describe("prompt --editor", () => {
  /** Prompts with an editor that is a few lines of shell, in which `$1` is the file. */
  const prompt = (script: string, args: readonly string[] = AGAIN, input?: string): Promise<Result> => {
    const editor = join(place.root, "editor");
    writeFileSync(editor, `#!/bin/sh\n${script}\n`);
    chmodSync(editor, 0o755);
    const env = { VISUAL: undefined, EDITOR: editor, TMPDIR: join(place.root, "tmp") };
    return place.run(["prompt", "-e", ...args], { env, ...(input === undefined ? {} : { input }) });
  };
  const leftOver = () => readdirSync(join(place.root, "tmp")).filter((name) => name.startsWith("pictl-edit"));

  it("sends what was saved, with arguments and stdin to begin with", async () => {
    writeFileSync(join(place.cwd, "a.gif"), GIF);
    const { stdout, code } = await prompt(
      'echo "and more" >> "$1"',
      [...AGAIN, "review", "@a.gif"],
      "a diff\n",
    );
    const element = `<file name="${join(place.cwd, "a.gif")}"></file>`;
    assert.equal(stdout, `echo: ${element}\nreview\n\na diff\nand more\n`);
    assert.equal(code, 0);
    const { messages = [] } = await place.ask("get_session", { sessionId: "again", messages: true });
    assert.equal(messages.findLast(({ role }) => role === "user")?.images, 1);
    assert.deepEqual(leftOver(), []);
  });

  it("keeps stdout for the answer", async () => {
    const { stdout, stderr } = await prompt('echo "editor says" ; echo text > "$1"');
    assert.equal(stdout, "echo: text\n");
    if (!existsSync("/dev/tty")) assert.match(stderr, /editor says/);
  });

  it("sends nothing when the editor fails or leaves nothing", async () => {
    const failed = await prompt('echo text > "$1"; exit 7');
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /exited with code 7\. \[INVALID_INPUT\]/);
    const empty = await prompt(': > "$1"', [...AGAIN, "text"]);
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /The editor left no text\. \[EMPTY_PROMPT\]/);
    assert.equal(failed.stdout + empty.stdout, "");
    assert.deepEqual(leftOver(), []);
  });

  it("gives back what was written when it can't be sent", async () => {
    const env = { VISUAL: undefined, EDITOR: "sed -i 's/short/long/'" };
    const refused = await place.run(["prompt", "-e", "-s", "nobody", "a short thought"], { env });
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /^Not sent: a long thought\n(.|\n)*\[SESSION_NOT_FOUND\]/);
  });

  it("leaves Ctrl-C to the editor, and takes it along when it is ended itself", async () => {
    const interrupted = await prompt('kill -INT $PPID; echo "still sent" > "$1"');
    assert.equal(interrupted.stdout, "echo: still sent\n");
    const ended = await prompt("kill -TERM $PPID; exec sleep 50");
    assert.ok(ended.signal === "SIGTERM" || ended.code === 143, JSON.stringify(ended));
    assert.deepEqual(leftOver(), []);
  });
});

describe("a prompt that begins with /", () => {
  it("is run by an extension's command, and not waited for any longer", async () => {
    writeFileSync(join(place.cwd, "notes.md"), "line one\n");
    const document = await place.json<{ outcome: string; text: string }>([
      "prompt",
      ...ECHO,
      "/note",
      "@notes.md",
      "--timeout",
      "30s",
    ]);
    assert.equal(document.outcome, "handled");
    assert.equal(document.text, "");
    const text = await place.run(["prompt", "/note two words"]);
    assert.deepEqual([text.code, text.stdout, text.stderr], [0, "", ""]);
    // pi writes the file of a session, with what came before, when a model has answered.
    assert.equal(await place.ok(["prompt", "hi"]), "echo: hi");
    const { session } = await place.ask("get_session", { cwd: place.cwd });
    const noted = readFileSync(session.file ?? "", "utf8")
      .split("\n")
      .filter((line) => line.includes('"noted"'))
      .map((line) => (JSON.parse(line) as { data: { args: string } }).data.args);
    assert.deepEqual(noted, [
      `<file name="${join(place.cwd, "notes.md")}">\nline one\n\n</file>`,
      "two words",
    ]);
  });

  it("is followed to its end when the command has the model answer", async () => {
    const document = await place.json<{ outcome: string; text: string }>(["prompt", ...AGAIN, "/ask", "why"]);
    assert.equal(document.text, "echo: asked by a command: why");
    assert.equal(document.outcome, "completed");
  });

  it("is expanded by a template and by a skill, also with a file or stdin behind it", async () => {
    assert.equal(await place.ok(["prompt", ...AGAIN, "/greet Bob"]), "echo: Greet Bob warmly.");
    assert.equal(
      await place.ok(["prompt", ...AGAIN, "/greet"], { input: "Ann\n" }),
      "echo: Greet Ann warmly.",
    );
    const piped = await place.ok(["prompt", ...AGAIN, "/skill:hail"], { input: "the crew\n" });
    assert.match(piped, /Hail like a sailor\.\n<\/skill>\n\nthe crew$/);
    const attached = await place.ok(["prompt", ...AGAIN, "@notes.md", "/skill:hail", "them all"]);
    assert.match(attached, /<\/skill>\n\nthem all\n\n<file name="[^"]+notes\.md">\nline one\n\n<\/file>$/);
  });

  it("goes to the model as it is when pi knows no such command", async () => {
    assert.equal(await place.ok(["prompt", ...AGAIN, "/etc/hosts is what?"]), "echo: /etc/hosts is what?");
  });
});

describe("words of a command line", () => {
  it("are text where they can't be a flag", async () => {
    const texts = [
      "- summarize",
      "---\ntitle: x",
      "-1 is wrong",
      "--new is broken",
      ...(LONG ? ["--- a/file", "---", "-s x"] : []),
    ];
    for (const text of texts) assert.equal(await place.ok(["prompt", ...AGAIN, text]), `echo: ${text}`);
    // All of it is understood: only the session is missing.
    const value = ["--append-system-prompt", "- be brief"];
    assert.equal((await place.run(["prompt", "-s", "nobody", ...value, "- x"])).code, 4);
    assert.match((await place.run(["prompt", "--nwe", "x"])).stderr, /--nwe.*\[USAGE\]/s);
  });

  it("are named when a value is empty or ends with a carriage return", async () => {
    const wrong: [string[], RegExp][] = [
      [["prompt", "--model", "", "hi"], /^Error: --model is empty\. \[USAGE\]/],
      [["prompt", "hi", "--timeout="], /^Error: --timeout is empty\. \[USAGE\]/],
      [
        ["prompt", "--append-system-prompt", "a", "--append-system-prompt", " ", "x"],
        /^Error: --append-system-prompt is/,
      ],
      [["prompt", "--thinking", "", "hi"], /^Error: --thinking is empty/],
      [["session", "ensure", " "], /^Error: The argument name is empty/],
      [["prompt", "--system-prompt", "-", "hi"], /^Error: --system-prompt: - is neither a text nor a file/],
      [["prompt", "-s", "abc\r", "hi"], /^Error: --session ends with a carriage return \(\\r\)\. \[USAGE\]/],
      [["session", "show", "abc\r"], /^Error: The argument session ends with a carriage return/],
      [["prompt", "--new\r", "hi"], /^Error: --new ends with a carriage return/],
      [["session", "list\r"], /^Error: list ends with a carriage return/],
    ];
    // Other commands and flags, of which each is looked at in the same way.
    const more: typeof wrong = [
      [["session", "export", "-o", ""], /^Error: --output is empty/],
      [["session", "list", "--state="], /^Error: --state is empty/],
      [["prompt", "--cwd", "", "hi"], /^Error: --cwd is empty/],
      [["session", "model", ""], /^Error: The argument name is empty/],
      [["sandbox", "explain", ""], /^Error: The argument target is empty/],
      [["session", "show", ""], /^Error: The argument session is empty/],
    ];
    for (const [words, expected] of LONG ? [...wrong, ...more] : wrong) {
      const { code, stderr } = await place.run(words);
      assert.match(stderr, expected);
      assert.equal(code, 2);
    }
    assert.equal(await place.ok(["prompt", ...AGAIN, "a text\r"]), "echo: a text");
  });

  it("name what was meant where the command is missing", async () => {
    const wrong: [string[], string][] = [
      [["-v"], 'Did you mean "pictl --version"?'],
      [["-p", "fix it"], `Did you mean "pictl prompt 'fix it'"?`],
      [[""], "Error: The name of the command is empty. [UNKNOWN_COMMAND]"],
    ];
    for (const [words, expected] of wrong) {
      const { code, stderr } = await place.run(words);
      assert.ok(stderr.split("\n").includes(expected), stderr);
      assert.equal(code, 2);
    }
  });

  it("are told to have got a loop's lines", async () => {
    writeFileSync(join(place.cwd, "lines"), "one\ntwo\nthree\n");
    const script = 'while read -r line; do "$@" "$line"; done < lines';
    const { stdout, stderr } = await shell(place, script, ["prompt"]);
    assert.match(stderr, /^The prompt has 2 lines from the shell's own stdin added to it\. Use --no-stdin/);
    assert.match(stdout, /^echo: one\n\ntwo\nthree/);
    const own = await shell(place, 'printf two | "$@" one', ["prompt"]);
    assert.equal(own.stderr, "");
  });

  it("aren't cut short by signals that are ignored", async () => {
    const responses = [
      [{ text: "a" }, { tool: "bash", args: { command: "echo > waits; cat go" } }],
      [{ text: "b" }],
    ];
    // For one prompt after the other.
    writeFileSync(join(place.cwd, "slow.json"), JSON.stringify({ responses: [...responses, ...responses] }));
    for (const signal of ["HUP", "INT"]) {
      execFileSync("sh", ["-c", "rm -f go waits; mkfifo go waits"], { cwd: place.cwd });
      const script = `trap '' ${signal}; "$@" & pid=$!; read -r _ < waits; kill -${signal} $pid; echo > go; wait $pid`;
      const words = ["prompt", "--model", "scripted/slow.json", "go"];
      const { code, stdout } = await shell(place, script, words);
      assert.equal(stdout, "a\nb\n", signal);
      assert.equal(code, 0);
    }
  });
});

/** Runs a shell script whose `"$@"` is a command of pictl's, as an installed one runs. */
async function shell(place: Workspace, script: string, words: readonly string[]): Promise<Result> {
  const env = { ...place.env } as NodeJS.ProcessEnv;
  const child = spawn("bash", ["-c", script, "bash", BIN, ...words], { cwd: place.cwd, env });
  child.stdin.end();
  return await new Running(child, script).done;
}
