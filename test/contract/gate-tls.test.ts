import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { insideUrl } from "../../src/lib/sandbox/gate/mount.ts";
import { KEY, listen, PLACEHOLDER, providerAt, startGate } from "../support/gate.ts";

const skip =
  spawnSync("openssl", ["version"]).status === 0 ? false : "openssl is not there to make a certificate";

/** An HTTPS server whose certificate is for one name, and trusted in this process while the test runs. */
async function startTls(
  t: TestContext,
  name: string,
): Promise<{ port: number; keys: (string | undefined)[] }> {
  const place = mkdtempSync(join(tmpdir(), "pictl-tls-"));
  t.after(() => rmSync(place, { recursive: true }));
  const path = (file: string) => join(place, file);
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ].concat(
      ["-keyout", path("key.pem"), "-out", path("cert.pem"), "-subj", `/CN=${name}`],
      ["-addext", `subjectAltName=DNS:${name}`],
    ),
    { stdio: "ignore" },
  );
  const [key, cert] = [readFileSync(path("key.pem"), "utf8"), readFileSync(path("cert.pem"), "utf8")];
  const trusted = getCACertificates("default");
  setDefaultCACertificates([...trusted, cert]);
  t.after(() => setDefaultCACertificates(trusted));
  const keys: (string | undefined)[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    keys.push(request.headers.authorization);
    response.end(`for ${request.headers.host}`);
  });
  server.on("tlsClientError", () => {});
  const port = await listen(t, server);
  return { port, keys };
}

test("a provider behind https is asked under its own name, whose certificate is checked before the key goes out", {
  skip,
}, async (t) => {
  const { port: target, keys } = await startTls(t, "model.internal");
  const ask = async (host: string) => {
    const mount = { url: `https://${host}:${target}/v1`, named: true };
    const provider = providerAt(target, { mounts: [mount] });
    const { port, gate, recorded } = await startGate(t, {
      providers: [provider],
      lookup: async () => [{ address: "127.0.0.1", family: 4 }],
    });
    const answer = await fetch(`${insideUrl({ port, token: gate.token }, "test", mount)}/x`, {
      headers: { authorization: `Bearer ${PLACEHOLDER}` },
    });
    const [record] = await recorded(1);
    return { status: answer.status, body: await answer.text(), record };
  };
  const right = await ask("model.internal");
  assert.equal(right.body, `for model.internal:${target}`);
  assert.deepEqual([right.record?.verdict, right.record?.address], ["allowed", "127.0.0.1"]);
  assert.deepEqual(keys, [`Bearer ${KEY}`]);
  const wrong = await ask("other.internal");
  assert.equal(wrong.status, 502);
  assert.equal(wrong.record?.verdict, "failed");
  const literal = await ask("127.0.0.1");
  assert.equal(literal.status, 502);
  assert.equal(keys.length, 1);
});
