import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { withProgress } from "../../../../src/lib/cli/progress.ts";

/** A stream that looks like a terminal, or not, and tells what was written to it. */
function fakeStream(isTTY: boolean) {
  let text = "";
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      for (const wake of waiting.splice(0)) wake();
      done();
    },
  });
  Object.assign(stream, { isTTY, columns: 80, rows: 24 });
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    text: () => text,
    async until(part: string) {
      while (!text.includes(part)) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

test("a terminal is told what takes long, and nothing stays of it", async () => {
  const { stream, text, until } = fakeStream(true);
  const work = Promise.withResolvers<number>();
  const result = withProgress("Doing it", work.promise, { stream, showAfterMs: 0 });
  await until("Doing it");
  work.resolve(7);
  assert.equal(await result, 7);
  assert.ok(text().endsWith("\u001b[?25h"), "the cursor is back");
  assert.equal(process.listenerCount("SIGINT"), 0);
});

test("what the work throws comes through", async () => {
  const { stream, until } = fakeStream(true);
  const work = Promise.withResolvers<number>();
  const result = withProgress("Doing it", work.promise, { stream, showAfterMs: 0 });
  await until("Doing it");
  work.reject(new Error("boom"));
  await assert.rejects(result, /boom/);
});

test("nothing is shown of short work, nor of any where nobody watches", async () => {
  const short = fakeStream(true);
  assert.equal(
    await withProgress("Doing it", Promise.resolve(1), { stream: short.stream, showAfterMs: 60_000 }),
    1,
  );
  assert.equal(short.text(), "");
  const piped = fakeStream(false);
  const work = new Promise<number>((resolve) => setImmediate(resolve, 2));
  assert.equal(await withProgress("Doing it", work, { stream: piped.stream, showAfterMs: 0 }), 2);
  assert.equal(piped.text(), "");
});
