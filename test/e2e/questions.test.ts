import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Question } from "../../src/lib/protocol/question.ts";
import { Terminal, withoutTmux } from "../support/terminal.ts";
import { SCENARIOS, Workspace } from "../support/workspace.ts";

/** pi's own example: it asks about dangerous commands, and has a command for each other kind of dialog. */
const DEMO = fileURLToPath(
  new URL(
    "../../node_modules/@earendil-works/pi-coding-agent/examples/extensions/rpc-demo.ts",
    import.meta.url,
  ),
);

const CONFIRM = `
export default function (pi) {
  pi.registerCommand("sure", {
    handler: async (_args, ctx) => ctx.ui.notify("sure: " + (await ctx.ui.confirm("Sure?", "It can't be undone.")), "info"),
  });
  pi.registerCommand("both", {
    handler: async (_args, ctx) => {
      const names = await Promise.all([ctx.ui.input("First?"), ctx.ui.input("Second?")]);
      ctx.ui.notify("both: " + names.join(" "), "info");
    },
  });
  pi.registerCommand("quick", {
    handler: async (_args, ctx) => ctx.ui.notify("quick: " + (await ctx.ui.input("Name?", "", { timeout: 200 })), "info"),
  });
}`;

describe("questions", () => {
  let place: Workspace;
  /** Each "go" of it asks whether to remove what is there, until it is over: two responses of its model. */
  let shared: string;
  let session: string;
  const create = async () => {
    const options = {
      model: `scripted/${join(place.root, "dangerous.json")}`,
      piArgs: ["-e", DEMO, "-e", join(place.root, "confirm.ts")],
    };
    return (await place.ask("create_session", { cwd: place.cwd, options })).sessionId;
  };
  before(async () => {
    place = new Workspace();
    writeFileSync(join(place.root, "confirm.ts"), CONFIRM);
    const { responses } = JSON.parse(readFileSync(join(SCENARIOS, "dangerous.json"), "utf8")) as {
      responses: object[];
    };
    const often = { responses: Array.from({ length: 20 }, () => responses).flat() };
    writeFileSync(join(place.root, "dangerous.json"), JSON.stringify(often));
    await place.ok(["daemon", "start"]);
    shared = await create();
  });
  after(() => place.dispose());
  beforeEach(() => {
    mkdirSync(join(place.cwd, "junk"), { recursive: true });
    session = shared;
  });
  /** For a turn that ends before its model has given both responses. */
  const useOwnSession = async () => {
    session = await create();
  };

  const prompt = (...args: string[]) => place.run(["prompt", "-s", session, ...args]);
  const startWaiting = async (message: string) => {
    const running = place.start(["prompt", "-s", session, "--on-question", "wait", message]);
    await place.ask("wait", { sessionId: session, for: ["question"] });
    return running;
  };
  const respond = (...args: string[]) => place.run(["session", "respond", "-s", session, ...args]);
  const info = async () => (await place.ask("get_session", { sessionId: session })).session;

  describe("where nobody may answer", () => {
    it("end the turn with code 5, naming the question, and nothing is done", async () => {
      await useOwnSession();
      const result = await prompt("go");
      assert.equal(result.code, 5);
      assert.match(result.stderr, /asked "Dangerous command: rm -rf junk && echo removed"/);
      assert.match(result.stderr, /\[QUESTION_UNANSWERED\]\n.*--on-question deny/);
      assert.doesNotMatch(result.stdout, /Done with it/);
      assert.ok(existsSync(join(place.cwd, "junk")));
      assert.equal((await info()).state, "idle");
    });

    for (const command of ["/rpc-input", "/rpc-editor", "/sure"]) {
      it(`so does the dialog of ${command}`, async () => {
        assert.equal((await prompt(command)).code, 5);
      });
    }

    it("tell it in every format, with the same code", async () => {
      const document = await place.json<{ outcome: string; error: { code: string } }>([
        "prompt",
        "-s",
        session,
        "/sure",
      ]);
      assert.deepEqual([document.outcome, document.error.code], ["failed", "QUESTION_UNANSWERED"]);
      const lines = await prompt("--format", "stream-json", "/sure");
      assert.equal(lines.code, 5);
      const records = lines.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { type: string; state?: string; code?: string });
      assert.ok(records.some(({ type, state }) => type === "question" && state === "cancelled"));
      assert.ok(records.some(({ type, code }) => type === "error" && code === "QUESTION_UNANSWERED"));
    });
  });

  it("deny declines and lets the turn go on", async () => {
    const result = await prompt("--on-question", "deny", "go");
    assert.deepEqual([result.code, result.stdout], [0, "Removing it.\nDone with it.\n"]);
    assert.match(result.stderr, /Command blocked by user/);
    assert.ok(existsSync(join(place.cwd, "junk")));
    assert.match((await prompt("--on-question", "deny", "/sure")).stderr, /sure: false/);
    assert.match((await prompt("--on-question", "deny", "/rpc-input")).stderr, /Input cancelled/);
  });

  it("default takes what each dialog offers", async () => {
    const result = await prompt("--on-question", "default", "go");
    assert.deepEqual([result.code, result.stdout], [0, "Removing it.\nDone with it.\n"]);
    assert.equal(existsSync(join(place.cwd, "junk")), false);
    assert.match((await prompt("--on-question", "default", "/sure")).stderr, /sure: true/);
    assert.match((await prompt("--on-question", "default", "/rpc-editor")).stderr, /submitted \(3 lines\)/);
  });

  describe("answered from another terminal", () => {
    it("select: by number or by text, and only what is offered", async () => {
      const running = await startWaiting("go");
      const shown = await place.ok(["session", "respond", "-s", session]);
      assert.match(shown, /^\? Dangerous command: rm -rf junk.*\n {2}1\) Allow\n {2}2\) Block\n/);
      assert.match(shown, new RegExp(`pictl session respond -s ${session} 1\\|2`));
      const details = await place.ok(["session", "show", session]);
      assert.match(details, /\n\? Dangerous command: rm -rf junk.*\n {2}1\) Allow/);
      assert.match(details, new RegExp(`pictl session respond -s ${session} 1\\|2`));
      const wrong = await respond("Perhaps");
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /Allow, Block/);
      assert.equal((await respond("2")).stdout, "answered\n");
      const result = await running.done;
      assert.equal(result.code, 0);
      assert.match(result.stderr, /Command blocked by user/);
      assert.ok(existsSync(join(place.cwd, "junk")));
    });

    it("confirm: yes or no", async () => {
      const running = await startWaiting("/sure");
      assert.equal((await respond("perhaps")).code, 2);
      assert.equal((await respond("yes")).code, 0);
      assert.match((await running.done).stderr, /sure: true/);
    });

    it("input and editor: the text", async () => {
      const input = await startWaiting("/rpc-input");
      await respond("a b");
      assert.match((await input.done).stderr, /You entered: a b/);
      const editor = await startWaiting("/rpc-editor");
      const [question] = (await info()).questions ?? [];
      assert.equal(question?.prefill, "Line 1\nLine 2\nLine 3");
      await respond("one\ntwo");
      assert.match((await editor.done).stderr, /submitted \(2 lines\)/);
    });

    it("declined with --cancel", async () => {
      const running = await startWaiting("/rpc-input");
      assert.equal((await respond("--cancel")).stdout, "declined\n");
      assert.match((await running.done).stderr, /Input cancelled/);
    });

    it("the oldest first, or by id", async () => {
      const running = await startWaiting("/both");
      const client = await place.client();
      const questions: Question[] = [];
      try {
        while (questions.length < 2) {
          const { session: now } = await client.request("get_session", { sessionId: session });
          questions.splice(0, Infinity, ...(now.questions ?? []));
        }
      } finally {
        client.close();
      }
      assert.equal((await respond("--question", questions[1]?.id ?? "", "b")).code, 0);
      assert.equal((await respond("a")).code, 0);
      assert.match((await running.done).stderr, /both: a b/);
    });

    it("not twice, and not when there is none", async () => {
      const running = await startWaiting("/sure");
      const codes = await Promise.all([respond("yes"), respond("no")]);
      assert.deepEqual(codes.map(({ code }) => code).sort(), [0, 4]);
      await running.done;
      const none = await respond("yes");
      assert.equal(none.code, 4);
      assert.match(none.stderr, /\[QUESTION_NOT_FOUND\]/);
    });

    it("the session waits with it, and an abort takes it back", async () => {
      await useOwnSession();
      const running = await startWaiting("go");
      assert.equal((await info()).state, "waiting");
      await place.ask("abort", { sessionId: session });
      assert.equal((await running.done).code, 6);
      assert.equal((await info()).questions, undefined);
    });
  });

  describe("asked in place on a terminal", { skip: withoutTmux() }, () => {
    const inTerminal = async (
      message: string,
      talk: (terminal: Terminal) => Promise<void>,
      env: Record<string, string> = {},
    ) => {
      const terminal = await Terminal.start(place, ["prompt", "-s", session, message], { env });
      try {
        await talk(terminal);
      } finally {
        await terminal.dispose();
      }
    };

    it("select: a number, after something that isn't a choice", () =>
      inTerminal("go", async (terminal) => {
        await terminal.shows(
          /Removing it\.\n.*› bash rm -rf junk(?:.|\n)*1\) Allow\n +2\) Block\nNumber or text/,
        );
        await terminal.enter("3");
        await terminal.shows(/There is no choice "3"\./);
        await terminal.enter("1");
        await terminal.shows(/Done with it\.(?:.|\n)*\[exit 0\]/);
        assert.equal(existsSync(join(place.cwd, "junk")), false);
      }));

    it("confirm, input and editor", async () => {
      await inTerminal("/sure", async (terminal) => {
        await terminal.shows(/\? Sure\?\n +It can't be undone\.\n\[y\/N\]/);
        await terminal.enter("y");
        await terminal.shows(/sure: true(?:.|\n)*\[exit 0\]/);
      });
      await inTerminal("/rpc-input", async (terminal) => {
        await terminal.shows(/\? Enter a value\n +\(type something\.\.\.\)\n>/);
        await terminal.enter("some words");
        await terminal.shows(/You entered: some words(?:.|\n)*\[exit 0\]/);
      });
      const talk = async (terminal: Terminal) => {
        await terminal.shows(/\| Line 3\n.*opens your editor/);
        await terminal.enter("");
        await terminal.shows(/submitted \(4 lines\)(?:.|\n)*\[exit 0\]/);
      };
      await inTerminal("/rpc-editor", talk, { EDITOR: "sed -i '$aLine 4'" });
    });

    it("answered elsewhere meanwhile, it is taken back", () =>
      inTerminal("/rpc-input", async (terminal) => {
        await terminal.shows("? Enter a value");
        await respond("from elsewhere");
        await terminal.shows(/You entered: from elsewhere(?:.|\n)*\[exit 0\]/);
      }));

    it("Ctrl-C aborts the turn", async () => {
      await useOwnSession();
      await inTerminal("go", async (terminal) => {
        await terminal.shows("Number or text");
        await terminal.press("C-c");
        await terminal.shows(/Interrupted: the turn was aborted\.(?:.|\n)*\[exit 130\]/);
        assert.ok(existsSync(join(place.cwd, "junk")));
      });
    });
  });

  it("one with a time of its own is answered by pi when it is over", async () => {
    const result = await prompt("--on-question", "wait", "/quick");
    assert.equal(result.code, 0);
    assert.match(result.stderr, /quick: undefined/);
  });

  it("one that comes while pi starts can't be answered: code 5 says so", async () => {
    const extension = join(place.root, "at-start.ts");
    writeFileSync(
      extension,
      `export default function (pi) { pi.on("session_start", async (_event, ctx) => { await ctx.ui.confirm("Trust?", ""); }); }`,
    );
    const result = await place.run(["session", "create", "--model", "scripted/echo", "--", "-e", extension]);
    assert.equal(result.code, 5);
    assert.match(result.stderr, /asked "Trust\?" while pi started/);
  });
});
