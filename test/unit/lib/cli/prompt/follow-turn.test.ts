import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { Deadline } from "../../../../../src/lib/cli/deadline.ts";
import { type FollowedTurn, followTurn } from "../../../../../src/lib/cli/prompt/follow-turn.ts";
import type { Client } from "../../../../../src/lib/client/client.ts";
import { PictlError } from "../../../../../src/lib/core/errors.ts";
import type { PushRecord } from "../../../../../src/lib/protocol/records.ts";
import type { RequestParams } from "../../../../../src/lib/protocol/requests.ts";
import type { Turn } from "../../../../../src/lib/protocol/session.ts";

/** Plays the connection: a test answers its requests and sends its records. */
class FakeClient {
  readonly requests: {
    type: string;
    params: Record<string, unknown>;
    resolve: (data: unknown) => void;
    reject: (error: Error) => void;
  }[] = [];
  record: (record: PushRecord) => void = () => undefined;
  close: (error: PictlError) => void = () => undefined;
  listening = 0;

  request(type: string, params: Record<string, unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => this.requests.push({ type, params, resolve, reject }));
  }

  onRecord(listener: (record: PushRecord) => void): () => void {
    this.record = listener;
    this.listening += 1;
    return () => {
      this.listening -= 1;
    };
  }

  onClose(listener: (error: PictlError) => void): () => void {
    this.close = listener;
    return () => undefined;
  }

  last() {
    const request = this.requests.at(-1);
    if (request === undefined) throw new Error("nothing was asked");
    return request;
  }
}

describe("followTurn", () => {
  let client: FakeClient;
  let interrupt: AbortController;
  let shown: PushRecord[];
  let queued: number[];
  let following: Promise<FollowedTurn>;

  beforeEach(() => {
    client = new FakeClient();
    interrupt = new AbortController();
    shown = [];
    queued = [];
  });

  function follow(timeoutMs?: number, target: Partial<RequestParams<"prompt">> = {}): void {
    following = followTurn(client as unknown as Client, {
      params: { ...target, message: "go", turnId: "t1" },
      deadline: timeoutMs === undefined ? undefined : new Deadline(timeoutMs, performance.now()),
      interrupt: interrupt.signal,
      onRecord: (record) => shown.push(record),
      onQueued: (ahead) => queued.push(ahead),
    });
  }

  function turn(id: string, state: Turn["state"], more: Partial<Turn> = {}): void {
    client.record({ type: "turn", sessionId: "s", seq: 1, turn: { id, state, ...more } });
  }

  function event(type: string): void {
    client.record({ type: "event", sessionId: "s", seq: 1, event: { type } });
  }

  function accept(disposition = "started", turnId = "t1"): void {
    client.requests[0]?.resolve({ sessionId: "s", turnId, disposition, created: false });
  }

  async function untilAsked(type: string, params?: object): Promise<void> {
    while (
      client.last().type !== type ||
      (params !== undefined && !isDeepStrictEqual(client.last().params, params))
    )
      await new Promise(setImmediate);
  }

  async function ended(): Promise<FollowedTurn> {
    const result = await following;
    assert.equal(client.listening, 0, "the listener must go");
    return result;
  }

  test("subscribes with the prompt, and shows its own turn from start to end and nothing else", async () => {
    follow();
    assert.equal(client.last().params.subscribe, true);
    event("of the turn before");
    turn("t1", "queued", { ahead: 2 });
    turn("other", "ended", { outcome: "failed" });
    turn("t1", "started");
    event("mine");
    accept();
    turn("t1", "ended", { outcome: "completed", text: "hi" });
    event("of the next turn");
    const result = await ended();
    assert.deepEqual(
      shown.map((record) => (record.type === "event" ? record.event.type : record.type)),
      ["turn", "turn", "mine", "turn"],
    );
    assert.deepEqual(queued, [2]);
    assert.deepEqual([result.error, result.turn?.text, result.accepted?.turnId], [undefined, "hi", "t1"]);
  });

  const outcomes: [Partial<Turn>, string | undefined, number][] = [
    [{ outcome: "handled" }, undefined, 0],
    [{ outcome: "failed", error: { code: "TURN_FAILED", message: "529" } }, "TURN_FAILED", 6],
    [{ outcome: "truncated", error: { code: "TURN_TRUNCATED", message: "cut" } }, "TURN_TRUNCATED", 6],
    [{ outcome: "failed", error: { code: "QUESTION_UNANSWERED", message: "?" } }, "QUESTION_UNANSWERED", 5],
    [{ outcome: "failed", error: { code: "CODE_OF_THE_FUTURE", message: "m" } }, "TURN_FAILED", 6],
    [{ outcome: "died" }, "TURN_FAILED", 6],
    [{ outcome: "aborted", abortedBy: 99, error: { code: "TURN_ABORTED", message: "m" } }, "TURN_ABORTED", 6],
  ];
  for (const [fields, code, exitCode] of outcomes) {
    test(`${fields.outcome} ${fields.error?.code ?? ""} ends with ${code ?? "no error"}`, async () => {
      follow();
      accept();
      turn("t1", "started");
      turn("t1", "ended", fields);
      const { error } = await ended();
      assert.equal(error?.code, code);
      assert.equal(error?.exitCode ?? 0, exitCode);
      if (fields.abortedBy !== undefined)
        assert.match(error?.message ?? "", /aborted from elsewhere \(by process 99\)/);
    });
  }

  test("a refusal and the end of the connection are the error", async () => {
    follow();
    client.requests[0]?.reject(new PictlError("SESSION_BUSY", "busy"));
    assert.equal((await ended()).error?.code, "SESSION_BUSY");
    client = new FakeClient();
    follow();
    accept();
    client.close(new PictlError("DAEMON_UNREACHABLE", "gone"));
    assert.equal((await ended()).error?.exitCode, 9);
  });

  test("handed to a running turn, it follows that one", async () => {
    follow();
    accept("queued", "t0");
    await Promise.resolve();
    event("of t0");
    turn("t0", "ended", { outcome: "completed", text: "both" });
    const result = await ended();
    assert.equal(result.turn?.text, "both");
    assert.equal(shown.length, 2);
  });

  test("an interrupt aborts just this turn, shows how it ended and gives queued texts back", async () => {
    follow();
    accept();
    turn("t1", "started");
    await new Promise(setImmediate);
    interrupt.abort();
    await new Promise(setImmediate);
    assert.deepEqual([client.last().type, client.last().params], ["abort", { sessionId: "s", turnId: "t1" }]);
    turn("t1", "ended", { outcome: "aborted", text: "so far" });
    client.last().resolve({ aborted: true, steering: ["a"], followUp: ["b"] });
    const result = await ended();
    assert.deepEqual([result.interrupted, result.turn?.text, result.givenBack], [true, "so far", ["a", "b"]]);
    assert.equal(result.error?.code, "TURN_ABORTED");
  });

  test("a time limit aborts the turn and ends with 3", async () => {
    follow(1);
    accept();
    turn("t1", "started");
    await untilAsked("abort");
    turn("t1", "ended", { outcome: "aborted", text: "so far" });
    client.last().resolve({ aborted: true, steering: [], followUp: [] });
    const result = await ended();
    assert.deepEqual([result.interrupted, result.error?.code, result.error?.exitCode], [false, "TIMEOUT", 3]);
    assert.equal(result.turn?.text, "so far");
    assert.match(result.error?.message ?? "", /and was aborted\.$/);
  });

  test("before the session is known, the abort names it as the prompt did, and then by its id", async () => {
    follow(1, { sessionId: "review", cwd: "/w" });
    await untilAsked("abort");
    assert.deepEqual(client.last().params, { sessionId: "review", cwd: "/w", turnId: "t1" });
    client.last().resolve({ aborted: false, steering: [], followUp: [] });
    await new Promise(setImmediate);
    client.record({ type: "state", sessionId: "s", seq: 1, state: "starting" });
    await untilAsked("abort", { sessionId: "s", turnId: "t1" });
    client.last().resolve({ aborted: true, steering: [], followUp: [] });
    await new Promise(setImmediate);
    client.requests[0]?.reject(new PictlError("TURN_ABORTED", "before its turn began"));
    assert.match((await ended()).error?.message ?? "", /and was aborted\.$/);
  });

  test("a new session is aborted once the daemon has named it", async () => {
    follow(1, { cwd: "/w", fresh: true });
    await delay(20);
    assert.equal(client.last().type, "prompt");
    client.record({ type: "state", sessionId: "s", seq: 1, state: "starting" });
    await untilAsked("abort", { sessionId: "s", turnId: "t1" });
    turn("t1", "ended", { outcome: "aborted" });
    client.last().resolve({ aborted: true, steering: [], followUp: [] });
    assert.equal((await ended()).error?.code, "TIMEOUT");
  });

  test("an end that the daemon doesn't confirm is not told as an abort", async () => {
    follow(1);
    accept();
    await untilAsked("abort");
    client.last().resolve({ aborted: false, steering: [], followUp: [] });
    const { error } = await ended();
    assert.match(error?.message ?? "", /did not end within 0\.001 s and may still run/);
    assert.match(error?.hint ?? "", /session abort/);
  });

  test("a turn that ends by itself just before the abort has ended as it did", async () => {
    follow(1);
    accept();
    await untilAsked("abort");
    turn("t1", "ended", { outcome: "completed", text: "all" });
    client.last().resolve({ aborted: false, steering: [], followUp: [] });
    const result = await ended();
    assert.deepEqual([result.error, result.turn?.text], [undefined, "all"]);
  });
});
