import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { beforeEach, describe, test } from "node:test";
import { type AgentRecord, RpcChannel } from "../../src/lib/agent/rpc-channel.ts";
import { PictlError } from "../../src/lib/core/errors.ts";
import { type Json, RecordReader } from "../support/streams.ts";

describe("RpcChannel over in-memory streams", () => {
  let toAgent: PassThrough;
  let fromAgent: PassThrough;
  let sent: RecordReader;
  let channel: RpcChannel;
  let records: { record: AgentRecord; raw: string }[];
  let garbage: string[];
  let failures: PictlError[];

  beforeEach(() => {
    toAgent = new PassThrough();
    fromAgent = new PassThrough();
    sent = new RecordReader(toAgent);
    records = [];
    garbage = [];
    failures = [];
    channel = new RpcChannel(toAgent, fromAgent, {
      onRecord: (record, raw) => records.push({ record, raw: raw.toString() }),
      onGarbage: (line) => garbage.push(line),
      onFailure: (error) => failures.push(error),
    });
  });

  /** Gives the channel these lines in one chunk and waits until it has taken them. */
  async function say(...lines: (Json | string)[]): Promise<void> {
    const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
    const taken = once(fromAgent, "data");
    fromAgent.write(`${text}\n`);
    await taken;
  }

  function answer(command: Json, data: unknown): Json {
    return { type: "response", id: command.id, command: command.type, success: true, data };
  }

  test("each answer goes to its own request, in whatever order they come", async () => {
    const first = channel.request({ type: "get_state" });
    const second = channel.request({ type: "get_messages" });
    const [a, b] = [await sent.record(), await sent.record()];
    assert.equal(a.type, "get_state");
    assert.notEqual(a.id, b.id);
    await say(answer(b, "two"), answer(a, "one"));
    assert.equal((await first).data, "one");
    assert.equal((await second).data, "two");
  });

  test("a caller's own id doesn't replace the channel's", async () => {
    const response = channel.request({ type: "bash", id: "mine", command: "ls" });
    const command = await sent.record();
    assert.notEqual(command.id, "mine");
    await say(answer(command, 1));
    assert.equal((await response).data, 1);
  });

  test("an event with the id of a command is an event", async () => {
    const response = channel.request({ type: "bash", command: "ls" });
    const command = await sent.record();
    await say({ type: "bash_execution_update", id: command.id, output: "a" }, answer(command, "done"));
    assert.equal((await response).data, "done");
    assert.deepEqual(
      records.map(({ record }) => record.type),
      ["bash_execution_update"],
    );
  });

  test("an answer that nobody waits for is dropped, and one without an id settles nothing", async () => {
    const response = channel.request({ type: "get_state" });
    const command = await sent.record();
    await say(
      { ...answer(command, "stray"), id: "other" },
      { type: "response", command: "parse", success: false },
      answer(command, "own"),
    );
    assert.equal((await response).data, "own");
    assert.deepEqual([records, garbage], [[], []]);
  });

  test("records come with their text unchanged", async () => {
    const lines = [
      '{ "type": "message_end", "text": "a\u2028b", "n": 1.0 }',
      '{"type":"message_update","assistantMessageEvent":{"type":"text_delta"}}',
    ];
    await say(...lines);
    assert.deepEqual(
      records.map(({ raw }) => raw),
      lines,
    );
    assert.deepEqual(
      records.map(({ record }) => record.type),
      ["message_end", "message_update"],
    );
    assert.equal(records[0]?.record.text, "a\u2028b");
  });

  test("what isn't a record is garbage and disturbs nothing", async () => {
    const lines = [
      "warning: something",
      "[1,2]",
      "null",
      '{"no":"type"}',
      '{"type":5}',
      '{"type":"message_update","cut',
    ];
    await say(...lines, { type: "agent_start" });
    assert.deepEqual(garbage, lines);
    assert.deepEqual(
      records.map(({ record }) => record.type),
      ["agent_start"],
    );
  });

  test("half a line at the end of the stream is no record", async () => {
    const response = channel.request({ type: "get_state" });
    const command = await sent.record();
    fromAgent.end(JSON.stringify(answer(command, 1)));
    await once(fromAgent, "end");
    channel.close(new PictlError("AGENT_DIED", "gone"));
    await assert.rejects(response, { code: "AGENT_DIED" });
    assert.deepEqual([records, garbage], [[], []]);
  });

  test("onResponse runs before the records behind the response in the same chunk", async () => {
    const order: string[] = [];
    const seen = new RpcChannel(toAgent, fromAgent, {
      onRecord: (record) => order.push(record.type),
      onGarbage: () => undefined,
      onFailure: () => undefined,
    });
    const response = seen.request({ type: "prompt" }, { onResponse: () => order.push("response") });
    const command = await sent.record();
    await say({ type: "before" }, answer(command, null), { type: "agent_start" });
    await response;
    assert.deepEqual(order, ["before", "response", "agent_start"]);
  });

  test("close fails every waiting request and every later one with its reason", async () => {
    const waiting = [channel.request({ type: "get_state" }), channel.request({ type: "compact" })];
    const reason = new PictlError("AGENT_DIED", "the reason");
    channel.close(reason);
    channel.close(new PictlError("AGENT_DIED", "another reason"));
    for (const each of [...waiting, channel.request({ type: "abort" })]) await assert.rejects(each, reason);
    channel.notify({ type: "extension_ui_response" });
    await say({ type: "agent_start" });
    assert.deepEqual(records, []);
  });

  test("a request that isn't answered in time fails, and its late answer is dropped", async () => {
    const late = channel.request({ type: "get_state" }, { timeoutMs: 1 });
    const command = await sent.record();
    await assert.rejects(late, { code: "AGENT_TIMEOUT", retryable: true, message: /get_state within 1 ms/ });
    await say(answer(command, 1));
    const next = channel.request({ type: "get_state" }, { timeoutMs: 60_000 });
    const second = await sent.record();
    await say(answer(second, 2));
    assert.equal((await next).data, 2);
    assert.deepEqual(garbage, []);
  });

  test("notify sends a record with its own id and waits for nothing", async () => {
    channel.notify({ type: "extension_ui_response", id: "dialog-1", cancelled: true });
    assert.deepEqual(await sent.record(), { type: "extension_ui_response", id: "dialog-1", cancelled: true });
  });

  test("a stream that breaks fails the requests once and is told once", async () => {
    const waiting = channel.request({ type: "get_state" });
    toAgent.emit("error", new Error("EPIPE"));
    fromAgent.emit("error", new Error("ECONNRESET"));
    await assert.rejects(waiting, { code: "AGENT_DIED", message: /writing to the agent failed: EPIPE/ });
    assert.equal(failures.length, 1);
  });
});
