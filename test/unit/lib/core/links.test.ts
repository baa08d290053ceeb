import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  linksTo,
  pathInto,
  rememberingLinksTo,
  rememberingRealPath,
} from "../../../../src/lib/core/links.ts";
import { realPath } from "../../../../src/lib/core/real-path.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-links-")));
after(() => rmSync(root, { recursive: true, force: true }));

test("what is named in a directory stays as it is named, whatever links are there", () => {
  const [place, outside] = [join(root, "place"), join(root, "outside")];
  for (const directory of [place, outside]) mkdirSync(directory);
  symlinkSync(outside, join(place, "out"));
  symlinkSync(place, join(root, "way"));
  symlinkSync("way", join(root, "longer"));
  const into = (path: string) => pathInto(join(root, path), [place]).slice(root.length);
  assert.equal(into("place/out/file"), "/place/out/file");
  assert.equal(into("longer/out/file"), "/place/out/file");
  assert.equal(into("way"), "/place");
  assert.equal(into("outside/missing/file"), "/outside/missing/file");
});

test("what is remembered is what is found each time", () => {
  mkdirSync(join(root, "directory/inner"), { recursive: true });
  writeFileSync(join(root, "file"), "");
  const targets = {
    link: "directory",
    dangling: "nowhere/at/all",
    circle: "circle",
    chain: "link/inner",
    "directory/up": "../file",
  };
  for (const [name, target] of Object.entries(targets)) symlinkSync(target, join(root, name));
  const places = [
    ...[
      "",
      "directory",
      "directory/inner",
      "directory/missing",
      "directory/missing/below",
      "file",
      "file/below",
    ],
    ...["link", "link/inner", "link/missing", "link/missing/below", "link/up", "link/up/below"],
    ...["dangling", "dangling/below", "circle", "circle/below", "chain", "chain/below"],
  ].map((name) => join(root, name));
  const [real, links] = [rememberingRealPath(), rememberingLinksTo()];
  for (const path of ["/", "/nonexistent", "/nonexistent/a/b", ...places, ...places.toReversed()]) {
    assert.equal(real(path), realPath(path), path);
    assert.deepEqual(links(path), linksTo(path), path);
  }
});
