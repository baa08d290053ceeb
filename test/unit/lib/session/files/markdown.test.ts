import assert from "node:assert/strict";
import { test } from "node:test";
import type { TranscriptMessage } from "../../../../../src/lib/protocol/transcript.ts";
import { fence, toMarkdown } from "../../../../../src/lib/session/files/markdown.ts";

const timestamp = Date.parse("2026-11-21T04:50:30.000Z");
const message = (fields: Partial<TranscriptMessage>): TranscriptMessage => ({
  entryId: "e",
  role: "assistant",
  text: "",
  timestamp,
  ...fields,
});

test("a whole conversation as a document", () => {
  const document = toMarkdown(
    { id: "s-1", name: "My\nname", cwd: "/w", model: "acme/m", createdAt: timestamp },
    [
      message({ role: "user", number: 1, text: "Hello\n\nthere\n", images: 2 }),
      message({
        text: "I'll write it.",
        model: "acme/m",
        thinking: "hm",
        toolCalls: [{ id: "c", name: "write", args: { path: "a.txt", content: "one\ntwo" } }],
      }),
      message({ role: "tool", toolName: "write", text: "done", isError: true }),
      message({ role: "tool", toolName: "read" }),
      message({ role: "bash", command: "ls", text: "a", exitCode: 2 }),
      message({ role: "summary", kind: "compaction", text: "so far" }),
      message({ role: "custom", kind: "ext", text: "note" }),
      message({ stopReason: "error", errorMessage: "overloaded" }),
      message({ text: "cut", stopReason: "length", timestamp: 0 }),
    ],
  );
  const t = "```";
  assert.equal(
    document,
    `# My name

- Session: \`s-1\`
- Directory: \`/w\`
- Model: \`acme/m\`
- Created: 2026-11-21 04:50 UTC

## 1 · User · 2026-11-21 04:50 UTC

> Hello
>
> there

*(2 images)*

## Assistant (acme/m) · 2026-11-21 04:50 UTC

*Thinking:*

${t}text
hm
${t}

I'll write it.

**Tool call \`write\`**

${t}json
{
  "path": "a.txt"
}
${t}

\`content\`:

${t}
one
two
${t}

**Result of \`write\`** (error)

${t}
done
${t}

**Result of \`read\`**

*(no output)*

## Shell command · 2026-11-21 04:50 UTC

${t}sh
ls
${t}

${t}
a
${t}

Exit code 2

## Compaction: summary so far · 2026-11-21 04:50 UTC

> so far

## ext · 2026-11-21 04:50 UTC

> note

## Assistant · 2026-11-21 04:50 UTC

**Failed** (error):

${t}
overloaded
${t}

## Assistant

cut

**Stopped:** length
`,
  );
});

test("a fence is longer than any run of backticks in its content, which is kept whole", () => {
  const content = "a\n```sh\nb\n`````\nc\n";
  assert.equal(fence(content), `\`\`\`\`\`\`\n${content}\`\`\`\`\`\``);
  const long = "x".repeat(1_000_000);
  assert.ok(toMarkdown({ id: "s" }, [message({ role: "tool", text: long })]).includes(long));
});

test("an answer's open fence is closed before the next message, a closed one is left", () => {
  const render = (text: string) =>
    toMarkdown({ id: "s" }, [message({ text, timestamp: 0 })]).split("## Assistant\n\n")[1];
  assert.equal(render("look:\n````js\n```\ncode"), "look:\n````js\n```\ncode\n````\n");
  assert.equal(render("~~~\n```\n"), "~~~\n```\n~~~\n");
  assert.equal(render("```\ncode\n```"), "```\ncode\n```\n");
  assert.equal(render("``` inline ``` text"), "``` inline ``` text\n");
});

test("names with backticks don't end their code span", () => {
  assert.match(toMarkdown({ id: "s", cwd: "/a`b" }, []), /- Directory: `` \/a`b ``\n/);
});
