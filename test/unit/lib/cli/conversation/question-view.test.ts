import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { renderFakeCursor, type TUI } from "@earendil-works/pi-tui";
import { chooseView, questionView } from "../../../../../src/lib/cli/conversation/question-view.ts";
import { createTheme } from "../../../../../src/lib/cli/conversation/theme.ts";
import type { Answer, Question } from "../../../../../src/lib/protocol/question.ts";

const theme = createTheme(0);
// Only a question with an editor looks at the screen.
const tui = { terminal: { rows: 24 }, requestRender: () => undefined } as unknown as TUI;
const [ENTER, DOWN, ESCAPE] = ["\r", "\u001b[B", "\u001b"];
/** pi-tui puts these around the cursor for the TUI to resolve. */
const CURSOR_MARKS = renderFakeCursor("|").split("|");

function ask(question: Omit<Question, "id">) {
  const answers: Answer[] = [];
  const view = questionView(tui, theme, { id: "q", ...question }, (answer) => answers.push(answer));
  const press = (...keys: (string | undefined)[]) => {
    for (const key of keys) view.handleInput(key ?? "");
    return answers.at(-1);
  };
  const plain = (line: string) => CURSOR_MARKS.reduce((text, mark) => text.replace(mark, ""), line);
  const lines = () => view.render(40).map((line) => stripVTControlCharacters(plain(line)).trimEnd());
  return { press, lines };
}

describe("questionView", () => {
  test("a choice is given back as it came, and shown so that it does no harm", () => {
    const options = ["plain", "\u001b[31mred\nof two lines"];
    const { press, lines } = ask({ method: "select", title: "Which?", message: "It matters.", options });
    assert.deepEqual(lines().slice(1, 5), ["Which?", "It matters.", "→ plain", "  red of two lines"]);
    assert.deepEqual(press(DOWN, ENTER), { value: options[1] });
  });

  test("options that are worded alike are one as good as the other", () => {
    const { press } = ask({ method: "select", title: "Which?", options: ["same", "same", "last"] });
    assert.deepEqual(press(DOWN, DOWN, ENTER), { value: "last" });
  });

  test("yes, no, or no answer", () => {
    assert.deepEqual(ask({ method: "confirm", title: "Sure?" }).press(ENTER), { confirmed: true });
    assert.deepEqual(ask({ method: "confirm", title: "Sure?" }).press(DOWN, ENTER), { confirmed: false });
    assert.deepEqual(ask({ method: "confirm", title: "Sure?" }).press(ESCAPE), { cancelled: true });
  });

  test("a line", () => {
    const question = ask({ method: "input", title: "Name?", placeholder: "anything" });
    assert.ok(question.lines()[2]?.includes("anything"));
    assert.deepEqual(question.press("a", "b", ENTER), { value: "ab" });
    assert.deepEqual(ask({ method: "input", title: "Name?" }).press(ESCAPE), { cancelled: true });
  });

  test("a text of several lines", () => {
    const question = ask({ method: "editor", title: "Text?", prefill: "one" });
    assert.deepEqual(question.press("\n", "t", "w", "o", ENTER), { value: "one\ntwo" });
  });

  test("until when somebody waits for it, when that is soon", () => {
    const titleFor = (ms: number) =>
      ask({ method: "input", title: "Name?", expiresAt: Date.now() + ms }).lines()[1];
    assert.match(titleFor(60_000) ?? "", /^Name\? \(until \d\d:\d\d:\d\d\)$/);
    assert.equal(titleFor(24 * 60 * 60_000), "Name?");
  });
});

test("chooseView gives the value of what is shown", () => {
  const chosen: (string | undefined)[] = [];
  const choices = [
    { value: "1", label: "one" },
    { value: "2", label: "two", description: "the second" },
  ];
  const view = chooseView(theme, "Pick", choices, (value) => chosen.push(value));
  view.handleInput(DOWN ?? "");
  view.handleInput(ENTER ?? "");
  assert.deepEqual(chosen, ["2"]);
});
