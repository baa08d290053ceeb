import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "@earendil-works/pi-ai";
import { splitIntoChunks } from "../../../../../src/lib/agent/scripted-model/chunks.ts";
import { echoText } from "../../../../../src/lib/agent/scripted-model/echo.ts";
import type { Scenario } from "../../../../../src/lib/agent/scripted-model/scenario.ts";
import { stepsFor } from "../../../../../src/lib/agent/scripted-model/script.ts";
import { fillTemplates } from "../../../../../src/lib/agent/scripted-model/template.ts";
import { readTranscript } from "../../../../../src/lib/agent/scripted-model/transcript.ts";

const user = (content: Extract<Message, { role: "user" }>["content"]): Message => ({
  role: "user",
  content,
  timestamp: 0,
});
const echo = (...messages: Message[]) => echoText(readTranscript(messages));

test("echo gives back the prompt and shows what it remembers", () => {
  assert.equal(echo(user("remember 42")), "echo: remember 42");
  assert.equal(
    echo(user("remember\n42"), user([{ type: "text", text: "again" }])),
    "echo: again (2 messages so far, the first was: remember 42)",
  );
});

test("echo of nothing, of an image and of something huge", () => {
  const image = { type: "image" as const, data: "AAAA", mimeType: "image/png" };
  assert.equal(echo(), "echo: (no text)");
  assert.equal(echo(user([])), "echo: (no text)");
  assert.equal(echo(user([image, image])), "echo: (no text, 2 images)");
  assert.match(echo(user("x".repeat(1_000_000))), /^echo: x{200}… \(1000000 characters\)$/);
});

test("a tool result and a request for a summary get an answer of their own", () => {
  const result: Message = {
    role: "toolResult",
    toolCallId: "1",
    toolName: "bash",
    content: [{ type: "text", text: "out\n" }],
    isError: false,
    timestamp: 0,
  };
  assert.equal(echo(user("go"), result), "echo: the tool said: out");
  assert.match(echo(user("<conversation>\nUser: hi\n</conversation>")), /^## Goal/);
});

test("chunks add up to the text and never cut a character in two", () => {
  const text = "a😀".repeat(50);
  for (const count of [undefined, 1, 7, 75, 1000]) {
    const chunks = splitIntoChunks(text, count);
    assert.equal(chunks.join(""), text);
    for (const chunk of chunks) assert.ok(chunk.isWellFormed());
  }
  assert.deepEqual(splitIntoChunks("abcd", 2), ["ab", "cd"]);
  assert.deepEqual(splitIntoChunks(""), []);
});

test("templates are filled in deeply, and unknown ones are left alone", () => {
  const tool = { name: "bash", description: "", parameters: {} } as never;
  const system: Message = {
    role: "system",
    content: "base",
    sections: { a: "more" },
    toolsAdded: [tool],
    timestamp: 0,
  };
  const values = {
    transcript: readTranscript([system, user("$& hi")]),
    env: { NAME: "value" },
    cwd: "/here",
    thinking: "off",
  };
  assert.deepEqual(
    fillTemplates({ a: ["{{prompt}} {{turn}}", 1], b: "{{env:NAME}}{{env:GONE}} {{cwd}}" }, values),
    {
      a: ["$& hi 1", 1],
      b: "value /here",
    },
  );
  assert.equal(fillTemplates("{{tools}} {{thinking}} {{other}}", values), "bash off {{other}}");
  assert.equal(fillTemplates("{{system}}", values), "base\n\nmore");
});

test("after the last response comes what `then` says", () => {
  const responses = [[{ text: "one" }], [{ text: "two" }]];
  assert.deepEqual(stepsFor({ responses }, 1), [{ text: "two" }]);
  assert.equal(stepsFor({ responses }, 2), "echo");
  const ending = (then: string) =>
    JSON.parse(JSON.stringify({ responses }).replace(/}$/, `,"then":"${then}"}`)) as Scenario;
  assert.deepEqual(stepsFor(ending("repeat-last"), 9), [{ text: "two" }]);
  assert.match(JSON.stringify(stepsFor(ending("error"), 2)), /no response number 3/);
});
