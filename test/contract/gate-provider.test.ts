import assert from "node:assert/strict";
import { once } from "node:events";
import { get, request as httpRequest, type IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { insideUrl } from "../../src/lib/sandbox/gate/mount.ts";
import { KEY, PLACEHOLDER, providerAt, sendRaw, startGate, startUpstream } from "../support/gate.ts";

/** A gate before one provider, and the URL that stands for its base inside. */
async function startProvider(
  t: TestContext,
  answer?: Parameters<typeof startUpstream>[1],
  options: Parameters<typeof providerAt>[1] = {},
) {
  const upstream = await startUpstream(t, answer);
  const provider = providerAt(upstream.port, options);
  const started = await startGate(t, { providers: [provider], session: "s1" });
  const [mount] = provider.mounts;
  assert.ok(mount);
  const base = insideUrl({ port: started.port, token: started.gate.token }, provider.id, mount);
  return { ...started, upstream, base };
}

test("a request to a provider gets the real key where the placeholder stood, and no other credential", async (t) => {
  const { base, upstream, recorded } = await startProvider(t);
  const answer = await fetch(`${base}/chat/completions?key=${PLACEHOLDER}&alt=sse&api%5Fkey=mine`, {
    method: "POST",
    body: "{}",
    headers: {
      authorization: `Bearer ${PLACEHOLDER}`,
      "x-api-key": "a key of an attacker",
      cookie: "a=b",
      "x-forwarded-for": "1.2.3.4",
      "anthropic-version": "2023-06-01",
    },
  });
  assert.equal(await answer.text(), "hello");
  const [request] = upstream.requests;
  assert.equal(request?.url, "/v1/chat/completions?alt=sse");
  assert.equal(request?.headers.authorization, `Bearer ${KEY}`);
  assert.equal(request?.headers.host, `127.0.0.1:${upstream.port}`);
  assert.equal(request?.headers["anthropic-version"], "2023-06-01");
  for (const name of ["x-api-key", "cookie", "x-forwarded-for"])
    assert.equal(request?.headers[name], undefined);
  const [record] = await recorded(1);
  assert.equal(record?.provider, "test");
  assert.deepEqual(
    [
      record?.method,
      record?.host,
      record?.port,
      record?.verdict,
      record?.status,
      record?.session,
      record?.address,
    ],
    ["POST", "127.0.0.1", upstream.port, "allowed", 200, "s1", "127.0.0.1"],
  );
  assert.ok(record !== undefined && record.bytesIn > 5 && record.bytesOut > 2);
  assert.ok(!JSON.stringify(record).includes(KEY));
});

test("headers of a credential are added in place of the client's", async (t) => {
  const { base, upstream } = await startProvider(t, undefined, {
    credential: async () => ({ headers: { Authorization: `Bearer ${KEY}`, "X-Team": "blue" } }),
  });
  await fetch(`${base}/x`, {
    headers: { authorization: "Bearer other", "x-team": "red", "x-api-key": PLACEHOLDER },
  });
  const [request] = upstream.requests;
  assert.equal(request?.headers.authorization, `Bearer ${KEY}`);
  assert.equal(request?.headers["x-team"], "blue");
  assert.equal(request?.headers["x-api-key"], undefined);
});

test("without the token, or outside the provider's base, nothing goes out", async (t) => {
  const { base, upstream, port, gate, records } = await startProvider(t);
  const prefix = `/${gate.token}/test/127.0.0.1:${upstream.port}/v1`;
  assert.ok(base.endsWith(prefix));
  const paths = [
    prefix.replace(gate.token, "x".repeat(gate.token.length)),
    prefix.replace(gate.token, ""),
    prefix.replace("/test/", "/other/"),
    prefix.replace("/v1", "/v2"),
    prefix.replace("/v1", "/v11"),
    prefix.replace(String(upstream.port), "22"),
    `${prefix}/../admin`,
    `${prefix}/..`,
    `${prefix}/./x`,
    `${prefix}/%2e%2e/admin`,
    `${prefix}/%2E./admin`,
    `${prefix}/%252e%252e/admin`,
    `${prefix}/%25252525252e%25252525252e/admin`,
    `${prefix}/x%2f..%2fadmin`,
    `${prefix}/..%5cadmin`,
    `${prefix}/..\\admin`,
    `${prefix}/..;/admin`,
    `${prefix}/%00`,
    `${prefix}/%0d%0aX:%20y`,
    `${prefix}/%zz`,
  ];
  for (const path of paths) {
    const answer = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 40[04] /, path);
  }
  assert.deepEqual(upstream.requests, []);
  assert.equal(records.filter(({ verdict }) => verdict === "refused").length, paths.length);
  assert.ok(!JSON.stringify(records).includes(gate.token));
});

test("events go through as they come, and leaving ends the request at the provider", async (t) => {
  const closed = Promise.withResolvers<void>();
  const { base } = await startProvider(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: one\n\n");
    response.once("close", () => closed.resolve());
  });
  const request = get(`${base}/stream`);
  request.on("error", () => {});
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const [chunk] = await once(response, "data");
  assert.equal(String(chunk), "data: one\n\n");
  request.destroy();
  await closed.promise;
});

test("headers go through before there is a body, and leaving before there is an answer ends the request too", async (t) => {
  const arrived = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const { base, recorded } = await startProvider(t, (request, response) => {
    if (request.url === "/v1/headers") response.flushHeaders();
    else {
      response.once("close", () => closed.resolve());
      arrived.resolve();
    }
  });
  const first = get(`${base}/headers`);
  first.on("error", () => {});
  await once(first, "response");
  first.destroy();
  const second = get(`${base}/thinks`);
  second.on("error", () => {});
  await arrived.promise;
  second.destroy();
  await closed.promise;
  assert.deepEqual(
    (await recorded(2)).map(({ verdict }) => verdict),
    ["failed", "failed"],
  );
});

test("a path whose parts are encoded goes through as it is", async (t) => {
  const { base, upstream } = await startProvider(t);
  await fetch(`${base}/models/a%2Fb%20c:stream?x=%2e%2e`);
  assert.equal(upstream.requests[0]?.url, "/v1/models/a%2Fb%20c:stream?x=%2e%2e");
});

test("an answer that echoes the key has it covered, in headers and body, split, long or compressed", async (t) => {
  const echo = `{"headers":{"authorization":"Bearer ${KEY}"}}`;
  const { base } = await startProvider(t, (request, response) => {
    response.setHeader("x-echo", `was ${request.headers.authorization}`);
    response.setHeader("set-cookie", "a=b");
    if (request.url === "/v1/gzip") {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(echo));
    } else if (request.url === "/v1/split") {
      response.write(echo.slice(0, 40));
      setImmediate(() => response.end(echo.slice(40)));
    } else response.setHeader("content-length", echo.length).end(echo);
  });
  for (const path of ["plain", "split", "gzip"]) {
    const answer = await fetch(`${base}/${path}`, { headers: { authorization: `Bearer ${PLACEHOLDER}` } });
    const body = await answer.text();
    assert.equal(body, echo.replace(KEY, "*".repeat(KEY.length)), path);
    assert.equal(answer.headers.get("x-echo"), `was Bearer ${"*".repeat(KEY.length)}`);
    assert.equal(answer.headers.get("set-cookie"), null);
  }
});

test("an answer that hides the key in its reason, a header's name, or another spelling has it covered", async (t) => {
  const { base, upstream } = await startProvider(
    t,
    (_request, response) => {
      response.writeHead(200, `no ${KEY}`, {
        [`x-${KEY}`]: "1",
        location: `/?key=${encodeURIComponent(KEY.toUpperCase())}`,
        "x-basic": Buffer.from(`user:${KEY}`).toString("base64"),
      });
      response.end(JSON.stringify({ key: KEY }).replaceAll("-", "\\u002d"));
    },
    {
      credential: async () => ({
        headers: { Authorization: `Basic ${Buffer.from(`me:${KEY}`).toString("base64")}` },
      }),
    },
  );
  const answer = await fetch(`${base}/x`, { headers: { range: "bytes=0-5", "if-range": "x" } });
  const [request] = upstream.requests;
  assert.deepEqual([request?.headers.range, request?.headers["if-range"]], [undefined, undefined]);
  const all = JSON.stringify([answer.statusText, [...answer.headers], await answer.text()]).toLowerCase();
  assert.match(all, /^\["no \*+",/);
  for (const part of [KEY.slice(3, 9), "\\u002d", Buffer.from(KEY).toString("base64").slice(4, 12)])
    assert.ok(!all.includes(part.toLowerCase()), all);
});

test("a redirect comes back as it is, and isn't followed", async (t) => {
  const elsewhere = await startUpstream(t);
  const { base, upstream } = await startProvider(t, (_request, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.port}/` }).end();
  });
  const answer = await fetch(`${base}/x`, { redirect: "manual" });
  assert.equal(answer.status, 307);
  assert.equal(upstream.requests.length, 1);
  assert.equal(elsewhere.requests.length, 0);
});

test("a large body passes in both directions, chunked or with its length", async (t) => {
  const size = 3_000_000;
  const { base, upstream } = await startProvider(t, (_request, response) => response.end("y".repeat(size)));
  for (const chunked of [false, true]) {
    const request = httpRequest(`${base}/x`, {
      method: "PUT",
      headers: chunked ? { "transfer-encoding": "chunked" } : { "content-length": size },
    });
    request.end("x".repeat(size));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let length = 0;
    for await (const chunk of response) length += (chunk as Buffer).length;
    assert.equal(length, size);
    const seen = upstream.requests.at(-1);
    assert.equal(seen?.body.length, size);
    assert.equal(
      seen?.headers[chunked ? "transfer-encoding" : "content-length"],
      chunked ? "chunked" : String(size),
    );
  }
});

test("a 401 of the provider asks for the credential anew, and one that can't be had is told without it", async (t) => {
  let asked = 0;
  const { base, recorded } = await startProvider(t, (_request, response) => response.writeHead(401).end(), {
    credential: async () => {
      if (asked > 0) throw new Error("log in again");
      return { values: { [PLACEHOLDER]: KEY } };
    },
    invalidate: () => {
      asked += 1;
    },
  });
  assert.equal((await fetch(`${base}/x`)).status, 401);
  const answer = await fetch(`${base}/x`);
  assert.equal(answer.status, 502);
  assert.match(await answer.text(), /no credential for test: log in again/);
  assert.deepEqual(
    (await recorded(2)).map(({ verdict }) => verdict),
    ["allowed", "failed"],
  );
});

test("a key that no header can hold fails without being shown", async (t) => {
  const { base, records } = await startProvider(t, undefined, {
    credential: async () => ({ values: { [PLACEHOLDER]: "sk-two\nlines-of-key" } }),
  });
  const answer = await fetch(`${base}/x`, { headers: { "x-api-key": PLACEHOLDER } });
  const body = await answer.text();
  assert.equal(answer.status, 502);
  assert.ok(!body.includes("sk-two") && !JSON.stringify(records).includes("sk-two"), body);
});

test("an upgrade of the protocol is refused", async (t) => {
  const { port, gate, upstream } = await startProvider(t);
  const path = `/${gate.token}/test/127.0.0.1:${upstream.port}/v1/realtime`;
  const answer = await sendRaw(
    port,
    `GET ${path} HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 501 /);
  assert.equal(upstream.requests.length, 0);
});

test("APIs of one provider under different bases are told apart by their paths", async (t) => {
  const upstream = await startUpstream(t);
  const at = (path: string) => `http://127.0.0.1:${upstream.port}${path}`;
  const mount = { url: at("/api/v1"), named: true, also: [{ path: "/v1/messages", url: at("/api") }] };
  const provider = providerAt(upstream.port, { mounts: [mount] });
  const { port, gate } = await startGate(t, { providers: [provider] });
  const base = insideUrl({ port, token: gate.token }, "test", mount);
  await fetch(`${base}/chat/completions`);
  await fetch(`${base}/v1/messages?beta=true`);
  assert.deepEqual(
    upstream.requests.map(({ url }) => url),
    ["/api/v1/chat/completions", "/api/v1/messages?beta=true"],
  );
});

test("no network at all means no provider either", async (t) => {
  const upstream = await startUpstream(t);
  const provider = providerAt(upstream.port);
  const { port, gate } = await startGate(t, { providers: [provider], network: { kind: "none" } });
  const answer = await fetch(`http://127.0.0.1:${port}/${gate.token}/test/127.0.0.1:${upstream.port}/v1/x`);
  assert.equal(answer.status, 403);
  assert.equal(upstream.requests.length, 0);
});
