import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Client } from "../../src/lib/client/client.ts";
import type { PictlError } from "../../src/lib/core/errors.ts";
import { encodeFrame } from "../../src/lib/protocol/framing.ts";
import { PROTOCOL_VERSION } from "../../src/lib/protocol/version.ts";
import { type Json, RecordReader } from "../support/streams.ts";

const READY = {
  type: "server_ready",
  data: {
    version: "9.9.9",
    protocolVersion: PROTOCOL_VERSION,
    build: "b",
    pid: 1,
    busy: false,
    maxMessageBytes: 1000,
  },
};

describe("Client against a server that a test plays", () => {
  let dir: string;
  let path: string;
  let server: Server;
  let sockets: Socket[];
  let clients: Client[];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "pictl-client-"));
    path = join(dir, "s");
    sockets = [];
    clients = [];
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
    });
    server.listen(path);
    await once(server, "listening");
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true, force: true });
  });

  /** A client whose connection was greeted, and the server's end of it. */
  async function connect(
    ...behind: Json[]
  ): Promise<{ client: Client; socket: Socket; requests: RecordReader }> {
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const connecting = Client.connect(path);
    const [socket] = await accepted;
    const requests = new RecordReader(socket);
    socket.write([READY, ...behind].map(encodeFrame).join(""));
    return { client: track(await connecting), socket, requests };
  }

  function track(client: Client | undefined): Client {
    if (client === undefined) throw new Error("nobody listens");
    clients.push(client);
    return client;
  }

  function respond(socket: Socket, request: Json, fields: Json): void {
    const { id, type } = request;
    const body = {
      id,
      type: "response",
      command: type,
      success: !("error" in fields),
      protocolVersion: PROTOCOL_VERSION,
    };
    socket.write(encodeFrame({ ...body, ...fields }));
  }

  test("nobody there is no error: there is no daemon yet", async () => {
    assert.equal(await Client.connect(join(dir, "nothing")), undefined);
  });

  test("a connection that closes before a word counts as no daemon", async () => {
    server.once("connection", (socket: Socket) => socket.destroy());
    assert.equal(await Client.connect(path), undefined);
  });

  test("something else at the socket is told apart", async () => {
    server.once("connection", (socket: Socket) => socket.write("220 mail.example ESMTP\r\n"));
    await assert.rejects(Client.connect(path), {
      code: "DAEMON_UNREACHABLE",
      message: /something else answers/,
    });
  });

  test("a greeting in two pieces is a greeting", async () => {
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const connecting = Client.connect(path);
    const [socket] = await accepted;
    const frame = encodeFrame(READY);
    socket.write(frame.slice(0, 20));
    // Two writes make two reads only when the first has been read: some turns of the event loop later.
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    socket.write(frame.slice(20));
    assert.equal(track(await connecting).server.version, "9.9.9");
  });

  test("a record that begins in the greeting's chunk is not lost", async () => {
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const connecting = Client.connect(path);
    const [socket] = await accepted;
    const requests = new RecordReader(socket);
    const record = encodeFrame({ type: "state", sessionId: "s", seq: 1, state: "idle" });
    socket.write(encodeFrame(READY) + record.slice(0, 25));
    const client = track(await connecting);
    const seen = new Promise((resolve) => client.onRecord(resolve));
    const asked = client.request("get_daemon_status", {});
    const request = await requests.record();
    socket.write(record.slice(25));
    respond(socket, request, { data: {} });
    await asked;
    assert.deepEqual(await Promise.race([seen, Promise.resolve("nothing")]), JSON.parse(record));
  });

  test("introduces itself with the environment, and answers go to their own requests", async () => {
    const { client, socket, requests } = await connect();
    client.introduce("1.2.3", { KEY: "value" });
    const ready = await requests.record();
    assert.equal(ready.type, "client_ready");
    const { umask, limits, ...data } = ready.data as Record<string, unknown>;
    assert.deepEqual(data, {
      version: "1.2.3",
      protocolVersion: PROTOCOL_VERSION,
      pid: process.pid,
      environment: { KEY: "value" },
    });
    assert.equal(umask, process.umask());
    // Only Linux says what they are.
    assert.equal(typeof limits, process.platform === "linux" ? "object" : "undefined");
    const first = client.request("clone", { sessionId: "a" });
    const second = client.command("get_state", { sessionId: "b" });
    const [a, b] = [await requests.record(), await requests.record()];
    assert.deepEqual({ ...a, id: 0 }, { id: 0, type: "clone", sessionId: "a" });
    respond(socket, b, { data: { n: 2 } });
    respond(socket, a, { data: { sessionId: "c" } });
    assert.deepEqual(await first, { sessionId: "c" });
    assert.deepEqual(await second, { n: 2 });
  });

  test("a refusal arrives as the error that the daemon threw", async () => {
    const { client, socket, requests } = await connect();
    const asked = client.request("clone", { sessionId: "a" });
    const error = {
      code: "SESSION_NOT_FOUND",
      message: "no a",
      hint: "look",
      details: { a: 1 },
      retryable: false,
    };
    respond(socket, await requests.record(), { error });
    await assert.rejects(asked, { code: "SESSION_NOT_FOUND", exitCode: 4, message: "no a", hint: "look" });
  });

  test("a code from a newer daemon becomes INTERNAL with the code in its details", async () => {
    const { client, socket, requests } = await connect();
    const asked = client.request("clone", { sessionId: "a" });
    respond(socket, await requests.record(), { error: { code: "NEW_LIMIT", message: "m", retryable: true } });
    await assert.rejects(asked, (error: PictlError) => {
      assert.equal(error.code, "INTERNAL");
      assert.equal(error.message, "m");
      assert.deepEqual(error.details, { code: "NEW_LIMIT" });
      return true;
    });
  });

  test("a request over the daemon's limit is refused before a byte of it is sent", async () => {
    const { client, socket, requests } = await connect();
    const big = client.request("prompt", { message: "€".repeat(400) });
    await assert.rejects(big, { code: "MESSAGE_TOO_LARGE", exitCode: 8 });
    const asked = client.request("get_daemon_status", {});
    const request = await requests.record();
    assert.equal(request.type, "get_daemon_status");
    respond(socket, request, { data: {} });
    await asked;
  });

  test("the end of the connection fails every waiting request, every later one, and tells the listener", async () => {
    const { client, socket, requests } = await connect();
    const closed = new Promise<PictlError>((resolve) => client.onClose(resolve));
    const waiting = [client.request("clone", {}), client.request("get_daemon_status", {})];
    await requests.record();
    socket.destroy();
    for (const each of waiting)
      await assert.rejects(each, { code: "DAEMON_UNREACHABLE", exitCode: 9, retryable: true });
    assert.equal((await closed).code, "DAEMON_UNREACHABLE");
    await assert.rejects(client.request("clone", {}), { code: "DAEMON_UNREACHABLE" });
  });

  test("what was sent before it closes is read, also by a daemon that writes first", async () => {
    const { client, socket, requests } = await connect();
    socket.pause();
    const ended = once(socket, "end");
    const answer = client.request("abort", { sessionId: "a" }).catch(({ code }: PictlError) => code);
    client.close();
    await assert.rejects(client.request("get_daemon_status", {}), { code: "DAEMON_UNREACHABLE" });
    await new Promise((resolve) => socket.write(encodeFrame({ type: "idle" }), resolve));
    socket.resume();
    assert.equal((await requests.next())?.type, "abort");
    await ended;
    assert.equal(await answer, "DAEMON_UNREACHABLE");
  });

  test("the reason of a shutdown stands in the error", async () => {
    const { client, socket, requests } = await connect();
    const waiting = client.request("clone", {});
    await requests.record();
    socket.end(encodeFrame({ type: "server_shutdown", data: { reason: "SIGTERM" } }));
    await assert.rejects(waiting, { code: "DAEMON_UNREACHABLE", message: /it is stopping \(SIGTERM\)/ });
  });

  test("an error that answers no request ends the connection with that error", async () => {
    const { client, socket, requests } = await connect();
    const waiting = client.request("clone", {});
    await requests.record();
    respond(
      socket,
      { type: "client_ready" },
      { error: { code: "PROTOCOL_MISMATCH", message: "2.0", retryable: false } },
    );
    await assert.rejects(waiting, { code: "PROTOCOL_MISMATCH" });
  });

  test("records reach every listener in order until it ends; lines that are none are passed over", async () => {
    const { client, socket, requests } = await connect();
    const [kept, ended]: [Json[], Json[]] = [[], []];
    client.onRecord((record) => kept.push(record));
    const stop = client.onRecord((record) => {
      ended.push(record);
      stop();
    });
    const asked = client.request("get_daemon_status", {});
    const request = await requests.record();
    const record = (seq: number) => ({ type: "state", sessionId: "s", seq, state: "idle" });
    socket.write(`${encodeFrame(record(1))}garbage\n5\n${encodeFrame(record(2))}`);
    respond(socket, request, { data: {} });
    await asked;
    assert.deepEqual(kept, [record(1), record(2)]);
    assert.deepEqual(ended, [record(1)]);
  });
});
