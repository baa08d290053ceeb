import assert from "node:assert/strict";
import { appendFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SessionFile } from "../../../../../src/lib/core/session-files/locate.ts";
import { type SummaryState, summarize } from "../../../../../src/lib/session/files/summary.ts";
import { fileAt, SessionBuilder, START, temporaryDirectory, usage } from "./session-fixture.ts";

/** A session with every kind of entry, an abandoned branch, text that looks like JSON, and broken lines. */
function everything(): SessionBuilder {
  const s = new SessionBuilder({ parentSession: "/old/parent.jsonl" });
  s.add("model_change", { provider: "acme", modelId: "m-0" });
  s.add("thinking_level_change", { thinkingLevel: "high" });
  s.message({ role: "system", content: "", sections: { preamble: "You are" } });
  s.user([{ type: "image", data: "AAAA", mimeType: "image/png" }]);
  const first = s.user("héllo 😀 \u2028 world");
  s.assistant([
    { type: "thinking", thinking: "hm" },
    {
      type: "toolCall",
      id: "c",
      name: "write",
      arguments: { list: ["x"], api: 'y"],"api":"z', usage: { input: 9 } },
    },
  ]);
  s.tool('{"type":"message","usage":{"input":1000}}');
  s.tool("nested", { usage: usage(100, 50, 1) });
  s.lines.push('{"type":"message","id":"torn","parentId":"e1","timestamp":"2026-11-21T04:5', "null", "  ");
  s.add("custom", {
    customType: "ext",
    data: { timestamp: "1999-01-01T00:00:00.000Z", big: "x".repeat(500) },
  });
  s.add("custom_message", { customType: "ext", content: "injected", display: true });
  s.message({
    role: "bashExecution",
    command: "ls",
    output: "a\nb",
    exitCode: 0,
    cancelled: false,
    truncated: false,
  });
  s.user("abandoned");
  s.assistant("gone", { stopReason: "error", errorMessage: "boom" });
  s.add("branch_summary", { fromId: "x", summary: "tried", usage: usage(1, 1, 0.5) }, first);
  s.add("session_info", { name: "  My name " });
  s.add("label", { targetId: first, label: "here" });
  s.add("usage", { kind: "cache_warm", provider: "acme", model: "m-1", usage: usage(3, 0, 0.125) });
  s.add("compaction", {
    summary: "all",
    firstKeptEntryId: first,
    tokensBefore: 9,
    usage: usage(7, 7, 0.0625),
  });
  s.user("go on");
  s.assistant("bye", { model: "m-2", stopReason: "length" });
  return s;
}

test("summarizes every kind of entry, over all branches", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = everything();
  writeFileSync(path, session.text);
  const { summary } = summarize(fileAt(path));
  assert.deepEqual(summary, {
    id: "s-1",
    cwd: "/home/u/project",
    createdAt: START,
    modifiedAt: Date.parse(session.time()),
    messages: 10,
    userMessages: 4,
    // Three answers of 10/5, the tool 100/50, branch summary 1/1, usage entry 3/0, compaction 7/7.
    tokens: { input: 141, output: 73, cacheRead: 14, cacheWrite: 7, total: 235 },
    cost: 0.75 + 1 + 0.5 + 0.125 + 0.0625,
    version: 3,
    brokenLines: 2,
    parentSession: "/old/parent.jsonl",
    model: "acme/m-2",
    thinkingLevel: "high",
    firstMessage: "héllo 😀 \u2028 world",
    lastStopReason: "length",
    name: "My name",
  });
});

test("another key order, spaces and CRLF give the same summary", (t) => {
  const dir = temporaryDirectory(t);
  const session = everything();
  writeFileSync(join(dir, "a"), session.text);
  const reordered = (line: string) => {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value !== "object" || value === null) return line;
      const sorted = Object.fromEntries(Object.entries(value).reverse());
      return JSON.stringify(sorted, null, 1).replaceAll("\n", " ");
    } catch {
      return line;
    }
  };
  writeFileSync(join(dir, "b"), `${session.lines.map(reordered).join("\r\n")}\r\n`);
  assert.deepEqual(summarize(fileAt(join(dir, "b"))).summary, summarize(fileAt(join(dir, "a"))).summary);
});

test("reads on from any cut exactly as it reads the whole", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const bytes = Buffer.from(everything().text);
  writeFileSync(path, bytes);
  const whole = summarize(fileAt(path));
  // A fixed seed, so that a failure can be repeated; the generator is the one of Numerical Recipes.
  let seed = 20261121;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % below;
  };
  for (let round = 0; round < 150; round++) {
    let state: SummaryState | undefined;
    const cuts = Array.from({ length: 1 + random(6) }, () => random(bytes.length)).sort((a, b) => a - b);
    writeFileSync(path, "");
    let written = 0;
    for (const cut of [...cuts, bytes.length]) {
      appendFileSync(path, bytes.subarray(written, cut));
      written = cut;
      state = summarize(fileAt(path), state === undefined ? undefined : JSON.parse(JSON.stringify(state)));
    }
    assert.deepEqual(state?.summary, whole.summary, `round ${round}, cuts ${cuts.join(" ")}`);
    assert.equal(state?.offset, bytes.length);
  }
});

test("growth reads only what was appended", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder();
  session.user("one");
  for (let i = 0; i < 20; i++) session.tool("x".repeat(100));
  writeFileSync(path, session.text);
  const before = summarize(fileAt(path));
  assert.ok(before.summary);
  // A mark in the state that only survives when the counts before it aren't read again.
  const marked = { ...before, summary: { ...before.summary, messages: 1000 } };
  session.user("two");
  appendFileSync(path, `${session.lines.at(-1)}\n`);
  const after = summarize(fileAt(path), marked);
  assert.equal(after.summary?.messages, 1001);
  assert.equal(marked.summary.messages, 1000, "the given state is left alone");
});

test("an unchanged file isn't opened", () => {
  const file: SessionFile = { path: "/nowhere/t_x.jsonl", id: "x", size: 5, mtimeMs: 7, ino: 9 };
  const state: SummaryState = { offset: 5, size: 5, mtimeMs: 7, ino: 9, fingerprint: "f" };
  assert.equal(summarize(file, state), state);
  assert.notEqual(summarize({ ...file, mtimeMs: 8 }, state), state);
});

test("a cut, a rewritten and a replaced file are read anew", (t) => {
  const dir = temporaryDirectory(t);
  const path = join(dir, "t_s-1.jsonl");
  const session = everything();
  writeFileSync(path, session.text);
  const state = summarize(fileAt(path));

  writeFileSync(path, `${session.lines.slice(0, 6).join("\n")}\n`);
  assert.equal(summarize(fileAt(path), state).summary?.messages, 2);

  writeFileSync(path, session.text.replaceAll("go on", "stop!").replace("bye", "and a much longer answer"));
  assert.deepEqual(summarize(fileAt(path), state).summary, summarize(fileAt(path)).summary);

  const other = new SessionBuilder({ id: "s-2" });
  other.user("x".repeat(session.text.length * 2));
  writeFileSync(join(dir, "new"), other.text);
  renameSync(join(dir, "new"), path);
  assert.equal(summarize(fileAt(path), state).summary?.id, "s-2");
});

test("a rewrite of the same inode that only grew is noticed", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder({ version: 2 });
  session.message({ role: "hookMessage", customType: "e", content: "c", display: true });
  session.user("hi");
  writeFileSync(path, session.text);
  const { ino } = statSync(path);
  const state = summarize(fileAt(path));
  assert.equal(state.summary?.version, 2);
  writeFileSync(path, `${session.text.replace('"version":2', '"version":3')}${" ".repeat(20)}\n`);
  assert.equal(statSync(path).ino, ino);
  assert.equal(summarize(fileAt(path), state).summary?.version, 3);
});

test("a file touched without a change keeps its summary", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  writeFileSync(path, everything().text);
  const state = summarize(fileAt(path));
  utimesSync(path, 1000, 2000);
  const after = summarize(fileAt(path), state);
  assert.deepEqual(after.summary, state.summary);
  assert.equal(after.mtimeMs, 2_000_000);
});

test("a half-written last line waits; a whole one without its LF counts at once and once only", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder();
  session.user("one");
  session.user("two");
  writeFileSync(path, session.text.slice(0, -10));
  const half = summarize(fileAt(path));
  assert.deepEqual([half.summary?.userMessages, half.summary?.brokenLines], [1, 0]);
  writeFileSync(path, session.text.slice(0, -1));
  const whole = summarize(fileAt(path), half);
  assert.equal(whole.summary?.userMessages, 2);
  session.user("three");
  writeFileSync(path, session.text);
  assert.equal(summarize(fileAt(path), whole).summary?.userMessages, 3);
  // Written on behind its last brace, it is another line.
  const lines = session.text.split("\n");
  writeFileSync(path, [...lines.slice(0, -3), `${lines.at(-3)}${lines.at(-2)}`, ""].join("\n"));
  assert.deepEqual(summarize(fileAt(path), whole).summary, summarize(fileAt(path)).summary);
});

test("a name can be cleared, and the first message is cut at 200 characters", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder();
  session.add("session_info", { name: "first" });
  session.add("session_info", { name: " " });
  session.user("😀".repeat(300));
  writeFileSync(path, session.text);
  const { summary } = summarize(fileAt(path));
  assert.equal(summary?.name, undefined);
  assert.equal(summary?.firstMessage, "😀".repeat(200));
});

test("version 1 and broken lines before the header", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const lines = [
    "{torn",
    '{"type":"session","id":"v1","timestamp":"2026-11-21T04:50:00.000Z","cwd":"/w","branchedFrom":"/p.jsonl"}',
    '{"type":"message","timestamp":"2026-11-21T04:50:01.000Z","message":{"role":"user","content":"hi"}}',
    '{"type":"message","timestamp":"2026-11-21T04:50:02.000Z","message":{"role":"toolResult","content":[]}}',
    '{"type":"message","timestamp":"2026-11-21T04:50:03.000Z","message":{"role":"user","content":"two"}}',
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  const { summary } = summarize(fileAt(path));
  assert.deepEqual(
    [summary?.version, summary?.messages, summary?.userMessages, summary?.firstMessage, summary?.brokenLines],
    [1, 3, 2, "hi", 1],
  );
  assert.equal(summary?.parentSession, "/p.jsonl");
  assert.equal(summary?.modifiedAt, START + 3000);
});

test("what isn't a session, or can't be read, has no summary and throws nothing", (t) => {
  const dir = temporaryDirectory(t);
  const contents: Record<string, string | Buffer> = {
    empty: "",
    "header half-written": '{"type":"session","id":"s',
    "header without id": '{"type":"session"}\n',
    "no header": '{"type":"message","id":"a","parentId":null,"message":{"role":"user","content":"x"}}\n',
    "other JSON": '[1,2]\n"x"\n',
    "NUL bytes": Buffer.alloc(3 * 1024 * 1024),
    "invalid UTF-8": Buffer.from([0xff, 0xfe, 0x0a, 0xc3, 0x28, 0x0a]),
  };
  for (const [name, content] of Object.entries(contents)) {
    const path = join(dir, name);
    writeFileSync(path, content);
    assert.equal(summarize(fileAt(path)).summary, undefined, name);
  }
  assert.equal(summarize(fileAt(dir)).summary, undefined, "a directory");
  const gone = summarize(fileAt(join(dir, "gone")));
  assert.equal(gone.summary, undefined);
});

test("a file that couldn't be read is tried again though it looks the same", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const file = { path, id: "s-1", size: 10, mtimeMs: 5, ino: 3 };
  const gone = summarize(file);
  writeFileSync(path, everything().text);
  assert.equal(summarize(file, gone).summary?.id, "s-1");
});

test("damaged values and messages count without spoiling the sums", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder({ timestamp: 5, cwd: 7 });
  session.assistant("x", { usage: { input: "many", output: 4, cost: null } });
  session.assistant("x", { usage: null, stopReason: 3 });
  for (const total of [1e308, 1e308, -1e308])
    session.assistant("x", { usage: { input: total, cost: { total } } });
  session.add("message", { message: null });
  session.add("compaction", {});
  writeFileSync(path, Buffer.concat([Buffer.from(session.text), Buffer.from([0, 0xff, 0x0a])]));
  const { summary } = summarize(fileAt(path));
  assert.deepEqual(summary?.tokens, { input: 0, output: 4, cacheRead: 0, cacheWrite: 0, total: 4 });
  assert.deepEqual([summary?.cost, summary?.cwd, summary?.createdAt], [0, "", 0]);
  assert.deepEqual([summary?.messages, summary?.brokenLines], [6, 1]);
});

test("lines longer than a chunk: skipped ones, parsed ones and one with usage across a chunk border", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder();
  const long = 3 * 1024 * 1024;
  session.user(`first ${"é".repeat(long)}`);
  session.tool("y".repeat(long));
  session.assistant("z".repeat(long));
  for (let shift = 0; shift < 9; shift++) {
    // Moves `"usage"` byte by byte over the end of a chunk, wherever the lines before it end.
    session.tool("w".repeat(1024 * 1024 - 230 + shift), {
      usage: usage(1, 0, 0),
      details: "d".repeat(1024 * 1024),
    });
  }
  session.user("last");
  writeFileSync(path, session.text);
  const { summary } = summarize(fileAt(path));
  assert.deepEqual([summary?.messages, summary?.userMessages, summary?.brokenLines], [13, 2, 0]);
  assert.equal(summary?.tokens.input, 19);
  assert.equal(summary?.firstMessage, `first ${"é".repeat(194)}`);
  assert.equal(summary?.modifiedAt, Date.parse(session.time()));
});

test("a torn line counts as broken though its start says what it was", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder();
  session.tool("whole");
  session.tool("torn in the middle");
  writeFileSync(path, `${session.text.slice(0, -40)}\n`);
  const { summary } = summarize(fileAt(path));
  assert.deepEqual([summary?.messages, summary?.brokenLines], [1, 1]);
});

test("an answer that names its model before its content is read whole", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  const session = new SessionBuilder();
  session.message({
    role: "assistant",
    provider: "acme",
    model: "early",
    stopReason: "stop",
    content: [],
    api: "a",
    usage: usage(1, 1, 1),
  });
  writeFileSync(path, session.text);
  const { summary } = summarize(fileAt(path));
  assert.deepEqual([summary?.model, summary?.lastStopReason, summary?.cost], ["acme/early", "stop", 1]);
});

test("a first line beyond the limit for a header is no session", (t) => {
  const path = join(temporaryDirectory(t), "t_s-1.jsonl");
  writeFileSync(path, new SessionBuilder({ extra: "x".repeat(1024 * 1024) }).text);
  assert.equal(summarize(fileAt(path)).summary, undefined);
});
