import assert from "node:assert/strict";
import { test } from "node:test";
import { plainColors } from "../../../../../src/lib/cli/render/color.ts";
import { renderMessages } from "../../../../../src/lib/cli/render/pi-messages.ts";

test("pi's messages read as a transcript, whatever their role", () => {
  const text = renderMessages(
    [
      { role: "system", content: "", sections: { rules: "…", cwd: "…" } },
      { role: "user", content: [{ type: "text", text: "look" }, { type: "image" }] },
      {
        role: "assistant",
        provider: "acme",
        model: "m",
        content: [
          { type: "thinking", thinking: "hm" },
          { type: "text", text: "Sure." },
          { type: "toolCall", id: "c", name: "bash", arguments: { command: "ls" } },
        ],
        stopReason: "toolUse",
      },
      {
        role: "toolResult",
        toolName: "bash",
        isError: true,
        content: [{ type: "text", text: "no\u001b[0m" }],
      },
      { role: "bashExecution", command: "make", output: "done\n", exitCode: 2 },
      { role: "compactionSummary", summary: "so far" },
      { role: "branchSummary", summary: "over there" },
      { role: "custom", customType: "todo", content: "buy milk" },
      { role: "assistant", content: [], stopReason: "error", errorMessage: "too much" },
      { role: "of_a_newer_pi", content: "new" },
    ],
    { colors: plainColors(), width: undefined },
  );
  assert.equal(
    text,
    `system
  (rules, cwd)

user
  look
  (1 image)

assistant · acme/m
  hm
  Sure.
  → bash {"command":"ls"}

tool bash · error
  no

shell · exit code 2
  $ make
  done

compaction
  so far

summary of another branch
  over there

todo
  buy milk

assistant
  too much

of_a_newer_pi
  new
`,
  );
});
