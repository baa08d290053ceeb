import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SecretFinder, scrub } from "../../../../../src/lib/sandbox/gate/scrub.ts";
import { scaled } from "../../../../support/speed.ts";

test("a secret is covered however the bytes are cut, and nothing else changes", async () => {
  const secret = "aab-secret";
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.constant(secret), fc.constantFrom("a", "aa", "aab-", "ü", "secret", "\n\n"))),
      fc.array(fc.nat({ max: 12 }), { maxLength: 40 }),
      async (parts, cuts) => {
        const data = Buffer.from(parts.join(""));
        const stream = scrub([secret]);
        let at = 0;
        for (const cut of cuts) {
          if (cut > 0 && at < data.length) stream.write(data.subarray(at, at + cut));
          at += cut;
        }
        stream.end(data.subarray(at));
        const out: Buffer[] = [];
        for await (const chunk of stream) out.push(chunk as Buffer);
        assert.equal(
          Buffer.concat(out).toString(),
          data.toString().replaceAll(secret, "*".repeat(secret.length)),
        );
      },
    ),
  );
});

test("what can't be the begin of a secret isn't held back", () => {
  const stream = scrub(["secret"]);
  stream.write("data: one\n\n");
  assert.equal(String(stream.read()), "data: one\n\n");
  stream.write("data: se");
  assert.equal(String(stream.read()), "data: ");
  stream.destroy();
});

const KEY = "sk-Ab/9+c_d=0123.xyz";
const hex = (text: string, form: (code: string) => string) =>
  [...text].map((character) => form(character.charCodeAt(0).toString(16).padStart(2, "0"))).join("");
const base64 = (text: string, alphabet: "base64" | "base64url" = "base64") =>
  Buffer.from(text).toString(alphabet);

/** How a server may write a key: none of them may show it. */
const SPELLINGS: Record<string, string> = {
  "as it is": KEY,
  "in capitals": KEY.toUpperCase(),
  "in small letters": KEY.toLowerCase(),
  "encoded for a URL": encodeURIComponent(KEY),
  "encoded for a URL twice": encodeURIComponent(encodeURIComponent(KEY)),
  "percent signs alone": hex(KEY, (code) => `%${code}`),
  "JSON's escapes": hex(KEY, (code) => `\\u00${code}`),
  "JSON in JSON": hex(KEY, (code) => `\\\\u00${code.toUpperCase()}`),
  "JavaScript's escapes": hex(KEY, (code) => `\\x${code}`),
  "an escaped slash": KEY.replace("/", "\\/"),
  "HTML's names": KEY.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&amp;equals;"),
  "HTML's numbers": hex(KEY, (code) => `&#x${code};`),
  "HTML's numbers in decimals": [...KEY].map((character) => `&#0${character.charCodeAt(0)}`).join(";"),
  "quoted-printable": hex(KEY, (code) => `=${code.toUpperCase()}`),
  hexadecimal: hex(KEY, (code) => code),
  "UTF-16": Buffer.from(KEY, "utf16le").toString("latin1"),
  "UTF-16, the other way round": Buffer.from(KEY, "utf16le").swap16().toString("latin1"),
  mixed: KEY.replace("s", "%73").replace("b", "\\u0042").replace("x", "&#88;").replace("9", "=39"),
};
for (const [name, text] of Object.entries(SPELLINGS)) {
  test(`a secret is covered in other spellings: ${name}`, async () => {
    const data = Buffer.from(`before "${text}" behind`, "latin1");
    for (const size of [data.length, 7, 1]) {
      const stream = scrub([KEY]);
      for (let at = 0; at < data.length; at += size) stream.write(data.subarray(at, at + size));
      stream.end();
      const out = (await stream.toArray()).map(String).join("");
      assert.match(out, /^before "\*+;?\0?" behind$/, `${size} bytes at a time: ${out}`);
    }
  });
}

test("a secret is covered in base64 wherever it stands in the text, but for the digits that it shares", () => {
  const finder = new SecretFinder([KEY]);
  for (const before of ["", "a", "ab", "user:", "user:a", "user:ab"]) {
    for (const alphabet of ["base64", "base64url"] as const) {
      const covered = finder.cover(base64(`${before}${KEY}tail`, alphabet));
      const left = Buffer.from(covered.replaceAll("*", "A"), "base64").toString("latin1");
      for (let at = 0; at + 3 <= KEY.length; at += 1)
        assert.ok(!left.includes(KEY.slice(at, at + 3)), `${before} ${alphabet}: ${left}`);
    }
  }
});

test("covering is quick also where nearly everything looks like an escape", () => {
  const data = Buffer.from("\\u0041%41&#65;=41\\\\%25".repeat(20_000));
  const begun = performance.now();
  assert.equal(new SecretFinder([KEY, "sk-another-key"]).coverBytes(data, true).covered, data);
  assert.ok(performance.now() - begun < scaled(10_000));
});
