import assert from "node:assert/strict";
import { test } from "node:test";
import type { AutocompleteProvider, TUI } from "@earendil-works/pi-tui";
import { InputLine } from "../../../../../src/lib/cli/conversation/input-line.ts";
import { createTheme } from "../../../../../src/lib/cli/conversation/theme.ts";

const ENTER = "\r";

/** Types a command whose argument is completed to `value`, and gives what was sent. */
async function typed(text: string, value: string): Promise<{ sent: string[]; line: InputLine }> {
  let drawn = Promise.withResolvers<void>();
  const tui = {
    requestRender: () => {
      drawn.resolve();
      drawn = Promise.withResolvers();
    },
    terminal: { rows: 24, columns: 80 },
  } as unknown as TUI;
  const provider: AutocompleteProvider = {
    getSuggestions: async (lines) => {
      const word = lines[0]?.split(" ")[1];
      return word ? { items: [{ value, label: value }], prefix: word } : null;
    },
    applyCompletion: (lines, cursorLine, cursorCol, item, prefix) => {
      const line = `${lines[0]?.slice(0, cursorCol - prefix.length)}${item.value}`;
      return { lines: [line], cursorLine, cursorCol: line.length };
    },
  };
  const sent: string[] = [];
  const line = new InputLine(tui, createTheme(0).editor);
  line.setAutocompleteProvider(provider);
  line.onSubmit = (message) => sent.push(message);
  for (const character of text) line.handleInput(character);
  while (!line.isShowingAutocomplete()) await drawn.promise;
  return { sent, line };
}

test("Enter on a completion that adds nothing sends the line", async () => {
  const { sent, line } = await typed("/thinking high", "high");
  line.handleInput(ENTER);
  assert.deepEqual(sent, ["/thinking high"]);
});

test("Enter on one that adds something completes, and the next one sends", async () => {
  const { sent, line } = await typed("/thinking hi", "high");
  line.handleInput(ENTER);
  assert.deepEqual([sent, line.getText()], [[], "/thinking high"]);
  line.handleInput(ENTER);
  assert.deepEqual(sent, ["/thinking high"]);
});
