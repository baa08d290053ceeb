import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAuthority } from "../../../../../src/lib/sandbox/gate/target.ts";
import { LONG } from "../../../../support/speed.ts";

test("names and addresses are read in one form", () => {
  const read = (text: string, port?: number) => parseAuthority(text, port);
  assert.deepEqual(read("API.Example.COM.:443"), { host: "api.example.com", port: 443, literal: false });
  assert.deepEqual(read("api.example.com", 80), { host: "api.example.com", port: 80, literal: false });
  assert.deepEqual(read("127.0.0.1:80"), { host: "127.0.0.1", port: 80, literal: true });
  assert.deepEqual(read("[::0001]:80"), { host: "::1", port: 80, literal: true });
  assert.deepEqual(read("[::ffff:127.0.0.1]:80"), { host: "::ffff:7f00:1", port: 80, literal: true });
  assert.deepEqual(read("xn--bcher-kva.example:443"), {
    host: "xn--bcher-kva.example",
    port: 443,
    literal: false,
  });
});

test("what two programs could read differently is refused", () => {
  const odd = [
    "user@example.com:443",
    "allowed.com@evil.com:443",
    "example.com",
    "example.com:",
    "example.com:0",
    "example.com:0443",
    "example.com:65536",
    "example.com:443:80",
    "example.com:443/path",
    "example.com%00.evil.com:443",
    "%65xample.com:443",
    "exa mple.com:443",
    "bücher.example:443",
    "ex..ample:443",
    ".example.com:443",
    "-x.example:443",
    "2130706433:80",
    "0x7f000001:80",
    "0x7f.1:80",
    "0177.0.0.1:80",
    "127.1:80",
    "127.0.0.01:80",
    "1.2.3.4.5:80",
    "[fe80::1%25eth0]:80",
    "[::1:80",
    "::1:80",
    "[127.0.0.1]:80",
    "[]:80",
    "",
    ":80",
    `${"a.".repeat(130)}com:443`,
    `${"a".repeat(64)}.com:443`,
    "example.com:443\r\nX: y",
    "example.com:443#",
  ];
  for (const text of odd) assert.ok("reason" in parseAuthority(text), text);
});

test("whatever is taken for a host and port, a URL parser reads as the same", () => {
  const part = fc.constantFrom(
    "a",
    "xn--p1ai",
    "127",
    "0x7f",
    "1",
    "0",
    "[::1]",
    "::",
    "%2e",
    "@",
    ".",
    "-",
    "_",
    ":",
    "80",
    "443",
    "/",
    "\\\\",
    "?",
    "#",
    " ",
    "ü",
    "A",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const text = parts.join("");
      const target = parseAuthority(text, 80);
      if ("reason" in target) return;
      const url = new URL(`http://${text}/`);
      assert.equal(url.username, "");
      assert.equal(url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, ""), target.host, text);
      assert.equal(url.port === "" ? 80 : Number(url.port), target.port, text);
    }),
    { numRuns: LONG ? 3000 : 600 },
  );
});
