import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SessionLink, withoutKnown } from "../../../../../src/lib/cli/conversation/session-link.ts";
import type { Client } from "../../../../../src/lib/client/client.ts";
import { PictlError } from "../../../../../src/lib/core/errors.ts";
import type { PushRecord } from "../../../../../src/lib/protocol/records.ts";
import { records, sessionInfo } from "./records.ts";

const userMessage = (sessionId: string, text: string): PushRecord => ({
  type: "event",
  sessionId,
  seq: 1,
  event: { type: "message_end", message: { role: "user", content: text } },
});

/** A daemon whose answers a test decides, and whose records it sends. */
function fakeClient(answers: Record<string, (params: { sessionId?: string }) => unknown>) {
  const asked: string[] = [];
  let send: (record: PushRecord) => void = () => undefined;
  const client = {
    async request(type: string, params: { sessionId?: string }) {
      asked.push(type);
      return await answers[type]?.(params);
    },
    onRecord(listener: typeof send) {
      send = listener;
      return () => undefined;
    },
  };
  return { client: client as unknown as Client, asked, send: (record: PushRecord) => send(record) };
}

describe("SessionLink", () => {
  test("records that come while the transcript is read are neither lost nor shown twice", async () => {
    const fake = fakeClient({
      get_session: ({ sessionId }) => {
        if (sessionId === undefined) return { session: sessionInfo({ id: "s1" }) };
        fake.send(userMessage("s1", "old"));
        fake.send(userMessage("s1", "new"));
        fake.send(userMessage("s2", "elsewhere"));
        const messages = [{ entryId: "e", role: "user", text: "old", timestamp: 0 }];
        return { session: sessionInfo({ id: "s1" }), messages };
      },
    });
    const link = new SessionLink(fake.client, () => undefined);
    assert.equal(await link.open({ cwd: "/work" }), true);
    fake.send(userMessage("s1", "later"));
    const texts = link.conversation.blocks.map((block) => (block.kind === "user" ? block.text : block.kind));
    assert.deepEqual(texts, ["old", "new", "later"]);
    assert.deepEqual(fake.asked, ["get_session", "subscribe", "get_session"]);
  });

  test("a directory without a session is an empty conversation, a name without one an error", async () => {
    const missing = () => {
      throw new PictlError("SESSION_NOT_FOUND", "none");
    };
    const link = new SessionLink(fakeClient({ get_session: missing }).client, () => undefined);
    assert.equal(await link.open({ cwd: "/work" }), false);
    await assert.rejects(link.open({ sessionId: "x" }), { code: "SESSION_NOT_FOUND" });
  });

  test("a session that a prompt makes is known by its turn, before the daemon has answered", () => {
    const fake = fakeClient({});
    const link = new SessionLink(fake.client, () => undefined);
    link.expect("t1");
    fake.send(userMessage("s9", "of another"));
    fake.send({ type: "state", sessionId: "s1", seq: 1, state: "starting" });
    fake.send({ type: "turn", sessionId: "s1", seq: 2, turn: { id: "t1", state: "started" } });
    assert.equal(link.sessionId, "s1");
    assert.equal(link.conversation.turnId, "t1");
    assert.equal(link.conversation.state, "starting");
    assert.deepEqual(link.conversation.blocks, []);
  });
});

test("withoutKnown drops a known message with its pieces, and a tool that has its result", () => {
  const known = [
    { entryId: "a", role: "assistant" as const, text: "said", timestamp: 0 },
    { entryId: "t", role: "tool" as const, text: "out", toolCallId: "c1", timestamp: 0 },
  ];
  const rest = withoutKnown(
    records(
      { type: "text", text: "sa" },
      { type: "text", text: "id" },
      { type: "message", role: "assistant", text: "said" },
      { type: "tool", id: "c1", name: "x", state: "completed" },
      { type: "tool", id: "c2", name: "x", state: "started" },
      { type: "text", text: "more" },
    ),
    known,
  );
  assert.deepEqual(
    rest.map(({ type }) => type),
    ["tool", "text"],
  );
});
