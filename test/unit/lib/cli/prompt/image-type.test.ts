import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { imageType } from "../../../../../src/lib/cli/prompt/image-type.ts";
import { GIF, JPEG, png, WEBP } from "../../../../support/images.ts";

describe("imageType", () => {
  it("knows the four formats by their content", () => {
    assert.deepEqual(imageType(png(2, 2)), { mimeType: "image/png", complete: true });
    assert.deepEqual(imageType(JPEG), { mimeType: "image/jpeg", complete: true });
    assert.deepEqual(imageType(GIF), { mimeType: "image/gif", complete: true });
    assert.deepEqual(imageType(WEBP), { mimeType: "image/webp", complete: true });
  });

  it("tells a picture that was cut off, wherever it was", () => {
    for (const [bytes, mimeType] of [
      [png(200, 200), "image/png"],
      [WEBP, "image/webp"],
      [JPEG, "image/jpeg"],
    ] as const) {
      for (let length = 12; length < bytes.length; length += 5)
        assert.deepEqual(imageType(bytes.subarray(0, length)), { mimeType, complete: false }, `${length}`);
    }
  });

  it("refuses what providers refuse: an animated PNG, a lossless JPEG", () => {
    const animated = png(2, 2, { type: "acTL", data: Buffer.alloc(8) });
    assert.deepEqual(imageType(animated), { unsupported: "an animated PNG picture" });
    const lossless = Buffer.from([0xff, 0xd8, 0xff, 0xf7]);
    assert.deepEqual(imageType(lossless), { unsupported: "a lossless JPEG picture" });
  });

  it("says nothing of anything else, however short", () => {
    for (const text of ["", "\xff", "GIF", "RIFF", "RIFFxxxxWAVE", "RIFFxxxxWEB", "plain text"]) {
      assert.equal(imageType(Buffer.from(text, "latin1")), undefined, JSON.stringify(text));
    }
  });
});
