import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Gate } from "../../src/lib/sandbox/gate/gate.ts";
import { connectTo, ended, listen, providerAt, sendRaw, startGate, startUpstream } from "../support/gate.ts";

/** More than the buffers on the way hold, so that the last bytes wait when the host has closed already. */
const SIZE = 20_000_000;
const CONNECTED = "HTTP/1.1 200 Connection Established\r\n\r\n";

/** A gate that lets one port of loopback be reached, under a name that only its resolver knows. */
async function startNamed(t: TestContext, port: number, addresses: string[] = ["127.0.0.1"]) {
  return await startGate(t, {
    network: { kind: "hosts", allow: [{ host: "service.internal", port }] },
    lookup: async () => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
  });
}

async function openTunnel(t: TestContext, port: number, authority: string): Promise<Socket> {
  const socket = connectTo(t, port);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const [chunk] = await once(socket, "data");
  assert.equal(String(chunk), CONNECTED);
  return socket;
}

test("a tunnel to an allowed host passes bytes both ways, keeps half-closed sides, and is logged", async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let got = "";
    socket.on("data", (chunk) => {
      got += chunk;
    });
    // The answer begins when the client has ended its side.
    socket.on("end", () => socket.end(`${got}!`.repeat(SIZE / 5)));
  });
  const target = await listen(t, server);
  const { port, recorded } = await startNamed(t, target);
  const socket = await openTunnel(t, port, `service.internal:${target}`);
  socket.end("ping");
  let length = 0;
  for await (const chunk of socket) {
    length += (chunk as Buffer).length;
    // A reader slower than the host.
    await nextTurn();
  }
  assert.equal(length, SIZE);
  const [record] = await recorded(1);
  assert.deepEqual(
    [
      record?.method,
      record?.host,
      record?.port,
      record?.address,
      record?.verdict,
      record?.bytesIn,
      record?.bytesOut,
    ],
    ["CONNECT", "service.internal", target, "127.0.0.1", "allowed", SIZE, 4],
  );
});

test("a proxy request to an allowed host goes on without what is meant for the proxy", async (t) => {
  const upstream = await startUpstream(t);
  const { port } = await startNamed(t, upstream.port);
  const request = get({
    host: "127.0.0.1",
    port,
    path: `http://service.internal:${upstream.port}/a/../b?c`,
    headers: {
      host: `service.internal:${upstream.port}`,
      "proxy-authorization": "Basic eA==",
      connection: "x-hop",
      "x-hop": "1",
      authorization: "the client's own",
    },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
  const [seen] = upstream.requests;
  assert.equal(seen?.url, "/a/../b?c");
  assert.equal(seen?.headers.authorization, "the client's own");
  assert.equal(seen?.headers["proxy-authorization"], undefined);
  assert.equal(seen?.headers["x-hop"], undefined);
});

test("a host is refused by name, by port, as an address, and in every odd form, and that is logged", async (t) => {
  const upstream = await startUpstream(t);
  const { port, records } = await startNamed(t, upstream.port);
  const refused = [
    `127.0.0.1:${upstream.port}`,
    `[::ffff:127.0.0.1]:${upstream.port}`,
    `other.internal:${upstream.port}`,
    "service.internal:22",
    "169.254.169.254:80",
    "[fd00:ec2::254]:80",
  ];
  const odd = [
    "service.internal",
    `user:hunter22@service.internal:${upstream.port}`,
    `2130706433:${upstream.port}`,
    `0x7f.1:${upstream.port}`,
    `service%2einternal:${upstream.port}`,
    `http://service.internal:${upstream.port}/`,
    `service.internal:${upstream.port}#`,
    "/",
    "*",
  ];
  for (const authority of refused) {
    const answer = await sendRaw(port, `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 403 /, authority);
  }
  for (const authority of odd) {
    const answer = await sendRaw(port, `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /, authority);
  }
  assert.equal(upstream.requests.length, 0);
  assert.equal(records.length, refused.length + odd.length);
  assert.ok(records.every(({ verdict, reason }) => verdict === "refused" && reason !== ""));
  assert.ok(!JSON.stringify(records).includes("hunter22"));
});

test("the same host in capitals or with a last dot is the same", async (t) => {
  const upstream = await startUpstream(t);
  const { port } = await startNamed(t, upstream.port);
  for (const name of ["SERVICE.internal", "service.internal."]) {
    (await openTunnel(t, port, `${name}:${upstream.port}`)).destroy();
  }
});

test("one forbidden address among the answers refuses the name", async (t) => {
  const upstream = await startUpstream(t);
  for (const bad of ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254", "ff02::1"]) {
    const { port, recorded } = await startNamed(t, upstream.port, ["127.0.0.1", bad]);
    const answer = await sendRaw(
      port,
      `CONNECT service.internal:${upstream.port} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 403 /, bad);
    const [record] = await recorded(1);
    assert.equal(record?.address, bad);
  }
});

test("a public name that resolves to this machine or a private network is refused, however often it answers", async (t) => {
  const upstream = await startUpstream(t);
  const host = "registry.example.org";
  for (const address of [
    "127.0.0.1",
    "::1",
    "10.0.0.1",
    "192.168.0.1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "100.64.0.1",
  ]) {
    let asked = 0;
    const { port, records } = await startGate(t, {
      network: { kind: "hosts", allow: [{ host, port: upstream.port }, { host: "*.example.org" }] },
      lookup: async () => {
        asked += 1;
        return [{ address, family: address.includes(":") ? 6 : 4 }];
      },
    });
    const answer = await sendRaw(port, `CONNECT ${host}:${upstream.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 403 /, address);
    assert.equal(asked, 1);
    assert.equal(records[0]?.verdict, "refused");
  }
  assert.equal(upstream.requests.length, 0);
});

test("a name is resolved once: the address that was checked is the one that is reached", async (t) => {
  const upstream = await startUpstream(t);
  const answers = [["127.0.0.1"], ["169.254.169.254"]];
  let asked = 0;
  const { port } = await startGate(t, {
    network: { kind: "hosts", allow: [{ host: "service.internal", port: upstream.port }] },
    lookup: async () => (answers[asked++] ?? []).map((address) => ({ address, family: 4 })),
  });
  (await openTunnel(t, port, `service.internal:${upstream.port}`)).destroy();
  assert.equal(asked, 1);
});

test("an address that doesn't answer gives way to the next", async (t) => {
  const upstream = await startUpstream(t);
  const { port } = await startNamed(t, upstream.port, ["127.9.9.9", "127.0.0.1"]);
  (await openTunnel(t, port, `service.internal:${upstream.port}`)).destroy();
});

test("requests that two servers could read differently are refused", async (t) => {
  const upstream = await startUpstream(t);
  const provider = providerAt(upstream.port);
  const { port, gate } = await startGate(t, {
    providers: [provider],
    network: { kind: "hosts", allow: [{ host: "service.internal", port: upstream.port }] },
    lookup: async () => [{ address: "127.0.0.1", family: 4 }],
  });
  const own = `/${gate.token}/test/127.0.0.1:${upstream.port}/v1/x`;
  const other = `http://service.internal:${upstream.port}/x`;
  const host = `Host: service.internal:${upstream.port}`;
  const body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const messages = [
    ...[own, other].flatMap((url) => [
      `POST ${url} HTTP/1.1\r\n${host}\r\nContent-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
      `POST ${url} HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${body}`,
      `POST ${url} HTTP/1.1\r\n${host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${body}`,
      `POST ${url} HTTP/1.1\r\n${host}\r\nTransfer-Encoding: xchunked\r\n\r\n${body}`,
      `POST ${url} HTTP/1.1\r\n${host}\r\nTransfer-Encoding : chunked\r\n\r\n${body}`,
      `POST ${url} HTTP/1.1\r\n${host}\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n${body}`,
      `POST ${url} HTTP/1.1\r\n${host}\r\nContent-Length: +4\r\n\r\n${body}`,
      `GET ${url} HTTP/1.1\r\n${host}\r\nX: a\rb\r\n\r\n`,
      `GET ${url} HTTP/1.1\r\n${host}\r\n X: folded\r\n\r\n`,
      `GET ${url} HTTP/1.1\n${host}\nX\0: y\n\n`,
      `GET ${url} HTTP/1.1\r\n\r\n`,
    ]),
    `GET ${other} HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n`,
    `GET ${other} HTTP/1.1\r\n${host}\r\nHost: elsewhere.example\r\n\r\n`,
    `GET ${other.replace("http:", "https:")} HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET ${other.replace("http:", "file:")} HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET ${other.replace("//", "//u:p@")} HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET ${other.replace("/x", "\\x")} HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET service.internal:${upstream.port} HTTP/1.1\r\n${host}\r\n\r\n`,
    "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    "GET / HTTP/9.9\r\n\r\n",
  ];
  for (const message of messages) {
    assert.match(await sendRaw(port, message), /^HTTP\/1\.1 (?:400|501|505) /, JSON.stringify(message));
  }
  assert.deepEqual(upstream.requests, []);
});

test("a header beyond the bound, and one that never ends, close the connection", async (t) => {
  const { port } = await startGate(t, { limits: { maxHeaderBytes: 4096, headerTimeout: 50 } });
  assert.match(await sendRaw(port, `GET / HTTP/1.1\r\nX: ${"x".repeat(8192)}`), /^HTTP\/1\.1 4\d\d /);
  const socket = connectTo(t, port);
  const trickle = setInterval(() => socket.write("X"), 10);
  t.after(() => clearInterval(trickle));
  socket.write("GET / HTTP/1.1\r\nX: ");
  await ended(socket);
  // One that says nothing at all.
  await ended(connectTo(t, port).resume());
});

test("an idle tunnel ends", async (t) => {
  const server = createServer((socket) => socket.on("error", () => {}));
  const target = await listen(t, server);
  const { port, recorded } = await startGate(t, {
    hosts: [{ host: "127.0.0.1", port: target, named: true }],
    limits: { idleTimeout: 50 },
  });
  const socket = await openTunnel(t, port, `127.0.0.1:${target}`);
  await ended(socket.resume());
  const [record] = await recorded(1);
  assert.match(record?.reason ?? "", /too long/);
});

test("thousands of connections are turned away beyond the bound, with few records, and the next one is served", async (t) => {
  const upstream = await startUpstream(t);
  const { port, records } = await startGate(t, {
    providers: [providerAt(upstream.port)],
    limits: { maxConnections: 16 },
  });
  const held = await Promise.all(
    Array.from({ length: 16 }, async () => {
      const socket = connectTo(t, port);
      await once(socket, "connect");
      return socket;
    }),
  );
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 100 }, () => sendRaw(port, "GET / HTTP/1.1\r\n\r\n")));
  }
  assert.ok(records.length >= 1 && records.length < 30, `${records.length} records`);
  assert.ok(records.every(({ reason }) => reason?.startsWith("more than 16")));
  for (const socket of held) socket.destroy();
  let answer = "";
  // The gate hears of the closed connections a moment after they closed here.
  while (answer === "") {
    answer = await sendRaw(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  assert.match(answer, /^HTTP\/1\.1 404 /);
});

test("requests that don't wait for an answer end the connection instead of multiplying", async (t) => {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  const upstream = await startUpstream(t, async (_request, response) => {
    await release;
    response.end();
  });
  const { port, gate } = await startGate(t, { providers: [providerAt(upstream.port)] });
  const line = `GET /${gate.token}/test/127.0.0.1:${upstream.port}/v1/x HTTP/1.1\r\nHost: x\r\n\r\n`;
  await sendRaw(port, line.repeat(200));
  assert.ok(upstream.requests.length <= 1);
  resolve();
});

test("closing ends tunnels, requests and waiting connections, and closes twice", async (t) => {
  const server = createServer((socket) => socket.on("error", () => {}));
  const target = await listen(t, server);
  const { gate, port, recorded } = await startGate(t, {
    hosts: [{ host: "127.0.0.1", port: target, named: true }],
  });
  const tunnel = await openTunnel(t, port, `127.0.0.1:${target}`);
  const waiting = connectTo(t, port);
  await once(waiting, "connect");
  const closed = [tunnel, waiting].map((socket) => ended(socket.resume()));
  await gate.close();
  await Promise.all(closed);
  assert.equal((await recorded(1))[0]?.verdict, "allowed");
  await gate.close();
  const late = connect({ host: "127.0.0.1", port });
  const [error] = await once(late, "error");
  assert.equal((error as NodeJS.ErrnoException).code, "ECONNREFUSED");
});

test("on the host's loopback the proxy asks for the token", async (t) => {
  const upstream = await startUpstream(t);
  const gate = new Gate({
    network: { kind: "open" },
    hosts: [{ host: "127.0.0.1", port: upstream.port, named: true }],
    onLog: () => {},
  });
  t.after(() => gate.close());
  const port = await gate.listen();
  const line = `CONNECT 127.0.0.1:${upstream.port} HTTP/1.1\r\nHost: x\r\n`;
  assert.match(await sendRaw(port, `${line}\r\n`), /^HTTP\/1\.1 407 /);
  const socket = connectTo(t, port);
  const basic = Buffer.from(`pictl:${gate.token}`).toString("base64");
  socket.write(`${line}Proxy-Authorization: Basic ${basic}\r\n\r\n`);
  const [chunk] = await once(socket, "data");
  assert.equal(String(chunk), CONNECTED);
  socket.destroy();
});
