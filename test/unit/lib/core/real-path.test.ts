import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { realPath } from "../../../../src/lib/core/real-path.ts";

test("follows links as far as there is something, and beyond", (t) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-real-")));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "real/in"), { recursive: true });
  writeFileSync(join(root, "real/in/file"), "");
  for (const [link, target] of Object.entries({
    link: join(root, "real"),
    relative: "real/in",
    dangling: "link/missing/further",
    circle: "circle",
    twice: "relative",
  }))
    symlinkSync(target, join(root, link));
  for (const [path, expected] of Object.entries({
    "real/in/file": "real/in/file",
    "link/in/file": "real/in/file",
    "twice/file": "real/in/file",
    "link/none/of/it": "real/none/of/it",
    "none/of/it": "none/of/it",
    dangling: "real/missing/further",
    "dangling/below": "real/missing/further/below",
    "real/in/file/below": "real/in/file/below",
    circle: "circle",
    "circle/below": "circle/below",
  }))
    assert.equal(realPath(join(root, path)), join(root, expected), path);
  assert.equal(realPath("/"), "/");
});
