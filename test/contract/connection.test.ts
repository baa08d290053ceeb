import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { PictlError } from "../../src/lib/core/errors.ts";
import type { Logger } from "../../src/lib/core/logger.ts";
import { Connection } from "../../src/lib/daemon/connection.ts";
import { EventLog } from "../../src/lib/session/event-log.ts";
import { Subscribers } from "../../src/lib/session/subscribers.ts";
import { RecordReader } from "../support/streams.ts";

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const LIMIT = 1000;

describe("Connection", () => {
  let dir: string;
  let server: Server;
  let near: Socket;
  let far: Socket;
  let connection: Connection;
  let frames: string[];
  let closed: Promise<void>;
  let onFrame: (frame: string) => void;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "pictl-connection-"));
    server = createServer().listen(join(dir, "s"));
    await once(server, "listening");
    const accepted = once(server, "connection") as Promise<[Socket]>;
    far = connect(join(dir, "s"));
    far.on("error", () => undefined);
    [near] = await accepted;
    connection = new Connection(near, LIMIT, SILENT);
    frames = [];
    onFrame = (frame) => frames.push(frame);
    closed = new Promise((resolve) => connection.listen((frame) => onFrame(frame), resolve));
  });

  afterEach(async () => {
    far.destroy();
    near.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true, force: true });
  });

  test("answers with data, with nothing, and with an error in the one shape", async () => {
    const reader = new RecordReader(far);
    connection.respond({ id: "1", command: "a", data: { n: 1 } });
    connection.respond({ command: "b" });
    connection.respond({
      id: "3",
      command: "c",
      error: new PictlError("SESSION_BUSY", "m", { hint: "h", retryable: true }),
    });
    connection.respond({ id: "4", command: "d", error: new TypeError("oops") });
    const protocolVersion = "1.0";
    assert.deepEqual(await reader.record(), {
      id: "1",
      type: "response",
      command: "a",
      success: true,
      data: { n: 1 },
      protocolVersion,
    });
    assert.deepEqual(await reader.record(), {
      type: "response",
      command: "b",
      success: true,
      protocolVersion,
    });
    assert.deepEqual(await reader.record(), {
      id: "3",
      type: "response",
      command: "c",
      success: false,
      protocolVersion,
      error: { code: "SESSION_BUSY", message: "m", hint: "h", retryable: true },
    });
    assert.equal(((await reader.record()).error as { code: string }).code, "INTERNAL");
  });

  test("a frame over the limit is answered once, and nothing behind it is taken", async () => {
    const reader = new RecordReader(far);
    far.write(`${"x".repeat(LIMIT + 1)}`);
    const answered = once(near, "data").then(() => near.emit("data", Buffer.from('\n{"b":2}\n')));
    const answer = await reader.record();
    assert.equal((answer.error as { code: string }).code, "MESSAGE_TOO_LARGE");
    assert.equal(await reader.next(), undefined);
    await Promise.all([closed, answered]);
    assert.deepEqual(frames, []);
  });

  test("a client that doesn't read pauses its subscription, and has every record once it reads", async () => {
    const log = new EventLog("s");
    const subscribers = new Subscribers("s", log);
    subscribers.add(connection);
    const event = JSON.stringify({ type: "x", text: "x".repeat(100_000) });
    const count = 100;
    for (let i = 0; i < count; i++) {
      log.appendEvent(Buffer.from(event));
      subscribers.flush();
    }
    assert.ok(near.writableLength < 5_000_000, `${near.writableLength} bytes wait in memory`);
    const reader = new RecordReader(far);
    for (let seq = 1; seq <= count; seq++) assert.equal((await reader.record()).seq, seq);
  });

  test("takes nothing more from a client that doesn't read, and everything in order once it reads", async () => {
    const taken: number[] = [];
    onFrame = (frame) => {
      taken.push(Number(frame));
      connection.respond({ id: frame, command: "x", data: "x".repeat(1_000_000) });
    };
    const count = 100;
    far.write(Array.from({ length: count }, (_, i) => `${i}\n`).join(""));
    await once(near, "data");
    await once(far, "readable");
    assert.ok(taken.length < 25, `${taken.length} answered, none of them read`);
    assert.ok(near.writableLength < 25_000_000);
    const reader = new RecordReader(far);
    for (let i = 0; i < count; i++) assert.equal((await reader.record()).id, String(i));
    assert.deepEqual(taken, [...Array(count).keys()]);
  });

  test("end sends what was written before it closes", async () => {
    const reader = new RecordReader(far);
    connection.send({ type: "server_shutdown" });
    connection.end();
    assert.deepEqual(await reader.record(), { type: "server_shutdown" });
    await closed;
  });
});
