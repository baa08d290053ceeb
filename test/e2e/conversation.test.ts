import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Terminal, type TerminalOptions, withoutTmux } from "../support/terminal.ts";
import { SCENARIOS, Workspace } from "../support/workspace.ts";

const RPC_DEMO = fileURLToPath(
  new URL(
    "../../node_modules/@earendil-works/pi-coding-agent/examples/extensions/rpc-demo.ts",
    import.meta.url,
  ),
);

/** The line to type in on a dumb terminal, below all that was said before. */
const AT_THE_END = /^>\s*$(?![\s\S])/m;

let workspace: Workspace;
let terminals: Terminal[] = [];

async function open(args: string[] = [], options: TerminalOptions = {}): Promise<Terminal> {
  const terminal = await Terminal.start(workspace, ["prompt", ...args], options);
  terminals.push(terminal);
  return terminal;
}

async function closeTerminals(): Promise<void> {
  const closed = await Promise.allSettled(terminals.map((terminal) => terminal.dispose()));
  terminals = [];
  for (const result of closed) if (result.status === "rejected") throw result.reason;
}

function responsesOf(scenario: string): object[] {
  return (JSON.parse(readFileSync(join(SCENARIOS, scenario), "utf8")) as { responses: object[] }).responses;
}

/** A model that gives these responses, for the prompts of one session. */
function scenarioOf(responses: object[]): string {
  const path = join(workspace.root, "scenario.json");
  writeFileSync(path, JSON.stringify({ responses }));
  return `scripted/${path}`;
}

/** A place with a session, in which each terminal goes on. */
async function makeSession(responses: object[], ...piArgs: string[]): Promise<void> {
  workspace = new Workspace();
  await workspace.ok(["daemon", "start"]);
  const options = { model: scenarioOf(responses), piArgs };
  await workspace.ask("create_session", { cwd: workspace.cwd, options });
}

describe("pictl prompt at a terminal", { skip: withoutTmux() }, () => {
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(async () => {
    try {
      await closeTerminals();
    } finally {
      await workspace.dispose();
    }
  });

  test("nothing is made before the first message; then it answers, remembers, says how to go on, and what another terminal says; when the daemon goes away or a signal comes, the terminal is as before", async () => {
    const terminal = await open(["--model", "scripted/echo"]);
    await terminal.shows("A new session begins with your first message.");
    assert.deepEqual((await workspace.ask("list_sessions", {})).sessions, []);
    await terminal.enter("remember 42");
    await terminal.shows(/› remember 42\n\necho: remember 42/);
    await terminal.shows(/idle · \S+ · scripted\/echo · .* · 0% of 200\.0k · <\$0\.01/);
    await terminal.press("C-d");
    const screen = await terminal.shows("[exit 0]");
    const { session } = await workspace.ask("get_session", { cwd: workspace.cwd });
    assert.ok(screen.replaceAll("\n", "").includes(`Go on with: pictl prompt -s ${session.id}`), screen);
    assert.match(screen, /^\[exit \d+\] icanon echo/m);

    const again = await open();
    await again.shows("echo: remember 42");
    await again.press("Up");
    await again.shows(/─\nremember 42/);
    await again.press("Down");
    await again.shows(/─\n\n─/);

    const other = await open();
    await other.shows("echo: remember 42");
    await other.enter("from two");
    await again.shows(/› from two\n\necho: from two/);
    await other.shows("echo: from two");
    await other.press("C-d");
    await other.shows("[exit 0]");
    await again.type("unsent");
    await again.shows("unsent");
    process.kill(workspace.daemonPid() ?? 0, "SIGKILL");
    const gone = await again.shows("[exit 9]");
    assert.match(gone, /The connection to the daemon ended/);
    assert.match(gone, /Go on with: pictl prompt -s /);
    assert.match(gone, /^\[exit \d+\] icanon echo/m);
    const last = await open();
    await last.shows("echo: remember 42");
    await last.press("Up");
    await last.shows(/─\nunsent\n─/);
    // The shell around it goes first, and reports on it.
    const own = last.processes().at(-1);
    process.kill(own ?? 0, "SIGTERM");
    await last.shows("[exit 143] icanon echo");
  });

  test("an answer is rendered while it comes, what came of it stays when it is stopped, and a second Ctrl-C leaves meanwhile; what waited is given back, and on an empty line a second one leaves", async () => {
    const twice = [...responsesOf("conversation-stream.json"), ...responsesOf("conversation-steer.json")];
    const terminal = await open(["--model", scenarioOf(twice)]);
    await terminal.shows("A new session");
    await terminal.enter("tell me");
    const during = await terminal.shows(/^Half of it\n\nA bold word and code, then\n\n- one\n- tw$/m);
    assert.match(during, /^\S working · /m);
    await terminal.press("C-c");
    const stopped = await terminal.shows(/^· Aborted$/m);
    assert.match(stopped, /^- one\n- tw$/m);
    await terminal.shows(/^idle · /m);
    await terminal.enter("once more");
    await terminal.shows(/› once more\n\nHalf of it/);
    // In one go, so that the turn hasn't ended in between.
    await terminal.press("C-c", "C-c");
    await terminal.shows("[exit 0]");

    const again = await open();
    await again.shows(/^idle · /m);
    await again.enter("begin");
    await again.shows("• bash for i in");
    await again.enter("and this");
    await again.shows("Steering: and this");
    await again.type("half a thought");
    await again.press("C-c");
    await again.shows(/─\nand this\n\nhalf a thought\n─/);
    await again.shows(/^idle · /m);
    await again.press("C-c");
    await again.shows((screen) => !screen.includes("half a thought"));
    await again.press("C-c");
    await again.shows("Ctrl-C again to leave");
    // In one go, should the time for a second one have passed.
    await again.press("C-c", "C-c");
    await again.shows("[exit 0]");
  });

  test("a turn goes on when its terminal is left or closed; what is typed while the agent works steers it, or follows with Alt-Enter", async () => {
    const terminal = await open(["--model", workspace.scenario("conversation-steer.json")]);
    await terminal.shows("A new session");
    await terminal.enter("begin");
    await terminal.shows("• bash for i in");
    await terminal.press("C-d");
    await terminal.shows("The turn goes on without this terminal.");
    const other = await open();
    await other.shows("• bash for i in");
    const closed = await open();
    await closed.shows("• bash for i in");
    await closed.dispose();
    terminals.pop();
    writeFileSync(join(workspace.cwd, "go"), "");
    await other.shows("Heard: begin.");
    await other.shows(/^idle · /m);
    rmSync(join(workspace.cwd, "go"));
    await other.enter("again");
    await other.shows(/› again[\s\S]*• bash for i in/);
    await other.enter("left");
    await other.shows("Steering: left");
    await other.type("right");
    await other.press("M-Enter");
    await other.shows("Follow-up: right");
    writeFileSync(join(workspace.cwd, "go"), "");
    const screen = await other.shows(/› left\n\nHeard: left\.\n\n› right\n\necho: right/);
    assert.ok(!screen.includes("Steering:") && !screen.includes("Follow-up:"), screen);
  });

  test("a message typed right behind /model goes to that model", async () => {
    const models = [{ id: "m-one" }, { id: "m-two" }];
    const api = { baseUrl: "http://127.0.0.1:9/v1", api: "openai-completions", apiKey: "k" };
    const file = join(workspace.agentDir, "models.json");
    writeFileSync(file, JSON.stringify({ providers: { local: { ...api, models } } }));
    const terminal = await open();
    await terminal.shows("A new session");
    await terminal.enter("/model m-two");
    await terminal.enter("hello");
    await terminal.shows("› hello");
    await terminal.shows(/ · [0-9a-f]{8} · local\/m-two/);
    const { session } = await workspace.ask("get_session", { cwd: workspace.cwd });
    assert.equal(session.model, "local/m-two");
  });

  test("Ctrl-C closes a list on a dumb terminal, and the next line is a message, with what pi warned of when it started", async () => {
    writeFileSync(join(workspace.agentDir, "settings.json"), "{");
    const terminal = await open(["--model", "scripted/echo"], { env: { TERM: "dumb" } });
    await terminal.shows(/^>/m);
    await terminal.enter("/thinking");
    await terminal.shows("Number, or nothing:");
    await terminal.press("C-c");
    await terminal.shows(/nothing:.*\n>/);
    await terminal.enter("hello");
    await terminal.shows("echo: hello");
    await terminal.shows("Invalid settings file");
  });
});

describe("pictl prompt at a terminal, with Markdown", { skip: withoutTmux() }, () => {
  before(async () => {
    // What it looks like, three times, each with what else is to be seen behind it.
    const responses = responsesOf("conversation.json").slice(0, 3);
    await makeSession([...responses, ...responses, ...responses]);
    writeFileSync(join(workspace.cwd, "notes.txt"), "1\n2\n3\n");
  });
  afterEach(closeTerminals);
  after(() => workspace.dispose());

  test("Markdown is rendered while it comes, in colours for any background, tools and thinking unfold, no escape sequence gets through", async () => {
    const terminal = await open();
    await terminal.shows("Session ");
    await terminal.enter("what is here?");
    const folded = await terminal.shows(/✓ bash wc -l notes\.txt · 1 line/);
    assert.match(folded, /Thought: They want to know/);
    await terminal.shows("│ Nothing else was touched.");
    const codes = await terminal.styles();
    assert.ok(codes.includes("36"), "nothing is coloured");
    // Yellow, white and black, bright or not, and every background.
    for (const code of ["30", "33", "37", "90", "93", "97"]) assert.ok(!codes.includes(code), code);
    assert.ok(!codes.some((code) => /^(4[0-8]|10\d)$/.test(code)), codes.join(" "));
    const whole = await terminal.screen({ history: true });
    assert.match(whole, /^What I found$/m);
    assert.match(whole, /three lines; notes\.txt is all/);
    assert.match(whole, /2\. a second one, with 日本語 and an emoji 🎉/);
    assert.match(whole, /│ notes\.txt │ 3 {5}│/);
    await terminal.press("C-o");
    await terminal.shows(/ {4}command: wc -l notes\.txt\n {2}│ 3 notes\.txt/, true);
    await terminal.press("C-t");
    await terminal.shows(/│ They want to know/, true);
    const plain = await open([], { env: { NO_COLOR: "1" } });
    await plain.shows("│ Nothing else was touched.");
    await terminal.enter("escape");
    const escaped = await terminal.shows("Escape red");
    assert.ok(!escaped.includes("owned"));
    assert.ok(!(await terminal.screen({ escapes: true })).includes("\u001b[31mred"));
    await plain.shows("Escape red");
    // The cursor is drawn in reverse; the others take back what wasn't set.
    const colours = (await plain.styles()).filter((code) => !["7", "0", "39", "49"].includes(code));
    assert.deepEqual(colours, [], "with NO_COLOR");
  });

  test("60 columns, and a terminal that changes its size", async () => {
    const terminal = await open([], { columns: 60 });
    await terminal.shows(/^idle · /m);
    await terminal.enter("what is narrow?");
    await terminal.shows(/› what is narrow\?[\s\S]*│ Nothing else was touched\./, true);
    await terminal.shows(/^idle · .* · 0% · <\$0\.01$/m);
    await terminal.resize(100, 30);
    await terminal.shows(/^─{100}$/m);
    await terminal.resize(33, 12);
    await terminal.shows(/^─{33}\n\n─{33}\nidle · /m);
    await terminal.enter("still there?");
    await terminal.shows(/› still there\?\s+Escape red/);
  });

  test("a dumb terminal gets lines", async () => {
    const terminal = await open([], { env: { TERM: "dumb" } });
    await terminal.shows(AT_THE_END);
    await terminal.enter("what is dumb?");
    const whole = await terminal.shows(/what is dumb\?[\s\S]*> Nothing else was touched\./, true);
    const screen = whole.slice(whole.indexOf("what is dumb?"));
    assert.match(screen, /\* bash wc -l notes\.txt/);
    assert.match(screen, /^## What I found$/m);
    await terminal.enter("/thinking");
    await terminal.shows("Number, or nothing:");
    await terminal.enter("nonsense");
    await terminal.shows(/Give a number from 1 to \d+, or nothing:/);
    await terminal.enter("1");
    await terminal.shows("Thinking: off");
    await terminal.enter("/thinking");
    await terminal.shows(/Thinking: off[\s\S]*Number, or nothing:/);
    await terminal.enter("HIGH");
    await terminal.shows("Thinking: high");
    await terminal.press("C-d");
    await terminal.shows("[exit 0]");
  });
});

describe("pictl prompt at a terminal, with pi's rpc-demo extension", { skip: withoutTmux() }, () => {
  before(() =>
    makeSession(
      Array.from({ length: 4 }, () => responsesOf("conversation-dangerous.json")).flat(),
      "-e",
      RPC_DEMO,
    ),
  );
  afterEach(closeTerminals);
  after(() => workspace.dispose());

  test("a question of a tool is chosen in place, a line and a text are asked for, notices and the prefilled input are shown", async () => {
    const terminal = await open();
    await terminal.shows("Session ");
    await terminal.enter("clean up");
    await terminal.shows(/Dangerous command: rm -rf leftovers && echo cleaned\n→ Allow\n {2}Block/);
    await terminal.press("Down", "Enter");
    await terminal.shows("! Command blocked by user");
    await terminal.shows("Done with it.");
    await terminal.type("/rpc-in");
    await terminal.shows(/→ rpc-input/);
    await terminal.press("Enter");
    await terminal.shows(/Enter a value\n> .*type something/);
    await terminal.enter("forty-two");
    await terminal.shows("You entered: forty-two");
    await terminal.enter("/rpc-editor ");
    await terminal.shows(/Edit some text\n─+\nLine 1\nLine 2\nLine 3\n/);
    await terminal.press("C-j");
    await terminal.enter("Line 4");
    await terminal.shows("Editor submitted (4 lines)");
    await terminal.enter("/rpc-prefill ");
    await terminal.shows(/─\nThis text was set by the rpc-demo extension\.\n─/);
  });

  test("on a dumb terminal, what ended elsewhere takes no line any more", async () => {
    const terminal = await open([], { env: { TERM: "dumb" } });
    await terminal.shows(AT_THE_END);
    const client = await workspace.client();
    await terminal.enter("clean up here");
    await terminal.shows(/1\. Allow\n2\. Block\nNumber, or nothing:/);
    await client.request("respond", { cwd: workspace.cwd, answer: { value: "Allow" } });
    await terminal.shows(/clean up here[\s\S]*Done with it\.\n>/);
    await terminal.enter("/rpc-input");
    await terminal.shows(/Enter a value.*:$/m);
    await client.request("abort", { cwd: workspace.cwd });
    await terminal.shows(/Enter a value: \w+\n[\s\S]*^>/m);
    // A question that comes while a list is open waits for the list.
    await terminal.enter("/thinking");
    await terminal.shows(/1\. off[\s\S]*Number, or nothing:$/m);
    const asked = new Promise((resolve) =>
      client.onRecord((record) => record.type === "question" && resolve(record)),
    );
    const options = { subscribe: true, onQuestion: "wait" } as const;
    const prompted = client.request("prompt", { cwd: workspace.cwd, message: "/rpc-input", ...options });
    await asked;
    await terminal.enter("1");
    await terminal.shows(/Thinking: off\n[\s\S]*Enter a value.*:$|Enter a value.*:\n+Thinking: off$/m);
    await terminal.enter("typed here");
    await terminal.shows("You entered: typed here");
    await prompted;
    client.close();
    await terminal.press("C-d");
    await terminal.shows("[exit 0]");
  });

  test("a question answered elsewhere goes away here; Esc and Ctrl-C answer that there is no answer", async () => {
    const terminal = await open();
    await terminal.shows(/^idle · /m);
    await terminal.enter("clean up again");
    await terminal.shows("→ Allow");
    await workspace.ask("respond", { cwd: workspace.cwd, answer: { value: "Allow" } });
    const isDone = /› clean up again[\s\S]*Done with it\./;
    await terminal.shows((screen) => isDone.test(screen) && !screen.includes("→ Allow"));
    await terminal.enter("/rpc-input ");
    await terminal.shows("Enter a value");
    await terminal.press("Escape");
    await terminal.shows("Input cancelled");
    await terminal.enter("clean up");
    await terminal.shows("→ Allow");
    await terminal.press("C-c");
    await terminal.shows((screen) => /^idle · /m.test(screen) && !screen.includes("→ Allow"));
  });
});

describe("pictl prompt at a terminal, with new sessions", { skip: withoutTmux() }, () => {
  before(() => {
    workspace = new Workspace();
  });
  afterEach(closeTerminals);
  after(() => workspace.dispose());

  test("a new conversation without a model is told what to type, and goes on with /model", async () => {
    const terminal = await open([], { env: { TERM: "dumb" } });
    await terminal.shows(/^>/m);
    await terminal.enter("hello");
    await terminal.shows("/model scripted/echo needs no account");
    await terminal.shows("Not sent: hello");
    await terminal.enter("/model scripted/ecco");
    await terminal.shows('Did you mean "scripted/echo"?');
    await terminal.enter("/model typo");
    await terminal.shows('There is no model "typo"');
    await terminal.enter("/model scripted/echo");
    await terminal.shows("Model: scripted/echo");
    await terminal.enter("hello again");
    await terminal.shows("echo: hello again");
    await terminal.enter("/model ecko");
    await terminal.shows('Did you mean "echo"?');
    await terminal.press("C-d");
    await terminal.shows("[exit 0]");
  });

  test("on a screen the message without a model leaves room for /model, and ↑ brings it back", async () => {
    const terminal = await open(["--new"]);
    await terminal.shows("A new session");
    await terminal.enter("hello");
    await terminal.shows("Not sent.");
    await terminal.enter("/model scripted/echo");
    await terminal.shows("Model: scripted/echo");
    await terminal.press("Up");
    await terminal.press("Up");
    await terminal.shows(/─\nhello\n─/);
    await terminal.press("Enter");
    await terminal.shows("echo: hello");
  });

  test("what is typed while the session is being made goes to that session", async () => {
    const terminal = await open(["--new", "--model", "scripted/echo"]);
    await terminal.shows("A new session");
    const before = new Set((await workspace.ask("list_sessions", {})).sessions.map(({ id }) => id));
    await terminal.enter("/name one");
    await terminal.enter("first");
    await terminal.shows("echo: first");
    await terminal.enter("/new");
    await terminal.enter("second");
    await terminal.enter("third");
    await terminal.shows("echo: third");
    const { sessions } = await workspace.ask("list_sessions", {});
    const made = sessions.filter(({ id }) => !before.has(id));
    assert.deepEqual(made.map(({ firstMessage }) => firstMessage).sort(), ["first", "second"]);
    assert.deepEqual(made.map(({ name }) => name).sort(), ["one", undefined]);
  });

  test("a paste keeps its lines, a long one is folded, @ attaches a file, and an editor of the person's own gets the text", async () => {
    writeFileSync(join(workspace.cwd, "notes.txt"), "inside");
    const terminal = await open(["--model", "scripted/echo"], {
      rows: 60,
      env: { EDITOR: "sed -i s/cat/dog/" },
    });
    await terminal.shows(/^idle · |A new session/m);
    await terminal.paste("one\n  two 日本\n\nthree");
    await terminal.shows(/─\none\n {2}two 日本\n\nthree\n─/);
    await terminal.press("Enter");
    await terminal.shows(/› one\n {4}two 日本\n\n {2}three\n/);
    await terminal.shows("echo: one");
    await terminal.paste(Array.from({ length: 30 }, (_, n) => `row ${n}`).join("\n"));
    await terminal.shows("[paste #1 +30 lines]");
    await terminal.press("Enter");
    await terminal.shows("echo: row 0");
    await terminal.type("read @no");
    await terminal.shows("→ notes.txt");
    await terminal.press("Tab");
    await terminal.shows(/─\nread @notes\.txt\s*\n─/);
    await terminal.press("Enter");
    await terminal.shows(/<file name=".*notes\.txt">\ninside/);
    await terminal.type("a cat");
    await terminal.press("C-g");
    await terminal.shows(/─\na dog\n─/);
    await terminal.press("Enter");
    await terminal.shows("echo: a dog");
  });

  test("commands: model, thinking, name, new, sessions, fork, export, help, and a shell command", async () => {
    const terminal = await open(["--new", "--model", "scripted/echo"], { rows: 50 });
    await terminal.shows("A new session");
    await terminal.enter("first");
    await terminal.shows("echo: first");
    await terminal.enter("/thinking high");
    await terminal.shows("Thinking: high");
    await terminal.enter("/name review");
    await terminal.shows(/idle · review · scripted\/echo · high · /);
    await terminal.enter("!printf 'a b'; exit 3");
    await terminal.shows(/\$ printf 'a b'; exit 3\n {2}a b\n {2}exit code 3/);
    await terminal.enter("/export talk.md");
    await terminal.shows("Written to ");
    assert.match(readFileSync(join(workspace.cwd, "talk.md"), "utf8"), /echo: first/);
    await terminal.enter("/nonsense");
    await terminal.shows(/echo: \/nonsense|nonsense/);
    await terminal.enter("/fork");
    await terminal.shows(/Go back to\n→ .*\n/);
    await terminal.press("Up", "Enter");
    await terminal.shows(/This is a new session.*[\s\S]*─\nfirst\n─/);
    await terminal.press("C-c");
    await terminal.enter("/new");
    await terminal.shows("A new session begins");
    await terminal.enter("/sessions");
    await terminal.shows(/Session\n[\s\S]*review/);
    await terminal.press("Escape");
    await terminal.shows((screen) => !screen.includes("Esc cancel"));
    await terminal.enter("/help");
    await terminal.shows("Run a shell command here");
    await terminal.enter("/model nothing/like-it");
    await terminal.enter("x");
    await terminal.shows("✗ ");
  });
});
