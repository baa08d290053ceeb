import assert from "node:assert/strict";
import { test } from "node:test";
import { BashStream } from "../../../../src/lib/cli/bash-stream.ts";
import type { Client } from "../../../../src/lib/client/client.ts";
import { PictlError } from "../../../../src/lib/core/errors.ts";

const OWN = "11111111-1111-4111-8111-111111111111";
const OTHER = "22222222-2222-4222-8222-222222222222";

function streamed(): { stream: BashStream; printed: string[] } {
  const printed: string[] = [];
  return { stream: new BashStream(OWN, (text) => printed.push(text)), printed };
}

const output = (seq: number, delta: string, id = "pictl-1") => ({
  type: "event" as const,
  sessionId: "s",
  seq,
  event: { type: "bash_execution_update", id, delta },
});

test("prints what the command says, and nothing else of the session", () => {
  const { stream, printed } = streamed();
  stream.record({ type: "event", sessionId: "s", seq: 7, event: { type: "message_update" } });
  stream.record(output(8, "a"));
  stream.record({ type: "state", sessionId: "s", seq: 9, state: "idle" });
  stream.record(output(10, "b"));
  assert.deepEqual([printed, stream.length, stream.missed], [["a", "b"], 2, 0]);
});

test("leaves the output of another command that names itself alone", () => {
  const { stream, printed } = streamed();
  stream.record(output(1, "other", `pictl-1-${OTHER}`));
  stream.record(output(2, "own", `pictl-2-${OWN}`));
  assert.deepEqual(printed, ["own"]);
});

test("prints nothing twice and counts what was dropped", () => {
  const { stream, printed } = streamed();
  stream.record(output(1, "a"));
  stream.record(output(3, "c"));
  stream.record(output(2, "b"));
  stream.record(output(3, "c"));
  stream.record({ type: "gap", sessionId: "s", fromSeq: 4, toSeq: 8 });
  stream.record({ type: "gap", sessionId: "s", fromSeq: 2, toSeq: 8 });
  stream.record(output(8, "h"));
  stream.record(output(9, "i"));
  assert.deepEqual([printed, stream.missed], [["a", "b", "c", "i"], 5]);
});

/** Answers `subscribe` as a daemon does whose session has told records up to `newest`. */
function daemon(newest: number, asked: (since: number | undefined) => void) {
  let close: (error: PictlError) => void = () => undefined;
  const client = {
    request: async (_type: string, { since }: { since?: number }) => {
      asked(since);
      return { sessionId: "s", seq: since ?? newest };
    },
    onClose: (listener: (error: PictlError) => void) => {
      close = listener;
      return () => undefined;
    },
  } as unknown as Client;
  return { client, close: (error: PictlError) => close(error) };
}

test("catches up with what the answer to the command has overtaken", async () => {
  const { stream, printed } = streamed();
  stream.record(output(1, "a"));
  const { client } = daemon(3, (since) => {
    if (since === undefined) stream.record(output(4, "d"));
    else
      for (const [index, text] of ["b", "c", "d"].entries()) stream.record(output(since + 1 + index, text));
  });
  await stream.catchUp(client, "s");
  assert.deepEqual(printed, ["a", "b", "c", "d"]);
});

test("asks once where nothing is left to come", async () => {
  const { stream } = streamed();
  stream.record(output(3, "c"));
  const asked: unknown[] = [];
  await stream.catchUp(daemon(3, (since) => asked.push(since)).client, "s");
  assert.deepEqual(asked, [undefined]);
});

test("doesn't wait for a daemon that has gone", async () => {
  const { stream } = streamed();
  stream.record(output(1, "a"));
  const gone = daemon(9, (since) => {
    if (since !== undefined) queueMicrotask(() => gone.close(new PictlError("DAEMON_UNREACHABLE", "gone")));
  });
  await assert.rejects(stream.catchUp(gone.client, "s"), { code: "DAEMON_UNREACHABLE" });
});
