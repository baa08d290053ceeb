import assert from "node:assert/strict";
import { test } from "node:test";
import { plainColors } from "../../../../../src/lib/cli/render/color.ts";
import { widthOfText } from "../../../../../src/lib/cli/render/columns.ts";
import { renderModels } from "../../../../../src/lib/cli/render/model-list.ts";
import { renderCommands } from "../../../../../src/lib/cli/render/pi-commands.ts";

const plain = { colors: plainColors(), width: undefined };

test("models with what they can do and cost", async () => {
  const models = [
    {
      provider: "acme",
      id: "tall",
      reasoning: true,
      input: ["text", "image"],
      contextWindow: 200_000,
      maxTokens: 32_000,
      cost: { input: 0.075, output: 15 },
    },
    { provider: "local", id: "m\u001b[31m", cost: { input: 0, output: 0 } },
    { provider: "x", id: "y" },
  ];
  assert.equal(
    await renderModels(models, plain),
    `MODEL      CONTEXT  OUTPUT  THINKING  IMAGES       PRICE
acme/tall   200.0k   32.0k  yes       yes     $0.075/$15
local/m          -       -  no        no            free
x/y              -       -  no        no               -
`,
  );
});

test("commands with where they come from; a description is cut to the terminal", async () => {
  const commands = [
    { name: "fix", source: "prompt", description: "Fixes\nall that is broken in here" },
    { name: "skill:audit", source: "skill" },
  ];
  assert.equal(
    await renderCommands(commands, plain),
    `NAME          SOURCE  DESCRIPTION
/fix          prompt  Fixes all that is broken in here
/skill:audit  skill
`,
  );
  const [, line = ""] = (await renderCommands(commands, { ...plain, width: 45 })).split("\n");
  assert.ok(widthOfText(line) <= 45 && line.endsWith("…"), line);
});
