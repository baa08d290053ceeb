import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scrub } from "../../../../../src/lib/sandbox/gate/scrub.ts";

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
