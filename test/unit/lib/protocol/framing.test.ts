import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encodeFrame, FrameDecoder } from "../../../../src/lib/protocol/framing.ts";

const LIMIT = 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that are still referred to. */
function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe("encodeFrame", () => {
  test("a record is one line whatever its strings hold", () => {
    const record = { text: "a\nb\r\nc\u2028d\u2029e" };
    const frame = encodeFrame(record);
    assert.equal(frame.indexOf("\n"), frame.length - 1);
    assert.deepEqual(JSON.parse(frame), record);
  });
});

describe("FrameDecoder", () => {
  test("ends frames at LF only: U+2028, U+2029 and CR stay inside", () => {
    const text = '{"text":"a\u2028b\u2029c\u0085d\re\vf"}';
    assert.deepEqual(new FrameDecoder(LIMIT).push(Buffer.from(`${text}\n`)), [text]);
  });

  test("takes CRLF and drops empty lines", () => {
    assert.deepEqual(new FrameDecoder(LIMIT).push(Buffer.from("one\r\n\n\r\ntwo\n")), ["one", "two"]);
  });

  test("gives the same frames wherever the stream is cut, also within a character and within CRLF", () => {
    const frames = ['{"text":"zwölf €uro 😀"}', '{"text":"a\u2028b"}', "3"];
    const bytes = Buffer.from(`${frames.join("\r\n")}\n`);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = new FrameDecoder(LIMIT);
      const got = [...decoder.push(bytes.subarray(0, cut)), ...decoder.push(bytes.subarray(cut))];
      assert.deepEqual(got, frames, `cut at ${cut}`);
    }
    const decoder = new FrameDecoder(LIMIT);
    const bytewise = [...bytes].flatMap((byte) => decoder.push(Buffer.from([byte])));
    assert.deepEqual(bytewise, frames);
  });

  test("keeps the half of a frame for the end of the stream", () => {
    const decoder = new FrameDecoder(LIMIT);
    assert.deepEqual(decoder.push(Buffer.from('{"a":1}\n{"b"')), ['{"a":1}']);
    assert.equal(decoder.end(), '{"b"');
    assert.equal(decoder.end(), undefined);
    assert.equal(new FrameDecoder(LIMIT).end(), undefined);
  });

  test("takes a frame of exactly the limit and refuses one byte more", () => {
    const exact = "x".repeat(LIMIT);
    assert.deepEqual(new FrameDecoder(LIMIT).push(Buffer.from(`${exact}\n`)), [exact]);
    assert.throws(() => new FrameDecoder(LIMIT).push(Buffer.from(`${exact}x\n`)), {
      code: "MESSAGE_TOO_LARGE",
      exitCode: 8,
    });
  });

  test("keeps single bytes together: a buffer of each would take a hundred times as much", () => {
    const count = 300_000;
    const decoder = new FrameDecoder(2 * count);
    const before = memoryInUse();
    for (let i = 0; i < count; i++) decoder.push(Buffer.from([0x61 + (i % 26)]));
    const grown = memoryInUse() - before;
    assert.ok(grown < 20_000_000, `${grown} bytes for ${count}`);
    const [frame = ""] = decoder.push(Buffer.from("\n"));
    assert.equal(frame.length, count);
    assert.equal(frame.slice(0, 28), "abcdefghijklmnopqrstuvwxyzab");
  });

  test("counts bytes and not characters", () => {
    const euros = "€".repeat(LIMIT / 2);
    assert.throws(() => new FrameDecoder(LIMIT).push(Buffer.from(`${euros}\n`)), {
      code: "MESSAGE_TOO_LARGE",
    });
  });

  test("refuses a peer that never sends LF before its bytes exceed the limit", () => {
    const decoder = new FrameDecoder(LIMIT);
    const chunk = Buffer.alloc(100, "x");
    let taken = 0;
    assert.throws(
      () => {
        for (; taken <= 2 * LIMIT; taken += chunk.length) decoder.push(chunk);
      },
      { code: "MESSAGE_TOO_LARGE" },
    );
    assert.ok(taken <= LIMIT, `${taken} bytes were kept`);
  });
});
