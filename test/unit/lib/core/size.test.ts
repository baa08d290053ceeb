import assert from "node:assert/strict";
import { test } from "node:test";
import { PictlError } from "../../../../src/lib/core/errors.ts";
import { formatSize, parseSize } from "../../../../src/lib/core/size.ts";

test("sizes are powers of 1024, or bytes", () => {
  const sizes = {
    "4G": 4 * 1024 ** 3,
    "512m": 512 * 1024 ** 2,
    "1.5KiB": 1536,
    "2 TB": 2 * 1024 ** 4,
    "7": 7,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseSize(text), bytes, text);
});

test("what isn't a size is refused", () => {
  for (const text of ["", "G", "-1G", "4X", "1e9", "4G4", "9999999999T"])
    assert.throws(() => parseSize(text), PictlError, text);
});

test("a size is written in the largest unit that is whole, and read back", () => {
  for (const bytes of [1, 1536, 1024, 4 * 1024 ** 3, 5 * 1024 ** 2])
    assert.equal(parseSize(formatSize(bytes)), bytes);
  assert.equal(formatSize(4 * 1024 ** 3), "4G");
  assert.equal(formatSize(1536), "1536");
});
